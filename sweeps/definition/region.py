"""The region of practical equivalence: differences that do not matter, fixed before scores are seen.

Its half width, the *rope*, is recorded when a sweep begins. A rope that is chosen after scores were seen can
be chosen so that it gives the answer that was hoped for. So another one is used only if it is asked for by
name, and the answer says so.
"""

import tomllib

from sweeps.definition import checks
from tracking.ledger.entry import SweepEntry
from trainer.errors import UsageError
from trainer.metrics.metric import MACRO_F1, Metric


def fixed_rope(entry: SweepEntry, metric: Metric = MACRO_F1) -> float:
    """Return the rope that was fixed when the sweep began, otherwise the metric's usual one."""
    return metric.rope if entry.details.rope is None else entry.details.rope


def present_rope(entry: SweepEntry) -> float | None:
    """Return the rope in the sweep's text as it was last recorded; None if it has none."""
    try:
        value = tomllib.loads(entry.toml).get("compare", {}).get("rope")
        return None if value is None else checks.rope(value)
    except (tomllib.TOMLDecodeError, AttributeError, ValueError):  # 'refold verify' names what is wrong
        return None


def check_rope(value: float) -> None:
    """Check a rope of the command line or of a notebook.

    Raises:
        UsageError: if it is outside its range.
    """
    try:
        checks.rope(value)
    except ValueError as error:
        raise UsageError(f"--rope {value}: {error}") from None

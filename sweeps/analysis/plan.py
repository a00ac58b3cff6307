"""``refold plan SWEEP``: the power of the verdict that ``refold compare`` would give of a recorded sweep."""

from collections.abc import Sequence
from typing import Any

from sweeps.analysis.choices import On
from sweeps.analysis.exam import planning as on_exam
from sweeps.analysis.exam.comparison import exam_of
from sweeps.analysis.folds import planning as on_folds
from sweeps.definition.exam import exam_images
from sweeps.definition.region import fixed_rope
from sweeps.home import Home
from tracking.ledger.ledger import Ledger
from trainer.errors import UsageError


def of_sweep(
    home: Home, name: str, *, on: On | None = None, architectures: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return how many refits or repeats the verdict needs, as JSON data; nothing is trained or opened.

    Args:
        home: the folder that holds the sweep's record.
        name: the sweep's name.
        on: the images that the verdict is about; if None, the exam of a sweep that has one, else the folds.
        architectures: on the exam: those whose winners are compared; None for all.

    Raises:
        UsageError: if there is no such sweep, or it has too little to plan with; the message says what is
            missing.
    """
    with Ledger.read(home.path) as ledger:
        record, entry = ledger.sweep(name), ledger.entry(name)
        assert entry is not None  # noqa: S101 - there is a record
        told = entry.dataset.exam
        openings = () if told is None else ledger.openings(told.fingerprint)
    if on == "folds" or (on is None and told is None):
        if architectures is not None:
            raise UsageError("--architectures belongs to a plan on an exam: folds are planned for all")
        return on_folds.plan(record, fixed_rope(entry, record.metric))
    found = None if told is None else exam_images(home.path, entry)
    if found is None or told is None:
        raise UsageError(f"the sweep {name!r} has no exam: no images were set aside before its search")
    exam = exam_of(entry, told, found[0], record.metric, openings)
    return on_exam.plan(record, exam, architectures)


def lines(report: dict[str, Any]) -> list[str]:
    """Return the result of ``of_sweep`` as lines to print."""
    return on_exam.lines(report) if report["on"] == "exam" else on_folds.lines(report)

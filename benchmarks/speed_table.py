"""From measured runs to the tables of ``compare_speed``: pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from benchmarks.task import Trial, best_f1, fold_epochs, trials_of

Mode = Literal["equal", "search"]

#: What the table calls a mode.
MODES: Mapping[Mode, str] = {
    "equal": "Equal work: refold does not prune; the others train its trials, each fit for as many epochs",
    "search": "Each tool searches by itself, with as many trials; refold prunes as it does by default",
}
TOOLS: Mapping[str, str] = {
    "refold": "refold",
    "by_hand": "loop by hand (Optuna, Keras, MLflow)",
    "keras_tuner": "KerasTuner",
    "ray_tune": "Ray Tune with Optuna, a trial a core",
}
HEADER = (
    "tool", "wall time", "times refold's", "trials", "fold-epochs", "each", "best macro-F1", "minus refold's"
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One tool's run of the task.

    Attributes:
        mode: "equal" or "search".
        tool: key of ``TOOLS``.
        seconds: wall-clock time of its whole command, from the start of the process to its end.
        trials: what it did. What refold trained side by side and then dropped is in the time alone.
        load: average number of busy processes in the minute before: other people's, if it is above 0.
        started_at: date and time, UTC.
        versions: of Python and the packages in its environment.
    """

    mode: Mode
    tool: str
    seconds: float
    trials: tuple[Trial, ...]
    load: float
    started_at: str
    versions: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain JSON data; ``from_json`` is the inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Row":
        """Rebuild a row from what ``to_json`` returned."""
        return cls(**{**data, "trials": tuple(trials_of(data["trials"]))})


def tables(rows: Iterable[Row]) -> str:
    """Return a Markdown table for each mode that was measured."""
    rows = list(rows)
    parts = []
    for mode, title in MODES.items():
        chosen = [row for tool in TOOLS for row in rows if (row.mode, row.tool) == (mode, tool)]
        if chosen:
            parts.append(f"{title}:\n\n{table(chosen)}")
    return "\n".join(parts)


def table(rows: Sequence[Row]) -> str:
    """Return one mode's rows as a Markdown table; ratios are left out where refold was not measured."""
    refold = next((row for row in rows if row.tool == "refold"), None)
    rule = ("---", *(["---:"] * (len(HEADER) - 1)))
    lines = [HEADER, rule, *(_cells(row, refold) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cells(row: Row, refold: Row | None) -> tuple[str, ...]:
    epochs, best = fold_epochs(row.trials), best_f1(row.trials)
    other = best_f1(refold.trials) if refold else None
    return (
        TOOLS[row.tool],
        f"{row.seconds:.1f} s",
        f"{row.seconds / refold.seconds:.2f}" if refold else "",
        str(len(row.trials)),
        f"{epochs:,}",
        f"{1000 * row.seconds / epochs:.0f} ms" if epochs else "",
        "none" if best is None else f"{best:.4f}",
        "" if best is None or other is None else f"{best - other:+.4f}",
    )

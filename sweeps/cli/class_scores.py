"""Scores on labelled images, class by class, as ``show --trial`` and ``evaluate`` print them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweeps.cli.output import put, put_bold, put_table, width
from tracking.reports.confused import confused, confused_lines
from tracking.reports.matrix_text import matrix_lines
from tracking.reports.short_names import shortened
from tracking.reports.text_table import Column, Table, cell_length

if TYPE_CHECKING:
    from sweeps.analysis.statistics.clustered import ClassIntervals, Interval
    from trainer.metrics.confusion import Confusion

#: Width of a matrix that is written to a file or a pipe.
PAGE = 120

#: The least cells of a class's name in a table that is too wide; then columns are left out.
_LEAST = 10


def put_scores(f1: "Interval", accuracy: "Interval", covers: str) -> None:
    """Print macro-F1 and accuracy with their intervals.

    Args:
        f1: macro-F1.
        accuracy: share of right predictions.
        covers: what the intervals are for, such as ``"new images"``.
    """
    for name, found in (("macro-F1", f1), ("accuracy", accuracy)):
        put(f"{name}  {found.score:.4f} ({found.low:.4f} to {found.high:.4f})")
    put(f"in brackets: 95 % intervals for {covers}")


def put_classes(classes: Sequence[str], scores: "Sequence[ClassIntervals]") -> None:
    """Print a row for each class, the lowest F1 first: on top is what costs the macro-F1 most.

    Args:
        classes: names of the classes in label order.
        scores: their scores, in the same order.
    """
    put("by class in %, the lowest F1 first:")
    put_table(class_table(classes, scores, width()))


def class_table(classes: Sequence[str], scores: "Sequence[ClassIntervals]", room: int | None) -> Table:
    """Return that table; names are shortened if it would be wider than ``room``, in cells of a terminal."""
    order = sorted(range(len(scores)), key=lambda label: (not scores[label].f1.units, scores[label].f1.score))
    grouped = any(each.groups is not None for each in scores)
    columns = (
        Column(title="class"),
        Column(title="precision", right=True, rank=1),
        Column(title="recall", right=True),
        Column(title="F1", right=True),
        Column(title="images", right=True, rank=2),
        *([Column(title="groups", right=True, rank=3)] if grouped else []),
    )

    def table(names: Sequence[str]) -> Table:
        return Table(columns=columns, rows=[[names[label], *_cells(scores[label])] for label in order])

    if room is None or max(map(cell_length, table(classes).lines())) <= room:
        return table(classes)
    heading = table(shortened(classes, _LEAST)).lines(room)[0]  # without the columns that have no room
    return table(shortened(classes, _LEAST + max(0, room - cell_length(heading))))


def put_confusion(classes: Sequence[str], confusion: "Confusion") -> None:
    """Print the confusion matrix if it fits the terminal, then the most frequent mistakes.

    Args:
        classes: names of the classes in label order.
        confusion: counts, rows true classes, columns predicted ones.
    """
    lines = matrix_lines(classes, confusion, width() or PAGE)
    if lines is None:
        put(f"the {len(classes)} x {len(classes)} confusion matrix is too wide to print here; --json has it")
    else:
        put("rows: true classes; columns: what they were taken for; [right predictions]:")
        put_bold(lines[0])
        put(*lines[1:])
    put("", *confused_lines(confused(classes, confusion), width()))


def _cells(scores: "ClassIntervals") -> list[str]:
    cells = [
        _percent(scores.precision) if scores.precision.units else "never predicted",
        _percent(scores.recall) if scores.support else "no image",
        _percent(scores.f1) if scores.f1.units else "",
        f"{scores.support:,}",
    ]
    return cells if scores.groups is None else [*cells, f"{scores.groups:,}"]


def _percent(found: "Interval") -> str:
    """Return a score with its interval, such as ``98.6 (95.0-99.8)``."""
    score, low, high = (
        f"{100 * value:.0f}" if value in {0.0, 1.0} else f"{100 * value:.1f}"
        for value in (found.score, found.low, found.high)
    )
    return f"{score} ({low}-{high})"

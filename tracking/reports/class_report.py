"""A trial's precision, recall and F1 of each class, in rows."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from tracking.records import TrialRecord
from tracking.reports.text_table import Column, Table
from trainer.escaping import for_terminal
from trainer.metrics.confusion import accuracy, class_scores


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRow:
    """One row of a class report: scores in [0, 1]. The row of the accuracy has no precision and no recall."""

    label: str
    precision: float | None
    recall: float | None
    f1: float
    support: int


def class_report(trial: TrialRecord, classes: Sequence[str]) -> tuple[ReportRow, ...]:
    """Return a row for each class, then the macro average and the accuracy.

    They are computed from the pooled out-of-fold predictions of the folds that have ended. Before the first
    fold has ended the report is empty. The macro average's F1 is the mean of the classes' F1, the trial's
    score.

    Args:
        trial: the trial.
        classes: names of the classes in label order.
    """
    confusion = trial.confusion
    if confusion is None:
        return ()
    scores = class_scores(confusion)
    rows = [
        ReportRow(label=name, precision=s.precision, recall=s.recall, f1=s.f1, support=s.support)
        for name, s in zip(classes, scores, strict=True)
    ]
    total = sum(score.support for score in scores)
    # As in macro-F1, a class that is neither true nor predicted does not count.
    scores = [
        score
        for score, column in zip(scores, zip(*confusion, strict=True), strict=True)
        if score.support or sum(column)
    ]
    count = max(1, len(scores))
    macro = ReportRow(
        label="macro average",
        precision=sum(score.precision for score in scores) / count,
        recall=sum(score.recall for score in scores) / count,
        f1=sum(score.f1 for score in scores) / count,
        support=total,
    )
    share = ReportRow(label="accuracy", precision=None, recall=None, f1=accuracy(confusion), support=total)
    return (*rows, macro, share)


def report_table(rows: Sequence[ReportRow]) -> Table:
    """Return the report as a table with four decimals."""
    columns = (
        Column(title="class"),
        Column(title="precision", right=True, rank=1),
        Column(title="recall", right=True, rank=1),
        Column(title="f1", right=True),
        Column(title="support", right=True, rank=2),
    )
    return Table(columns=columns, rows=[_cells(row) for row in rows])


def _cells(row: ReportRow) -> list[str]:
    precision, recall = ("" if value is None else f"{value:.4f}" for value in (row.precision, row.recall))
    return [row.label, precision, recall, f"{row.f1:.4f}", str(row.support)]


def report_text(rows: Sequence[ReportRow]) -> str:
    """Return the report as an aligned text."""
    return "\n".join(report_table(rows).lines()) + "\n"


def report_csv(rows: Sequence[ReportRow]) -> str:
    """Return the report as CSV, every number with all its digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["class", "precision", "recall", "f1", "support"])
    for row in rows:
        scores = ("" if value is None else repr(value) for value in (row.precision, row.recall, row.f1))
        writer.writerow([for_terminal(row.label), *scores, row.support])
    return text.getvalue()

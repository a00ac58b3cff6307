"""A comparison on an exam as notebooks and terminals show it."""

from dataclasses import dataclass
from html import escape
from typing import Any

from sweeps.analysis.exam import page, tables, wording
from sweeps.analysis.exam.comparison import ExamComparison
from tracking.reports.text_table import Table
from trainer.escaping import for_terminal


@dataclass(frozen=True, slots=True, repr=False)
class ExamReport:
    """The report of a comparison on an exam: which architecture is best, and how sure that is.

    Attributes:
        comparison: all its numbers, as plain data.
    """

    comparison: ExamComparison

    @property
    def answer(self) -> str:
        """The answer in three lines: which one, how sure, what next."""
        return "\n".join(wording.first_lines(self.comparison))

    def to_json(self) -> dict[str, Any]:
        """Return the data that ``refold compare --json`` prints."""
        return wording.to_json(self.comparison) | {"doubts": list(self.comparison.doubts)}

    def page(self) -> str:
        """Return a self-contained HTML page with figures."""
        return page.page(self.comparison, self.comparison.doubts)

    def parts(self, *, pairs: bool = False) -> list[str | Table]:
        """Return its tables and lines of text, in the order in which they are printed.

        Args:
            pairs: whether to show every pair.
        """
        found = self.comparison
        weaknesses = [*found.doubts, *wording.remarks(found)]
        every_pair = [tables.pairs_table(found), tables.PAIRS_LEGEND, "", *_verdicts(found), ""]
        return [
            *wording.first_lines(found),
            "",
            tables.winners_table(found),
            *wording.legend(found),
            "",
            *(every_pair if pairs and found.pairs else ()),
            *weaknesses,
            *([""] if weaknesses else ()),
            wording.claim(found),
            *wording.conditions(found),
        ]

    def __repr__(self) -> str:
        lines = [part.lines() if isinstance(part, Table) else [for_terminal(part)] for part in self.parts()]
        return "\n".join(line for part in lines for line in part)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the page in a frame, so that its style stays inside."""
        frame = "width:100%;height:40rem;border:0"
        return f'<iframe srcdoc="{escape(self.page())}" style="{frame}"></iframe>'


def _verdicts(found: ExamComparison) -> list[str]:
    return [wording.verdict(pair, found.asked.rope) for pair in found.pairs]

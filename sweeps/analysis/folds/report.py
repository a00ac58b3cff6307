"""A comparison as notebooks and terminals show it."""

from dataclasses import dataclass
from html import escape
from typing import Any

from sweeps.analysis.folds import page, tables, wording
from sweeps.analysis.folds.comparison import Comparison
from tracking.reports.text_table import Table
from trainer.escaping import for_terminal


@dataclass(frozen=True, slots=True, repr=False)
class ComparisonReport:
    """The report of a comparison: which architecture is better, and how sure that is.

    Attributes:
        comparison: all its numbers, as plain data.
    """

    comparison: Comparison

    @property
    def answer(self) -> str:
        """The answer in a sentence or two."""
        return " ".join(wording.headline(self.comparison))

    def to_json(self) -> dict[str, Any]:
        """Return the data that ``refold compare --json`` prints."""
        return wording.to_json(self.comparison) | {"doubts": list(self.comparison.doubts)}

    def page(self) -> str:
        """Return a self-contained HTML page with figures."""
        return page.page(self.comparison, self.comparison.doubts)

    def parts(self) -> list[str | Table]:
        """Return its tables and lines of text, in the order in which they are printed."""
        pairs = [tables.pairs_table(self.comparison), *wording.legend(self.comparison), ""]
        return [
            tables.contenders_table(self.comparison),
            wording.LUCK,
            "",
            *(pairs if self.comparison.pairs else ()),
            *tables.remarks(self.comparison),
        ]

    def __repr__(self) -> str:
        lines = [part.lines() if isinstance(part, Table) else [for_terminal(part)] for part in self.parts()]
        return "\n".join(line for part in lines for line in part)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the page in a frame, so that its style stays inside."""
        frame = "width:100%;height:40rem;border:0"
        return f'<iframe srcdoc="{escape(self.page())}" style="{frame}"></iframe>'

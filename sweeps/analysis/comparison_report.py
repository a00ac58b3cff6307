"""A comparison as notebooks and terminals show it."""

import io
from dataclasses import dataclass
from html import escape
from typing import Any

from rich.console import Console

from sweeps.analysis import page, tables, wording
from sweeps.analysis.comparison import Comparison

#: Columns of a terminal that nobody asked how wide it is.
WIDTH = 160


@dataclass(frozen=True, slots=True, repr=False)
class ComparisonReport:
    """Which architecture is better, and how sure that is.

    Attributes:
        comparison: all its figures, as plain data.
    """

    comparison: Comparison

    @property
    def answer(self) -> str:
        """The answer in a sentence or two."""
        return " ".join(wording.headline(self.comparison))

    def to_json(self) -> dict[str, Any]:
        """Return what ``refold compare --json`` prints."""
        return wording.to_json(self.comparison)

    def page(self) -> str:
        """Return a self-contained HTML page with pictures."""
        return page.page(self.comparison)

    def print_to(self, console: Console) -> None:
        """Print the tables and the sentences under them."""
        console.print(tables.contenders_table(self.comparison))
        console.print()
        if self.comparison.pairs:
            console.print(tables.pairs_table(self.comparison))
            console.print()
        console.print("\n".join(tables.remarks(self.comparison)), markup=False)

    def __repr__(self) -> str:
        text = io.StringIO()
        self.print_to(Console(file=text, width=WIDTH, highlight=False, soft_wrap=True))
        return text.getvalue().rstrip()

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the page, which keeps its style to itself."""
        frame = "width:100%;height:40rem;border:0"
        return f'<iframe srcdoc="{escape(self.page())}" style="{frame}"></iframe>'

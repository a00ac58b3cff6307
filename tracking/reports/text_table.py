"""Text tables that fit a terminal's width without breaking a word or a value."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.escaping import for_terminal

#: The gap between two columns.
_GAP = "  "

#: The indent of a cell that is printed under its row because the row has no room.
_INDENT = "    "

#: The least width of a column of words beside the others; with less its cells are printed under their rows.
_NARROWEST = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        title: its heading.
        right: whether it is aligned to the right, as for numbers.
        rank: 0 if it is always shown; if the table is too wide, columns with the highest rank are left out
            first.
        words: whether its cells may be broken at spaces; allowed for the last column only.
        named: whether its title is printed before its cells when they are under their rows.
    """

    title: str
    right: bool = False
    rank: int = 0
    words: bool = False
    named: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Columns and rows.

    Attributes:
        columns: at least one.
        rows: of as many cells as there are columns; what cannot be seen in a cell is printed escaped.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]

    def lines(self, width: int | None = None) -> list[str]:
        """Return a heading, the rows, and a line that names the columns that had no room.

        If the table is too wide, the column of words is printed under its rows. If it is still too wide,
        columns are left out by rank. Columns of rank 0 are shown even if they are too wide.

        Args:
            width: available width in cells of a terminal; None for no limit.
        """
        columns, rows = self.columns, [[for_terminal(cell) for cell in row] for row in self.rows]
        natural = [
            max(cell_length(text) for text in (column.title, *(row[index] for row in rows)))
            for index, column in enumerate(columns)
        ]
        shown = [index for index, column in enumerate(columns) if not column.words]
        words = next((index for index, column in enumerate(columns) if column.words), None)
        while width is not None and _total(natural, shown) > width:
            ranked = [index for index in shown if columns[index].rank]
            if not ranked:
                break
            shown.remove(max(ranked, key=lambda index: (columns[index].rank, index)))
        lines = _body(columns, rows, natural, shown, words, width)
        gone = [column.title for i, column in enumerate(columns) if i not in shown and i != words]
        return [*lines, *(wrapped(f"(no room for: {', '.join(gone)})", width) if gone else ())]


def _body(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    natural: Sequence[int],
    shown: Sequence[int],
    words: int | None,
    width: int | None,
) -> list[str]:
    """Return heading and rows; the column of words beside the others, or under each row."""
    head = [column.title for column in columns]
    beside = [_row(columns, texts, natural, shown) for texts in (head, *rows)]
    if words is None:
        return [line.rstrip() for line in beside]
    start = _total(natural, shown) + len(_GAP)
    longest = max((cell_length(word) for texts in (head, *rows) for word in texts[words].split()), default=0)
    if width is None or width - start >= min(natural[words], max(_NARROWEST, longest)):
        room = natural[words] if width is None else min(natural[words], width - start)
        return [
            line
            for text, texts in zip(beside, (head, *rows), strict=True)
            for line in _beside(text, wrapped(texts[words], room), start)
        ]
    room = width - len(_INDENT)
    lines = [beside[0].rstrip()]
    name = f"{head[words]}: " if columns[words].named else ""
    for text, texts in zip(beside[1:], rows, strict=True):
        under = wrapped(name + texts[words], room) if texts[words] else []
        lines += [text.rstrip(), *(_INDENT + part for part in under)]
    return lines


def _beside(line: str, parts: Sequence[str], start: int) -> list[str]:
    first = f"{line}{_GAP}{parts[0]}".rstrip()
    return [first, *(" " * start + part for part in parts[1:])]


def _row(
    columns: Sequence[Column], texts: Sequence[str], natural: Sequence[int], shown: Sequence[int]
) -> str:
    return _GAP.join(padded(texts[index], natural[index], right=columns[index].right) for index in shown)


def _total(natural: Sequence[int], shown: Sequence[int]) -> int:
    return sum(natural[index] for index in shown) + len(_GAP) * (len(shown) - 1)


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return a text padded with spaces to a width in cells of a terminal."""
    room = " " * (width - cell_length(text))
    return room + text if right else text + room


def wrapped(text: str, width: int | None) -> list[str]:
    """Return a text as lines, broken at spaces only; a word longer than ``width`` has a line of its own.

    >>> wrapped("alpha=1 beta=2 gamma=3", 14)
    ['alpha=1 beta=2', 'gamma=3']

    Args:
        text: one line; its leading spaces are repeated in each of the lines.
        width: in cells of a terminal; None for no limit.
    """
    if width is None or cell_length(text) <= width:
        return [text]
    lead = " " * (len(text) - len(text.lstrip(" ")))
    lines = [""]
    for word in text.lstrip(" ").split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else lead + word
        if cell_length(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(lead + word)
    return [line.rstrip() for line in lines]


def cell_length(text: str) -> int:
    """Return the width of a text in cells of a terminal: wide characters take two, combining ones none.

    >>> cell_length("resnet"), cell_length("数字")
    (6, 4)
    """
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)

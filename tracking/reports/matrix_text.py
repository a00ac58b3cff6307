"""A confusion matrix as text that fits a width, with names as long as there is room for."""

from collections.abc import Sequence
from itertools import count, islice, product
from string import ascii_lowercase

from tracking.reports.short_names import shortened
from tracking.reports.text_table import cell_length, padded
from trainer.metrics.confusion import Confusion

#: The most cells of a row's name and of a column's, and the least of a row's name that is cut.
_LONGEST_ROW, _LONGEST_COLUMN, _LEAST = 24, 12, 8

#: A column's name is cut to no less than this; with less room columns have letters.
_SHORTEST_COLUMN = 4

_TOTAL = "images"


def matrix_lines(classes: Sequence[str], confusion: Confusion, width: int) -> list[str] | None:
    """Return a confusion matrix: a heading, then a row for each true class; None if it is wider than allowed.

    Right predictions stand in brackets, no image is a dot, and the last column has the number of images of
    the true class. If columns have no room for names that can be told apart, they have letters, which stand
    before the rows' names too.

    Args:
        classes: names of the classes in label order.
        confusion: counts, rows true classes, columns predicted ones.
        width: available width in cells of a terminal.
    """
    digits = max(len(str(images)) for row in confusion for images in row)
    totals = [_TOTAL, *(str(sum(row)) for row in confusion)]
    last = max(map(len, totals)) + 1
    # A column has its digits and a bracket on either side, or a gap.
    spare = width - len(classes) * (digits + 2) - 1 - last
    longest = max(map(cell_length, shortened(classes, _LONGEST_ROW)))
    first = min(longest, spare)
    if first < min(longest, _LEAST):
        return None
    heads, keys = _heads(classes, digits + 1 + (spare - first) // len(classes))
    names = _rows(classes, keys, first, spare)
    if names is None:
        return None
    first, step = max(map(cell_length, names)), max(digits, *map(cell_length, heads)) + 1
    step = max(step, digits + 2)
    blocks = [[f"{padded(head, step - 1, right=True)} " for head in heads]]
    blocks += [
        [_block(images, step, right=true == predicted) for predicted, images in enumerate(row)]
        for true, row in enumerate(confusion)
    ]
    return [
        f"{padded(name, first)} {''.join(cells)}{total:>{last}}"
        for name, cells, total in zip(["", *names], blocks, totals, strict=True)
    ]


def _heads(classes: Sequence[str], room: int) -> tuple[list[str], list[str]]:
    """Return the columns' names, and the letters that explain them; no letters if the names have room."""
    heads = shortened(classes, min(room, _LONGEST_COLUMN))
    whole = all(cell_length(name) <= room for name in classes)
    if len(set(heads)) == len(heads) and (whole or room >= _SHORTEST_COLUMN):
        return heads, []
    words = ("".join(letters) for size in count(1) for letters in product(ascii_lowercase, repeat=size))
    letters = list(islice(words, len(classes)))
    return letters, letters


def _rows(classes: Sequence[str], keys: Sequence[str], first: int, spare: int) -> list[str] | None:
    """Return the rows' names, after letters if there are any; None if they have no room."""
    if not keys:
        return shortened(classes, first)
    before = max(map(len, keys)) + 1
    room = min(first, spare - before)
    if room < min(first, _LEAST):
        return None
    names = shortened(classes, room)
    return [f"{key:<{before}}{name}" for key, name in zip(keys, names, strict=True)]


def _block(images: int, step: int, *, right: bool) -> str:
    """Return a number in a column of ``step`` cells, in brackets if it counts right predictions."""
    if right:
        return f"{f'[{images}':>{step - 1}}]"
    return f"{images or '·':>{step - 1}} "

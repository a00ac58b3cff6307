"""Names shortened for tables that have little room, so that they can still be told apart."""

from collections.abc import Sequence

from tracking.reports.text_table import cell_length
from trainer.escaping import for_terminal

_CUT = "…"


def shortened(names: Sequence[str], room: int) -> list[str]:
    """Return the names, those that are too long cut at their ends.

    If two of them would then look the same, they are cut in the middle. Where many names begin and end alike,
    some look the same nevertheless.

    >>> shortened(["Trouser", "T-shirt/top", "Bag"], 5)
    ['Trou…', 'T-sh…', 'Bag']
    >>> shortened(["class_0001", "class_0012"], 6)
    ['cla…01', 'cla…12']

    Args:
        names: any; what cannot be seen is escaped.
        room: cells of a terminal for each name, at least 1.
    """
    ends = [_cut(name, room, tail=0.0) for name in names]
    if len(set(ends)) == len(set(names)):
        return ends
    middles = [_cut(name, room, tail=0.5) for name in names]
    return middles if len(set(middles)) > len(set(ends)) else ends


def _cut(name: str, room: int, *, tail: float) -> str:
    """Return a name that takes at most ``room`` cells, with a share of its last letters kept."""
    whole = for_terminal(name)
    if cell_length(whole) <= room:
        return whole
    for kept in range(room - 1, 0, -1):
        last = int(kept * tail)
        # Escaped again: a character that joins its neighbours may stand alone after the cut.
        text = for_terminal(whole[: kept - last] + _CUT + whole[len(whole) - last :])
        if cell_length(text) <= room:
            return text
    return _CUT

"""What someone probably meant to write."""

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint at the known word that ``word`` was probably meant to be, or at all of them.

    >>> nearest("fold", ["folds", "epochs"])
    "did you mean 'folds'?"
    >>> nearest("zzz", ["folds", "epochs"])
    'there is: epochs, folds'
    """
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"there is: {', '.join(known)}"

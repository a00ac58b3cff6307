"""Suggests the right spelling of a misspelt word."""

from collections.abc import Iterable

#: Characters of the longest word that a hint is looked for; comparing takes time with the square of them.
LONGEST = 100


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint: the known word that ``word`` was probably meant to be, otherwise all known words.

    >>> nearest("fold", ["folds", "epochs"])
    "did you mean 'folds'?"
    >>> nearest("zzz", ["folds", "epochs"])
    'there is: epochs, folds'
    """
    known = sorted(known)
    return did_you_mean(word, known) or f"there is: {', '.join(known)}"


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return a hint at the known words that differ from ``word`` by typing errors, or None.

    Up to a third of the letters may be wrong, missing, superfluous or swapped with their neighbour; or
    ``word`` is the beginning or the end of the known word. Some letters in common are not enough.

    >>> did_you_mean("rnu", ["run", "rm"]), did_you_mean("learning", ["learning_rate"])
    ("did you mean 'run'?", "did you mean 'learning_rate'?")
    >>> did_you_mean("lo", ["high", "log", "low"]), did_you_mean("loss", ["blocks"])
    ("did you mean 'log' or 'low'?", None)
    """
    if len(word) > LONGEST:
        return None
    distances = {each: distance(word, each) for each in known}
    least = min(distances.values(), default=0)
    close = [each for each, distance in distances.items() if distance == least <= max(1, len(word) // 3)]
    if not close and len(word) >= 4:
        close = [each for each in distances if each.startswith(word) or each.endswith(word)]
    return f"did you mean {' or '.join(map(repr, sorted(close)))}?" if close else None


def distance(one: str, other: str) -> int:
    """Return the number of letters to change, add, remove or swap with their neighbour.

    >>> distance("hash", "ash"), distance("seed", "sede")
    (1, 1)
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        two_before, before, row = before, row, [i]
        for j, b in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and (a, one[i - 2]) == (other[j - 2], b):
                cost = min(cost, two_before[j - 2] + 1)
            row.append(cost)
    return row[-1]

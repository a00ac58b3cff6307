"""Which images belong together: a pattern on their paths, or a level of the folders that they are in."""

import re
from collections.abc import Sequence

from trainer.datasets.problems import Problem
from trainer.errors import UsageError
from trainer.quantities import counted

#: Images that a message names.
NAMED = 3


def by_pattern(paths: Sequence[str], pattern: str) -> tuple[tuple[str, ...], list[Problem]]:
    r"""Return the group of each image: what the pattern's parentheses find in its path.

    >>> by_pattern(["cat/p01_1.png", "dog/p02_7.png"], r"(p\d+)_")
    (('p01', 'p02'), [])

    Args:
        paths: of the images, in the source.
        pattern: a regular expression with one group in parentheses.

    Raises:
        UsageError: if the pattern is none, or has not exactly one group.
    """
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"groups = {pattern!r} is no regular expression: {error}") from None
    if compiled.groups != 1:
        raise UsageError(
            f"groups = {pattern!r} has {compiled.groups} parts in parentheses, and it must have one, around "
            "what images of one group have in common, like '(p[0-9]+)_'"
        )
    found = [match[1] or "" if (match := compiled.search(path)) else "" for path in paths]
    unmatched = [path for path, name in zip(paths, found, strict=True) if not name]
    if len(unmatched) == len(paths):
        what = f"groups = {pattern!r} matches the path of no image, such as {paths[0]!r}"
        return tuple(found), [Problem("dataset.groups", what, skippable=False)]
    return tuple(found), _unmatched(unmatched, len(paths), f"groups = {pattern!r} matches only")


def by_level(
    paths: Sequence[str], folders: Sequence[Sequence[str]], level: int
) -> tuple[tuple[str, ...], list[Problem]]:
    """Return the group of each image: the name of the folder at a level.

    Images of one name are one group, whatever their class: a patient may be in several classes.

    Args:
        paths: of the images, in the source.
        folders: the names of the folders inside the class folder that lead to each image.
        level: which of these, from 1.
    """
    found = tuple(names[level - 1] if len(names) >= level else "" for names in folders)
    unmatched = [path for path, name in zip(paths, found, strict=True) if not name]
    return found, _unmatched(unmatched, len(paths), f"groups = {level} finds a folder at that level for only")


def _unmatched(unmatched: Sequence[str], count: int, finds: str) -> list[Problem]:
    if not unmatched:
        return []
    named = ", ".join(map(repr, unmatched[:NAMED])) + (", …" if len(unmatched) > NAMED else "")
    what = f"{finds} {count - len(unmatched)} of {counted(count, 'image')}, not for {named}"
    return [Problem("dataset.groups", what, skippable=False)]

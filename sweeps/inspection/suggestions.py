"""What to put into the sweep file, from what was found in the images."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sweeps.inspection.findings import Duplicates
from trainer.datasets import Loaded

#: Patterns for names as people give them: ``p012_3.png``, ``patient-7/…``, ``IMG_0012_a.jpg``.
PATTERNS = (r"(?:^|/)([A-Za-z]*\d+)[_-][^/]*$", r"([^/]+)[_-][^_/-]*$")

#: Images to exclude that a line names.
NAMED = 5

#: Folds if nothing speaks against it.
FOLDS = 5


def suggestions(
    loaded: Loaded, duplicates: Sequence[Duplicates], *, folds: int, grouped: bool
) -> Mapping[str, Any]:
    """Return keys of the sweep file with values that fit the images.

    Args:
        loaded: the images.
        duplicates: what was found among them.
        folds: number of folds of the sweep.
        grouped: whether the source says already which images belong together.
    """
    found: dict[str, Any] = {}
    fewest = folds_that_fit(loaded)
    if fewest < folds:
        found["cv.folds"] = fewest
    if any("fold" in each.crosses or "exam" in each.crosses for each in duplicates):
        found["dataset.duplicates"] = "keep-together"
    if not grouped and (pattern := guessed_groups(loaded.search.paths)):
        found["dataset.groups"] = pattern
    if wrong := _excludable(loaded, duplicates):
        found["dataset.exclude"] = wrong
    return found


def _excludable(loaded: Loaded, duplicates: Sequence[Duplicates]) -> list[str]:
    """Return the images with contradictory labels that are in the source; an exam of its own is not."""
    count = len(loaded.search.labels)
    return [
        path
        for each in duplicates
        if each.contradicts
        for place, path in zip(each.images, each.paths, strict=True)
        if place < count or loaded.exam_places
    ]


def lines_of(suggestions: Mapping[str, Any]) -> list[str]:
    """Return suggestions as lines for a sweep file.

    >>> lines_of({"cv.folds": 3, "dataset.image_size": [32, 48]})
    ['[cv] folds = 3', '[dataset] image_size = [32, 48]']
    """
    split = ((*key.rpartition(".")[::2], value) for key, value in suggestions.items())
    return [f"[{table}] {name} = {_written(value)}" for table, name, value in split]


def _written(value: object) -> str:
    """Return a value as TOML has it; a list of images to exclude is for a file, one a line."""
    if isinstance(value, list) and value and isinstance(value[0], str):
        names = ", ".join(value[:NAMED]) + (", …" if len(value) > NAMED else "")
        return f'"excluded.txt", a file with those that you decide on, one a line: {names}'
    return json.dumps(value, ensure_ascii=False)


def folds_that_fit(loaded: Loaded) -> int:
    """Return the number of folds, at most 5, that the smallest class has images or groups for."""
    data = loaded.search
    if data.folds is not None:
        return int(data.folds.max()) + 1
    counts = []
    for label in range(len(data.classes)):
        of_class = data.labels == label
        units = of_class.sum() if data.groups is None else len(np.unique(data.groups[of_class]))
        counts.append(int(units))
    return max(2, min(FOLDS, *counts))


def guessed_groups(paths: Sequence[str]) -> str | None:
    r"""Return a pattern that finds what many images' names have in common, None if nothing looks like it.

    >>> guessed_groups([f"cat/p{n:03}_{k}.png" for n in range(12) for k in range(3)])
    '(?:^|/)([A-Za-z]*\\d+)[_-][^/]*$'
    >>> guessed_groups([f"cat/{n}.png" for n in range(40)])
    """
    for pattern in PATTERNS:
        found = [match[1] if (match := re.search(pattern, path)) else None for path in paths]
        sizes = Counter(found)
        several = sum(count for count in sizes.values() if count > 1)
        if None not in sizes and 10 <= len(sizes) <= len(paths) / 1.5 and several > len(paths) / 2:
            return pattern
    return None

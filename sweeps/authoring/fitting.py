"""Settings that fit a source: how its images are read, its folds, and its exam."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sweeps.inspection.findings import SMALL_PICTURE
from sweeps.inspection.settling import LARGEST, scaled, settle
from sweeps.inspection.suggestions import folds_that_fit, guessed_groups
from trainer.datasets import DatasetSource, Loaded, divided, read
from trainer.datasets.duplicates import clusters
from trainer.datasets.labelled import Labelled
from trainer.datasets.parts import FEWEST
from trainer.errors import UsageError
from trainer.quantities import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A source with settings that fit it.

    Attributes:
        source: the settings.
        loaded: its images.
        folds: number of folds.
        reasons: why, for each setting and for ``folds``.
        groups: a pattern that may say which images belong together; None if nothing looks like it.
        left_out: one line for each file that cannot be read.
    """

    source: DatasetSource
    loaded: Loaded
    folds: int
    reasons: Mapping[str, str]
    groups: str | None = None
    left_out: tuple[str, ...] = field(default=())


def fit_to(given: str, *, base: Path = Path(), progress: Callable[[int, int], None] | None = None) -> Fitted:
    """Return settings that fit a source.

    Args:
        given: a built-in name, or the path of a folder, table or ``.npz`` file.
        base: the folder that a relative path starts from.
        progress: called now and then while images are decoded.

    Raises:
        UsageError: if there is no such source, or no settings make it one that can be trained on.
    """
    settled = settle(DatasetSource(source=given), lambda source: read(source, base=base, progress=progress))
    source, reasons, found = settled.source, dict(settled.reasons), settled.found
    if "image_size" not in reasons and _is_file(source, found) and max(found.images.shape[1:3]) > LARGEST:
        reasons["image_size"] = f"all have {_size(found)}; smaller ones train faster"
        source = replace(source, image_size=scaled(*found.images.shape[1:3]))
        found = read(source, base=base, progress=progress)
    source, reasons["exam"] = _exam(found, source)
    loaded = divided(found, source, base=base)
    source, loaded = _without_leaks(found, source, loaded, reasons)
    folds = folds_that_fit(loaded)
    reasons["folds"] = (
        f"{folds} folds came with the data"
        if loaded.search.folds is not None
        else f"the smallest class has {_fewest(loaded)} in the search"
    )
    grouped = bool(found.group_of)
    return Fitted(
        source=source,
        loaded=loaded,
        folds=folds,
        reasons=reasons,
        groups=None if grouped else guessed_groups(found.paths),
        left_out=settled.left_out,
    )


def _without_leaks(
    found: Labelled, source: DatasetSource, loaded: Loaded, reasons: dict[str, str]
) -> tuple[DatasetSource, Loaded]:
    """Return the source with duplicates kept together, if there are any and it can be divided so."""
    sure = min(found.images.shape[1:3]) > SMALL_PICTURE  # smaller ones may look the same by chance
    sets = clusters(found.images, near=sure)
    if not sets:
        return source, loaded
    together = replace(source, duplicates="keep-together")
    try:
        loaded = divided(found, together)
    except UsageError:  # too few groups are left of a class: 'refold inspect' says what leaks
        return source, loaded
    what = "equal images or such that look the same" if sure else "equal images"
    reasons["duplicates"] = f"{counted(len(sets), 'set')} of {what}: on one side of any split"
    return together, loaded


def _exam(found: Labelled, source: DatasetSource) -> tuple[DatasetSource, str]:
    """Return the source with the exam that it can have, and why."""
    if found.test.any():
        return source, "the official test set"
    fewest = int(np.bincount(found.labels, minlength=len(found.classes)).min())
    for share in (0.2, 0.3, 0.4):
        if round(share * fewest) >= FEWEST and fewest - round(share * fewest) >= 2:
            return replace(source, exam=share), f"no fit sees these images; the smallest class has {fewest}"
    if fewest < 2:
        rare = found.classes[int(np.bincount(found.labels, minlength=len(found.classes)).argmin())]
        raise UsageError(f"dataset {found.name!r} has {counted(fewest, 'image')} of class {rare!r}: add some")
    return replace(source, exam=0.0), (
        f"the smallest class has {counted(fewest, 'image')}, too few to set some aside; without an exam "
        "nothing unseen is left to judge the winner on"
    )


def _fewest(loaded: Loaded) -> str:
    count = int(np.bincount(loaded.search.labels, minlength=len(loaded.search.classes)).min())
    return counted(count, "image")


def _is_file(source: DatasetSource, found: Labelled) -> bool:
    """Whether images come from files of their own, which can be brought to a size."""
    return bool(found.paths) and not source.source.lower().endswith(".npz")


def _size(found: Labelled) -> str:
    return "x".join(map(str, found.images.shape[1:3]))

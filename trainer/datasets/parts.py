"""Divides what a source has into the images of the search and the exam.

In this order: images that the user excludes are left out; duplicates become groups; the exam is set aside; a
sample of the rest is chosen. The exam is cut with a constant seed and before the sample, so which images it
has depends on the data and on ``exam`` alone: no other sweep of the same data can train on them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from trainer.datasets.dataset import EXAM_SHARE, OFFICIAL, Dataset, DatasetSource
from trainer.datasets.labelled import Labelled
from trainer.datasets.sampling import sampled
from trainer.errors import UsageError
from trainer.escaping import for_terminal
from trainer.fits.folds import part_of
from trainer.fits.seeds import derive
from trainer.quantities import counted

Indices = npt.NDArray[np.int64]

#: Fewest images of each class in an exam: with one, the score of the class could only be 0 or 1.
FEWEST = 2

#: A constant: which images are set aside must not depend on a sweep's seed.
EXAM_SEED = derive(0, "exam")

#: ``joiner(images, groups)``: see ``trainer.datasets.duplicates``.
Joiner = Callable[[npt.NDArray[np.generic], npt.NDArray[np.int32] | None], npt.NDArray[np.int32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The images of a sweep.

    Attributes:
        search: the images that trials are trained and scored on.
        exam: the images that no search, fold or stop set sees; None if there are none.
        exam_from: what the exam is, in words: ``"the official test set"``; empty if there is none.
        notes: one line for each thing that was done to some images when they were read.
        search_places: the place of each image of ``search`` in the source, which is its name in ``exclude``
            if it has no path; empty if the source was not read.
        exam_places: the same of ``exam``; empty too if its images are not in the source.
    """

    search: Dataset
    exam: Dataset | None = None
    exam_from: str = ""
    notes: tuple[str, ...] = ()
    search_places: tuple[int, ...] = ()
    exam_places: tuple[int, ...] = ()


def divide(
    found: Labelled,
    settings: DatasetSource,
    *,
    own_exam: Labelled | None = None,
    excluded: Iterable[str] = (),
    joiner: Joiner | None = None,
) -> Loaded:
    """Return the images of the search and of the exam.

    Args:
        found: all that the source has.
        settings: ``samples`` and ``exam`` apply.
        own_exam: the user's own exam, if ``settings.exam`` names one.
        excluded: names of images to leave out: paths, or places in an array; or comments, which begin with #.
        joiner: merges duplicates into the groups; None to leave them alone.

    Raises:
        UsageError: if an excluded image does not exist, there is no such exam, or a class has too few images
            for one.
    """
    kept = _without(found, excluded)
    search = kept[~found.test[kept]]
    if joiner is not None:
        found, search = _joined(found, search, joiner)
    exam, words = _exam(found, settings, search, kept[found.test[kept]])
    if exam is not None and not found.test[exam].any():
        search = np.setdiff1d(search, exam, assume_unique=True)
    aside = None if exam is None else found.dataset(exam)
    if own_exam is not None:
        aside, words = own_exam.dataset(np.arange(len(own_exam.labels))), f"the images of {settings.exam}"
    if settings.samples is not None:
        labels = found.labels[search]
        search = search[sampled(labels, settings.samples, classes=found.classes, name=found.name)]
    return Loaded(
        search=found.dataset(search),
        search_places=tuple(search.tolist()),
        exam_places=() if exam is None or own_exam is not None else tuple(exam.tolist()),
        exam=aside,
        exam_from="" if aside is None else words,
        notes=(*found.notes, *(own_exam.notes if own_exam else ())),
    )


def require_separate(loaded: Loaded) -> None:
    """Check that no group has images both in the search and in the exam, and that the exam has every class.

    Raises:
        UsageError: if one has; the message names it.
    """
    search, exam = loaded.search, loaded.exam
    if exam is None:
        return
    both = sorted(set(search.group_names) & set(exam.group_names))
    if both:
        raise UsageError(
            f"dataset {search.name!r}: the group {both[0]!r} has images in the search and in the exam "
            f"({counted(len(both), 'such group')}): an exam must have groups of its own, so move them, or "
            "set exam = 0"
        )
    counts = np.bincount(exam.labels, minlength=len(exam.classes))
    if counts.min() < FEWEST:
        rare = int(counts.argmin())
        raise UsageError(
            f"dataset {search.name!r}: the exam, {loaded.exam_from}, has "
            f"{counted(int(counts[rare]), 'image')} of class {exam.classes[rare]!r}, and every class needs "
            f"{FEWEST}: add some, or set exam = 0 (then no unseen images are left to judge the winner on)"
        )


def _without(found: Labelled, excluded: Iterable[str]) -> Indices:
    """Return the indices of the images that are not excluded.

    A name that is shown escaped, such as one with a line's end, may be written like that. What begins with #
    is a comment, unless an image has that name.

    Raises:
        UsageError: if an excluded image does not exist.
    """
    names = set(excluded)
    if not names:
        return np.arange(len(found.labels))
    paths = [found.path(index) for index in range(len(found.labels))]
    places = {for_terminal(path): index for index, path in enumerate(paths)}
    places |= {path: index for index, path in enumerate(paths)}
    names = {name for name in names if name in places or not name.startswith("#")}
    unknown = sorted(names - places.keys())
    if unknown:
        raise UsageError(
            f"exclude names {unknown[0]!r}, which is no image of {found.name!r} "
            f"({counted(len(unknown), 'such name')}): write one image a line, as 'refold inspect' prints them"
        )
    gone = np.array([places[name] for name in names], dtype=np.int64)
    return np.setdiff1d(np.arange(len(found.labels)), gone)


def _joined(found: Labelled, search: Indices, joiner: Joiner) -> tuple[Labelled, Indices]:
    """Return the images with duplicates in one group, each called after its first image."""
    chosen = found.dataset(search)
    groups = joiner(chosen.images, chosen.groups)
    first: dict[int, str] = {}
    names = list(found.group_of) or [f"image {found.path(index)}" for index in range(len(found.labels))]
    for place, group in zip(search.tolist(), groups.tolist(), strict=True):
        names[place] = first.setdefault(group, names[place])
    return replace(found, group_of=tuple(names)), search


def _exam(
    found: Labelled, settings: DatasetSource, search: Indices, test: Indices
) -> tuple[Indices | None, str]:
    """Return the indices of the exam, None for no exam in the source, and what the exam is in words."""
    wanted = settings.exam
    if wanted is None:
        wanted = OFFICIAL if len(test) else EXAM_SHARE
    if wanted == OFFICIAL:
        return (test, "the official test set") if len(test) else (None, "")
    if isinstance(wanted, str) or wanted == 0:
        return None, ""
    if len(test):
        raise UsageError(
            f"exam = {wanted:g}, but {found.name!r} has an official test set, which is the exam: leave exam "
            "out, or set exam = 0 for none"
        )
    labels = found.labels[search]
    _check_counts(found, labels, wanted)
    groups = None
    if found.group_of:
        named = np.array(found.group_of)[search]
        _check_groups(found, labels, named)
        groups = np.unique(named, return_inverse=True)[1].astype(np.int32)
    chosen = search[part_of(labels, np.arange(len(search)), share=wanted, seed=EXAM_SEED, groups=groups)]
    return chosen, f"{wanted:.4g} of the images, set aside"


def _check_counts(found: Labelled, labels: npt.NDArray[np.int32], share: float) -> None:
    """Refuse a share that leaves a class too few images, before it is cut."""
    counts = np.bincount(labels, minlength=len(found.classes))
    rare = int(counts.argmin())
    fewest = int(counts[rare])
    if fewest and round(share * fewest) < FEWEST:
        raise UsageError(
            f"dataset {found.name!r} has {counted(fewest, 'image')} of class {found.classes[rare]!r}, too "
            f"few to set {share:g} of them aside as an exam, where every class needs {FEWEST}: add images, "
            "or set exam = 0 in [dataset] (then no unseen images are left to judge the winner on)"
        )


def _check_groups(found: Labelled, labels: npt.NDArray[np.int32], named: npt.NDArray[np.str_]) -> None:
    """Refuse a class whose images are all in one group: it could not be both learned and tested."""
    for label, name in enumerate(found.classes):
        of_class = np.unique(named[labels == label])
        if len(of_class) == 1:
            raise UsageError(
                f"dataset {found.name!r}: all images of class {name!r} are in one group, "
                f"{str(of_class[0])!r}, and a group is never divided, so the class cannot be both learned "
                "and tested: add groups of that class, or leave the class out"
            )

"""What is found in the images of a sweep: plain data, computed by pure functions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sweeps.definition.exam import NO_EXAM
from trainer.datasets import Dataset, Loaded
from trainer.datasets.duplicates import Cluster
from trainer.datasets.large import empty
from trainer.fits.split import Split
from trainer.quantities import counted

Crossing = Literal["label", "fold", "group", "exam"]

#: Fewest images of a class in an exam below which its score is mostly luck; groups likewise.
FEW_IN_EXAM, FEW_GROUPS = 10, 20

#: Sides up to which different pictures may look the same: near duplicates are then no proof of a leak.
SMALL_PICTURE = 32

#: Images that a line names.
NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One image: its name, class, group (None without groups), part, and fold (None in the exam)."""

    path: str
    label: str
    group: str | None
    part: Literal["search", "exam"]
    fold: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """Images that are duplicates of each other.

    Attributes:
        kind: whether all of them are the same bytes.
        images: their places among all images.
        paths: their names.
        labels: their classes.
        crosses: what they are on both sides of.
    """

    kind: Literal["exact", "near"]
    images: tuple[int, ...]
    paths: tuple[str, ...]
    labels: tuple[str, ...]
    crosses: tuple[Crossing, ...]

    @property
    def contradicts(self) -> bool:
        """Whether equal images have different labels."""
        return self.kind == "exact" and "label" in self.crosses


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One line on something that is wrong, and whether it makes the sweep's answer wrong."""

    text: str
    serious: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What was found.

    Attributes:
        name: the dataset's.
        members: all images: those of the search, then those of the exam.
        classes: number of images of each class, search and exam together.
        groups: number of groups; None if every image is by itself.
        facts: size, channels, range of values, and what the exam is, a line each.
        duplicates: in the order of their first image.
        problems: what is wrong, the most serious first.
        suggestions: keys of the sweep file with the values to set.
    """

    name: str
    members: tuple[Member, ...]
    classes: Mapping[str, int]
    groups: int | None
    facts: tuple[str, ...]
    duplicates: tuple[Duplicates, ...]
    problems: tuple[Problem, ...]
    suggestions: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wrong(self) -> bool:
        """Whether something would make the sweep's answer wrong."""
        return any(problem.serious for problem in self.problems)


def members_of(loaded: Loaded, split: Split | None) -> tuple[Member, ...]:
    """Return all images with their part and fold.

    Args:
        loaded: the images.
        split: the folds; None to say fold 0 of all images of the search.

    Raises:
        UsageError: if the images cannot be divided into folds.
    """
    fold_of = np.zeros(len(loaded.search.labels), dtype=np.int64)
    for fold, part in enumerate(split.folds if split else ()):
        fold_of[part] = fold
    names = names_of(loaded)
    found = [_member(loaded.search, place, names[place], int(fold)) for place, fold in enumerate(fold_of)]
    if loaded.exam is None:
        return tuple(found)
    in_exam = enumerate(names[len(found) :])
    return (*found, *(_member(loaded.exam, place, name, None) for place, name in in_exam))


def names_of(loaded: Loaded) -> list[str]:
    """Return the names of all images, those of the search first: what ``exclude`` calls them.

    That is an image's path, or its place in the source; ``exam 3`` if the exam is no part of the source.
    """
    names = list(loaded.search.paths or map(str, loaded.search_places or range(len(loaded.search.labels))))
    exam = loaded.exam
    if exam is not None:
        places = [str(place) for place in loaded.exam_places]
        names += exam.paths or places or [f"exam {place}" for place in range(len(exam.labels))]
    return names


def _member(data: Dataset, place: int, name: str, fold: int | None) -> Member:
    return Member(
        path=name,
        label=data.classes[data.labels[place]],
        group=None if data.groups is None else data.group_names[data.groups[place]],
        part="exam" if fold is None else "search",
        fold=fold,
    )


def duplicates_of(members: Sequence[Member], clusters: Sequence[Cluster]) -> tuple[Duplicates, ...]:
    """Return duplicates with the names of their images and what they cross."""
    return tuple(
        Duplicates(
            kind=cluster.kind,
            images=cluster.members,
            paths=tuple(each.path for each in chosen),
            labels=tuple(each.label for each in chosen),
            crosses=_crosses(chosen),
        )
        for cluster in clusters
        for chosen in [[members[place] for place in cluster.members]]
    )


def ranked(duplicates: Sequence[Duplicates]) -> list[Duplicates]:
    """Return duplicates in the order to show them: first what makes the sweep's answer wrong."""
    return sorted(
        duplicates,
        key=lambda each: (
            "exam" not in each.crosses, not each.contradicts, -len(each.crosses), each.images
        ),
    )  # fmt: skip


def _crosses(chosen: Sequence[Member]) -> tuple[Crossing, ...]:
    sides: dict[Crossing, set[Any]] = {
        "label": {each.label for each in chosen},
        "fold": {each.fold for each in chosen if each.part == "search"},
        "group": {each.group for each in chosen},
        "exam": {each.part for each in chosen},
    }
    return tuple(name for name, values in sides.items() if len(values) > 1)


def problems_of(loaded: Loaded, duplicates: Sequence[Duplicates]) -> list[Problem]:
    """Return what is wrong with the images, the most serious first."""
    names, count = names_of(loaded), len(loaded.search.labels)
    found = [*_leaks(loaded, duplicates), *_contradictions(duplicates), *_repeated(duplicates)]
    found += _constant(loaded.search, names[:count], "the search")
    if loaded.exam is not None:
        found += _constant(loaded.exam, names[count:], "the exam")
    found += _few(loaded)
    return sorted(found, key=lambda problem: not problem.serious)


def _leaks(loaded: Loaded, duplicates: Sequence[Duplicates]) -> list[Problem]:
    found = []
    sure = min(loaded.search.images.shape[1:3]) > SMALL_PICTURE
    for kind, words in (("exact", "equal images"), ("near", "images that look the same")):
        both = [each for each in duplicates if each.kind == kind and "exam" in each.crosses]
        if not both:
            continue
        what = f"{counted(len(both), 'set')} of {words} in the search and in the exam"
        if kind == "exact" or sure:
            text = f"{what}: the exam is not unseen ({_named(both)})"
            found.append(Problem(text=text, serious=True))
        else:
            text = f"{what}; pictures this small may do so by chance: look at them ({_named(both)})"
            found.append(Problem(text=text))
    shared = set(loaded.search.group_names) & set(loaded.exam.group_names if loaded.exam else ())
    if shared:
        what = f"{counted(len(shared), 'group')} with images in the search and in the exam"
        found.append(Problem(text=f"{what}, such as {min(shared)!r}: the exam is not unseen", serious=True))
    return found


def _contradictions(duplicates: Sequence[Duplicates]) -> list[Problem]:
    wrong = [each for each in duplicates if each.contradicts]
    if not wrong:
        return []
    what = f"{counted(len(wrong), 'set')} of equal images with different labels"
    return [Problem(text=f"{what}: one of the labels is wrong ({_named(wrong)})", serious=True)]


def _repeated(duplicates: Sequence[Duplicates]) -> list[Problem]:
    found = []
    for kind, words in (("exact", "equal images"), ("near", "images that look the same")):
        these = [each for each in duplicates if each.kind == kind and "exam" not in each.crosses]
        across = [each for each in these if "fold" in each.crosses]
        if these:
            text = f"{counted(len(these), 'set')} of {words}"
            if across:
                text += f", {len(across)} of them across folds, which makes scores too high"
            found.append(Problem(text=f"{text} ({_named(across or these)})"))
    return found


def _constant(data: Dataset, names: Sequence[str], where: str) -> list[Problem]:
    flat = data.images.reshape(len(data.images), math.prod(data.input_shape))
    plain = np.flatnonzero(flat.min(axis=1) == flat.max(axis=1))
    if not len(plain):
        return []
    some = ", ".join(repr(names[place]) for place in plain[:NAMED])
    return [Problem(text=f"{counted(len(plain), 'image')} of {where} with one value in all pixels ({some})")]


def _few(loaded: Loaded) -> list[Problem]:
    """Return what is too few to be judged by."""
    exam = loaded.exam
    if exam is None:
        return [Problem(text=NO_EXAM)]
    found = []
    counts = np.bincount(exam.labels, minlength=len(exam.classes))
    few = [f"{name} {count}" for name, count in zip(exam.classes, counts, strict=True) if count < FEW_IN_EXAM]
    if few:
        listed = ", ".join(few[:NAMED]) + (", …" if len(few) > NAMED else "")
        text = f"the exam has fewer than {FEW_IN_EXAM} images of {counted(len(few), 'class', 'classes')}"
        found.append(Problem(text=f"{text} ({listed}): scores on it will be rough"))
    if exam.groups is not None and len(exam.group_names) < FEW_GROUPS:
        text = f"the exam has {counted(len(exam.group_names), 'group')}, fewer than {FEW_GROUPS}"
        found.append(Problem(text=f"{text}: scores on it will be rough"))
    return found


def _named(duplicates: Sequence[Duplicates]) -> str:
    first = duplicates[0]
    paths = ", ".join(map(repr, first.paths[:NAMED])) + (", …" if len(first.paths) > NAMED else "")
    return paths if len(duplicates) == 1 else f"such as {paths}"


def all_images(loaded: Loaded) -> npt.NDArray[Any]:
    """Return the images of search and exam together, in the order of ``members_of``."""
    if loaded.exam is None:
        return loaded.search.images
    count = len(loaded.search.labels)
    shape = (count + len(loaded.exam.labels), *loaded.search.images.shape[1:])
    together = empty(shape, loaded.search.images.dtype)
    together[:count], together[count:] = loaded.search.images, loaded.exam.images
    return together

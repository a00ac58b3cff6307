"""What a source has: all of its labelled images, before any is left out or set aside.

Readers of folders, tables, arrays and built-in datasets return one; ``trainer.datasets.parts`` divides it
into the images of the search and the exam.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.datasets.dataset import Dataset
from trainer.datasets.large import empty, gather


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Labelled images of one source. Attributes that are also ``Dataset``'s mean the same.

    Attributes:
        name: see ``Dataset``.
        images: ``[n, height, width, channels]``; mapped from a file if they are many (``large``).
        labels: ``[n]`` int32.
        classes: see ``Dataset``.
        pixel_max: see ``Dataset``.
        paths: see ``Dataset``.
        group_of: the group of each image by name, ``[n]`` strings; empty if the source has no groups.
        fold_of: the fold of each image as the source writes it, ``[n]`` strings; empty if it has none. The
            images of an official test set have "".
        test: ``[n]`` bool, the images of the official test set; all False if there is none.
        notes: one line for each thing that was done to some images, such as leaving out what cannot be read.
    """

    name: str
    images: npt.NDArray[Any]
    labels: npt.NDArray[np.int32]
    classes: tuple[str, ...]
    pixel_max: float
    paths: tuple[str, ...] = ()
    group_of: tuple[str, ...] = ()
    fold_of: tuple[str, ...] = ()
    test: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Let ``test`` be all False if it was not given."""
        if not len(self.test):
            object.__setattr__(self, "test", np.zeros(len(self.labels), dtype=bool))

    def path(self, index: int) -> str:
        """Return the name of one image: its path, or its place."""
        return self.paths[index] if self.paths else str(index)

    def dataset(self, chosen: npt.NDArray[np.int64]) -> Dataset:
        """Return the images at the ascending indices ``chosen`` as a dataset."""
        named = [self.group_of[index] for index in chosen] if self.group_of else []
        group_names = tuple(dict.fromkeys(named))
        number = {name: place for place, name in enumerate(group_names)}
        folds = [self.fold_of[index] for index in chosen] if self.fold_of else []
        fold_number = {name: place for place, name in enumerate(in_order(folds))}
        whole = len(chosen) == len(self.labels)
        return Dataset(
            name=self.name,
            images=self.images if whole else gather(self.images, chosen),
            labels=self.labels if whole else self.labels[chosen],
            classes=self.classes,
            pixel_max=self.pixel_max,
            paths=tuple(self.paths[index] for index in chosen) if self.paths else (),
            groups=np.array([number[name] for name in named], dtype=np.int32) if named else None,
            group_names=group_names,
            folds=np.array([fold_number[name] for name in folds], dtype=np.int32) if any(folds) else None,
        )


def joined(training: Dataset, test: Dataset | None) -> Labelled:
    """Return images to train on, and an official test set of the same kind, as one source."""
    parts = [training] if test is None else [training, test]
    count = len(training.labels)
    labels = np.concatenate([part.labels for part in parts])
    images = training.images
    if test is not None:
        images = empty((len(labels), *training.images.shape[1:]), training.images.dtype)
        images[:count], images[count:] = training.images, test.images
    return Labelled(
        name=training.name, images=images, labels=labels, classes=training.classes,
        pixel_max=training.pixel_max, test=np.arange(len(labels)) >= count,
    )  # fmt: skip


def in_order(folds: list[str]) -> list[str]:
    """Return the distinct names of folds: numbers by value, before other names by code point.

    >>> in_order(["10", "2", "b", "2", "a"])
    ['2', '10', 'a', 'b']
    """
    return sorted(set(folds), key=lambda name: (0, int(name), name) if name.isdecimal() else (1, 0, name))

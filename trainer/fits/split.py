"""Says of each image of the search in which fold it is held out, and in which stop set it is.

A split is a function of labels, groups, given folds, number of folds and seed alone. A process computes each
split once; fits, reports, comparison and export share it. The exam is a dataset of its own
(``trainer.datasets.parts``), so no split has it.

>>> split = Split.of(np.arange(12) % 2, folds=3, seed=5)
>>> split.held_out(1).tolist()
[2, 7, 10, 11]
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from trainer.fits.folds import Indices, held_out_folds, part_of
from trainer.fits.specs import FitSpec

#: Splits that a process keeps. Each repeat of a cross-validation has one; it takes 20 bytes an image.
KEPT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The three parts of the data in one fit, disjoint sorted index arrays."""

    training: Indices
    stop: Indices
    held_out: Indices

    @property
    def digest(self) -> str:
        """SHA-256 over the three, as little-endian int64 with their lengths."""
        content = hashlib.sha256()
        for part in (self.training, self.stop, self.held_out):
            content.update(len(part).to_bytes(8, "little"))
            content.update(part.astype("<i8").tobytes())
        return content.hexdigest()


class Divisible(Protocol):
    """What a split needs to know of a dataset; ``trainer.datasets.Dataset`` is one."""

    @property
    def labels(self) -> npt.NDArray[np.int32]:
        """``[n]`` classes."""

    @property
    def groups(self) -> npt.NDArray[np.int32] | None:
        """``[n]`` numbers of groups; None if every image is by itself."""

    @property
    def folds(self) -> npt.NDArray[np.int32] | None:
        """``[n]`` folds that come with the data, from 0; None if there are none."""


@dataclass(frozen=True, kw_only=True, eq=False)  # without slots: folds are made when first asked for
class Split:
    """One way of dividing a dataset's images. All arrays are read-only.

    Attributes:
        labels: ``[n]`` classes of the whole dataset, int32.
        groups: ``[n]`` numbers of groups, which are never divided; None if every image is by itself.
        given: ``[n]`` folds that come with the data; None if they are drawn.
        count: number of folds, at least 2.
        seed: in [0, 2**31).
    """

    labels: npt.NDArray[np.int32]
    groups: npt.NDArray[np.int32] | None = None
    given: npt.NDArray[np.int32] | None = None
    count: int
    seed: int

    @classmethod
    def of(
        cls,
        labels: npt.NDArray[np.integer],
        *,
        folds: int,
        seed: int,
        groups: npt.NDArray[np.integer] | None = None,
        given: npt.NDArray[np.integer] | None = None,
    ) -> "Split":
        """Return the split of these labels, from the cache if it is there.

        Args:
            labels: ``[n]`` classes.
            folds: number of parts, at least 2.
            seed: in [0, 2**31).
            groups: ``[n]`` numbers of groups, or None.
            given: ``[n]`` folds that come with the data, or None.
        """
        return _kept(_bytes(labels), _bytes(groups), _bytes(given), folds, seed)

    @classmethod
    def of_dataset(cls, data: Divisible, *, folds: int, seed: int) -> "Split":
        """Return the split of a dataset; see ``of``."""
        return cls.of(data.labels, folds=folds, seed=seed, groups=data.groups, given=data.folds)

    @classmethod
    def of_fit(cls, spec: FitSpec, data: Divisible) -> "Split":
        """Return the split that a fit belongs to; ``data`` is its dataset."""
        return cls.of_dataset(data, folds=spec.folds, seed=spec.seeds.split)

    @cached_property
    def folds(self) -> tuple[Indices, ...]:
        """The held-out part of each fold: sorted, disjoint, together all images.

        Raises:
            UsageError: if a class has fewer samples or groups than it needs, or the given folds cannot be
                used.
        """
        parts = held_out_folds(
            self.labels, folds=self.count, seed=self.seed, groups=self.groups, given=self.given
        )
        return tuple(map(_read_only, parts))

    def held_out_counts(self, classes: int) -> tuple[tuple[int, ...], ...]:
        """Return the number of held-out images of each class in each fold, ``[folds][classes]``."""
        return tuple(tuple(np.bincount(self.labels[part], minlength=classes).tolist()) for part in self.folds)

    def held_out(self, fold: int) -> Indices:
        """Return the indices of the images held out in ``fold``, from 0; raises like ``folds``."""
        return self.folds[fold]

    def parts(self, spec: FitSpec) -> Parts:
        """Return the training part, the stop set and the held-out part of the fit that ``spec`` describes.

        The held-out part of a refit is empty; without a stopping rule the stop set is empty.
        """
        nobody = np.empty(0, dtype=np.int64)
        held_out = nobody if spec.fold is None else self.held_out(spec.fold)
        rest = np.setdiff1d(np.arange(len(self.labels)), held_out, assume_unique=True)
        stop = nobody
        if spec.stopping is not None:
            share, seed = spec.stopping.share, spec.seeds.stop
            stop = part_of(self.labels, rest, share=share, seed=seed, groups=self.groups)
        return Parts(training=np.setdiff1d(rest, stop, assume_unique=True), stop=stop, held_out=held_out)


def _bytes(numbers: npt.NDArray[np.integer] | None) -> bytes | None:
    return None if numbers is None else np.asarray(numbers).astype("<i4").tobytes()


@lru_cache(maxsize=KEPT)
def _kept(labels: bytes, groups: bytes | None, given: bytes | None, folds: int, seed: int) -> Split:
    """Return a split; the cache's key has the bytes of the arrays."""
    arrays = [None if part is None else np.frombuffer(part, dtype="<i4") for part in (groups, given)]
    whole = np.frombuffer(labels, dtype="<i4")
    return Split(labels=whole, groups=arrays[0], given=arrays[1], count=folds, seed=seed)


def _read_only(shared: Indices) -> Indices:
    shared.flags.writeable = False
    return shared

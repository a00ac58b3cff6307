"""Says of each image whether it is in the search or the exam, in which fold, and in which stop set.

A split is a function of labels, number of folds and seed alone. A process computes each split once; fits,
reports, comparison and export share it.

>>> split = Split.of(np.arange(12) % 2, folds=3, seed=5)
>>> split.held_out(1).tolist()
[2, 7, 10, 11]
>>> len(split.search), len(split.exam)
(12, 0)
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from trainer.fits.folds import Indices, held_out_folds, stop_set
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


@dataclass(frozen=True, kw_only=True, eq=False)  # without slots: folds are made when first asked for
class Split:
    """One way of dividing a dataset's images. All arrays are read-only.

    Attributes:
        labels: ``[n]`` classes of the whole dataset, int32.
        count: number of folds, at least 2.
        seed: in [0, 2**31).
    """

    labels: npt.NDArray[np.int32]
    count: int
    seed: int

    @classmethod
    def of(cls, labels: npt.NDArray[np.integer], *, folds: int, seed: int) -> "Split":
        """Return the split of these labels, from the cache if it is there.

        Args:
            labels: ``[n]`` classes.
            folds: number of parts, at least 2.
            seed: in [0, 2**31).
        """
        return _kept(np.asarray(labels).astype("<i4").tobytes(), folds, seed)

    @classmethod
    def of_fit(cls, spec: FitSpec, labels: npt.NDArray[np.integer]) -> "Split":
        """Return the split that a fit belongs to; ``labels`` are its dataset's, ``[n]``."""
        return cls.of(labels, folds=spec.folds, seed=spec.seeds.split)

    @cached_property
    def search(self) -> Indices:
        """Sorted indices of the images that fits may see: all of the dataset's.

        An official test set is a dataset of its own (``trainer.datasets.load_test``), so no fit sees it.
        """
        return _read_only(np.arange(len(self.labels)))

    @cached_property
    def exam(self) -> Indices:
        """Sorted indices of the dataset's images that are in no search, fold or stop set."""
        return _read_only(np.setdiff1d(np.arange(len(self.labels)), self.search, assume_unique=True))

    @cached_property
    def folds(self) -> tuple[Indices, ...]:
        """The held-out part of each fold: sorted, disjoint, together they are ``search``.

        Raises:
            UsageError: if a class has fewer samples than there are folds.
        """
        return tuple(map(_read_only, held_out_folds(self.labels, folds=self.count, seed=self.seed)))

    def held_out(self, fold: int) -> Indices:
        """Return the indices of the images held out in ``fold``, from 0; raises like ``folds``."""
        return self.folds[fold]

    def parts(self, spec: FitSpec) -> Parts:
        """Return the training part, the stop set and the held-out part of the fit that ``spec`` describes.

        The held-out part of a refit is empty; without a stopping rule the stop set is empty.
        """
        nobody = np.empty(0, dtype=np.int64)
        held_out = nobody if spec.fold is None else self.held_out(spec.fold)
        rest = np.setdiff1d(self.search, held_out, assume_unique=True)
        stop = nobody
        if spec.stopping is not None:
            stop = stop_set(self.labels, rest, share=spec.stopping.share, seed=spec.seeds.stop)
        return Parts(training=np.setdiff1d(rest, stop, assume_unique=True), stop=stop, held_out=held_out)


@lru_cache(maxsize=KEPT)
def _kept(labels: bytes, folds: int, seed: int) -> Split:
    """Return a split; the cache's key has the bytes of the labels."""
    return Split(labels=np.frombuffer(labels, dtype="<i4"), count=folds, seed=seed)


def _read_only(shared: Indices) -> Indices:
    shared.flags.writeable = False
    return shared

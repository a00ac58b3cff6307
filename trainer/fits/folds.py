"""Who is held out, and who is watched: folds and stop sets, as sorted index arrays.

Folds depend on labels, number of folds and seed alone, so every trial of every architecture meets the same.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.errors import UsageError
from trainer.fits.seeds import derive, permutation
from trainer.fits.specs import FitSpec

Indices = npt.NDArray[np.int64]


def held_out_folds(labels: npt.NDArray[np.integer], *, folds: int, seed: int) -> tuple[Indices, ...]:
    """Split ``range(len(labels))`` into ``folds`` stratified parts.

    Args:
        labels: ``[n]`` classes.
        folds: number of parts, at least 2.
        seed: in [0, 2**31).

    Returns:
        Sorted, disjoint index arrays that together are everything; each class's count differs by at most 1.

    Raises:
        UsageError: if a class has fewer samples than there are folds.
    """
    from sklearn.model_selection import StratifiedKFold  # seconds, which 'refold --help' need not wait

    classes, counts = np.unique(labels, return_counts=True)
    rare = int(np.argmin(counts))
    if counts[rare] < folds:
        raise UsageError(
            f"class {classes[rare]} has {counts[rare]} samples, fewer than the {folds} folds: "
            f"lower cv.folds to {counts[rare]} or add samples"
            if counts[rare] > 1
            else f"class {classes[rare]} has 1 sample and cannot be split: add samples or leave the class out"
        )
    splitter = StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    return tuple(np.sort(held_out) for _, held_out in splitter.split(np.zeros(len(labels)), labels))


def stop_set(labels: npt.NDArray[np.integer], candidates: Indices, *, share: float, seed: int) -> Indices:
    """Choose the stratified part of ``candidates`` that early stopping watches.

    Of each class it takes ``share`` (rounded), at least one and never all, so that macro-F1 sees every class
    that has two samples.

    Args:
        labels: ``[n]`` classes of the whole dataset.
        candidates: sorted indices of the training part.
        share: in (0, 0.5].
        seed: in [0, 2**31).

    Returns:
        Sorted indices, a subset of ``candidates``.
    """
    chosen = []
    for label in np.unique(labels[candidates]):
        members = candidates[labels[candidates] == label]
        count = min(max(1, round(share * len(members))), len(members) - 1)
        chosen.append(members[permutation(derive(seed, int(label)), len(members))[:count]])
    return np.sort(np.concatenate(chosen))


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


def parts_of(spec: FitSpec, labels: npt.NDArray[np.integer]) -> Parts:
    """Return who trains, who is watched and who is held out in the fit that ``spec`` describes."""
    everything, nobody = np.arange(len(labels)), np.empty(0, dtype=np.int64)
    held_out = nobody
    if spec.fold is not None:
        held_out = held_out_folds(labels, folds=spec.folds, seed=spec.seeds.split)[spec.fold]
    rest = np.setdiff1d(everything, held_out, assume_unique=True)
    stop = nobody
    if spec.stopping is not None:
        stop = stop_set(labels, rest, share=spec.stopping.share, seed=spec.seeds.stop)
    return Parts(training=np.setdiff1d(rest, stop, assume_unique=True), stop=stop, held_out=held_out)

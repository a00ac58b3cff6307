"""Draws folds and stop sets, as sorted index arrays. Other modules use ``split``, which calls this one.

Folds depend on labels, number of folds and seed alone, so all trials of all architectures have the same.
"""

import numpy as np
import numpy.typing as npt

from trainer.errors import UsageError
from trainer.fits.seeds import derive, permutation

Indices = npt.NDArray[np.int64]


def held_out_folds(labels: npt.NDArray[np.integer], *, folds: int, seed: int) -> tuple[Indices, ...]:
    """Split ``range(len(labels))`` into ``folds`` stratified parts.

    Args:
        labels: ``[n]`` classes.
        folds: number of parts, at least 2.
        seed: in [0, 2**31).

    Returns:
        Sorted, disjoint index arrays that together hold every index. The numbers of images of a class in two
        folds differ by at most 1.

    Raises:
        UsageError: if a class has fewer samples than there are folds.
    """
    from sklearn.model_selection import StratifiedKFold  # takes seconds: not for 'refold --help'

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

    It takes ``share`` of each class (rounded), at least one image and never all of them. So every class with
    two images or more is in the stop set, and macro-F1 covers it.

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

"""Chooses a stratified part of a dataset, always the same one."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from trainer.errors import UsageError
from trainer.fits.seeds import derive, permutation
from trainer.quantities import counted

SAMPLING_SEED = 0  # a constant: which images a sweep sees must not depend on the sweep's seed


def sampled(
    labels: npt.NDArray[np.int32], samples: int, *, classes: Sequence[str], name: str
) -> npt.NDArray[np.int64]:
    """Return the ascending places of ``samples`` images, each class in proportion.

    Args:
        labels: ``[n]``, at least one image a class.
        samples: how many, in [2 * classes, n].
        classes: their names, for messages.
        name: the dataset's, for messages.

    Raises:
        UsageError: if there are fewer images than that, or a class would keep fewer than two.
    """
    _, counts = np.unique(labels, return_counts=True)
    if samples > len(labels):
        raise UsageError(
            f"samples = {samples}, but dataset {name!r} has {counted(len(labels), 'image')}: "
            "ask for fewer, or leave samples out to use all"
        )
    shares = _proportional(counts, max(samples, 0))
    if shares.min() < 2:
        rare = int(shares.argmin())
        raise UsageError(
            f"samples = {samples} leaves {shares[rare]} of the {counts[rare]} images of class "
            f"{classes[rare]!r}, and every class needs 2: {_advice(counts)}"
        )
    return _choose(labels, shares)


def _proportional(counts: npt.NDArray[np.int64], samples: int) -> npt.NDArray[np.int64]:
    """Split ``samples`` in proportion to ``counts`` by largest remainder; ties go to the lower class.

    Integers throughout: a rounded quotient could give another result on another machine.
    """
    shares, remainders = np.divmod(counts.astype(np.int64) * samples, counts.sum())
    missing = samples - int(shares.sum())
    shares[np.argsort(-remainders, kind="stable")[:missing]] += 1
    return shares


def _choose(labels: npt.NDArray[np.int32], shares: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return ascending indices with ``shares[label]`` of each label."""
    chosen = []
    for label, share in enumerate(shares):
        members = np.flatnonzero(labels == label)
        order = permutation(derive(SAMPLING_SEED, "samples", label), len(members))
        chosen.append(members[order[:share]])
    return np.sort(np.concatenate(chosen))


def _advice(counts: npt.NDArray[np.int64]) -> str:
    """Say how many samples are enough for two images of the rarest class, rounded down."""
    total, rarest = int(counts.sum()), int(counts.min())
    if rarest < 2:
        return "add images of it or leave the class out"
    return f"samples = {-(-2 * total // rarest)} is enough"

"""Seeds are derived by name, never drawn in sequence.

A seed drawn in sequence depends on everything drawn before it; a derived one depends only on its name, so
adding a fold, a worker or a trial leaves all others as they were.

>>> derive(1, "initialisation", 0) == derive(1, "initialisation", 0)
True
>>> derive(1, "initialisation", 0) == derive(1, "order", 0)
False
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.canonical import canonical_json, optional

SEED_BITS = 31  # seeds that Keras and Optuna accept on every platform


def derive(seed: int, *names: str | int) -> int:
    """Return the seed called ``names`` under ``seed``: an integer in [0, 2**31)."""
    text = canonical_json([seed, *names])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> (64 - SEED_BITS)


def permutation(seed: int, size: int) -> npt.NDArray[np.int64]:
    """Return a permutation of ``range(size)`` that depends on nothing but its arguments.

    It sorts the raw output of a counter-based generator. NumPy guarantees that these raw streams never change
    (NEP 19); it does not guarantee this for ``Generator.permutation``.
    """
    return np.argsort(np.random.Philox(key=seed).random_raw(size), kind="stable")


def proposal_seed(sweep_seed: int, architecture: str, number: int) -> int:
    """Return the seed of a trial's proposal. Each trial has one of its own."""
    return derive(sweep_seed, "proposal", architecture, number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """The seeds of one fit, one for each source of variation.

    ``augmentation`` is 0, and absent from the record, if the fit's images are not augmented.
    """

    split: int
    stop: int
    initialisation: int
    order: int
    dropout: int
    augmentation: int = optional(0)

    @classmethod
    def of_fit(
        cls, sweep_seed: int, *, trial: int | str, repeat: int, fold: int | str, augmented: bool = False
    ) -> "Seeds":
        """Return the seeds of a fit. They do not depend on the architecture, so that scores are paired.

        The split depends on the repeat alone, so all trials of all architectures have the same folds.
        """
        return cls(
            split=derive(sweep_seed, "split", repeat),
            stop=derive(sweep_seed, "stop", repeat, fold),
            initialisation=derive(sweep_seed, "initialisation", trial, repeat, fold),
            order=derive(sweep_seed, "order", trial, repeat, fold),
            dropout=derive(sweep_seed, "dropout", trial, repeat, fold),
            augmentation=derive(sweep_seed, "augmentation", trial, repeat, fold) if augmented else 0,
        )

"""Bootstrap bias-corrected cross-validation: how much of the best trial's score was luck.

The best of many trials is partly the best because the held-out folds happened to suit it. BBC-CV repeats the
choice on bootstrap samples of the out-of-fold predictions, and scores the chosen trial on the images that the
sample left out. No training is needed.

Source: Tsamardinos, Greasidou & Borboudakis, "Bootstrapping the out-of-sample predictions for efficient and
accurate cross-validation", Machine Learning 107 (2018), algorithm 3. The method assumes that trials do not
depend on outcomes; a search proposes trials from earlier outcomes, which the correction does not account for.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.integer]
Weights = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float64]

#: Number of bootstrap samples that are scored at a time; it limits the memory.
_CHUNK = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """The score to expect of the chosen trial.

    Attributes:
        score: the corrected estimate, in [0, 1].
        low: 2.5th percentile of the bootstrap's scores.
        high: 97.5th percentile of the bootstrap's scores.
        uncorrected: the best trial's own score.
    """

    score: float
    low: float
    high: float
    uncorrected: float

    @property
    def luck(self) -> float:
        """The part of the best trial's score that comes from the choice among trials."""
        return self.uncorrected - self.score


def corrected(
    true: Labels,
    predicted: Labels,
    *,
    classes: int,
    seed: int,
    samples: int = 1000,
    groups: Labels | None = None,
) -> Corrected:
    """Correct the best trial's macro-F1 for the choice among trials.

    Args:
        true: ``[n]`` classes in [0, classes).
        predicted: ``[n, trials]`` out-of-fold predictions of each trial on the same folds.
        classes: number of classes.
        seed: the bootstrap's seed, in [0, 2**31).
        samples: number of bootstrap samples, at least 1.
        groups: ``[n]`` numbers of the groups that images belong to, from 0; None if every image is by itself.
            With groups the bootstrap draws whole groups: Field & Welsh, "Bootstrapping clustered data",
            Journal of the Royal Statistical Society B 69 (2007), section 2, the cluster bootstrap.

    Raises:
        ValueError: if there is no trial, or fewer than 2 images or groups.
    """
    units = len(true) if groups is None else len(np.unique(groups))
    if predicted.ndim != 2 or predicted.shape[0] != len(true) or not predicted.shape[1] or units < 2:
        raise ValueError(f"{predicted.shape} predictions do not go with {len(true)} images")
    scorer = macro_f1_scorer(true, predicted, classes)
    if groups is None:
        chosen = bootstrap_scores(scorer, len(true), seed=seed, samples=samples)
    else:
        members = np.unique(groups, return_inverse=True)[1]
        chosen = bootstrap_scores(
            lambda weights: scorer(weights[:, members]), int(members.max()) + 1, seed=seed, samples=samples
        )
    low, high = np.percentile(chosen, [2.5, 97.5])
    return Corrected(
        score=float(chosen.mean()),
        low=float(low),
        high=float(high),
        uncorrected=float(scorer(np.ones((1, len(true)))).max()),
    )


def bootstrap_scores(scorer: Callable[[Weights], Scores], images: int, *, seed: int, samples: int) -> Scores:
    """Return the out-of-sample score of the trial chosen in each bootstrap sample, ``[samples]``.

    Args:
        scorer: function from ``[b, images]`` integer weights to ``[b, trials]`` scores.
        images: number of images, or of whatever is drawn as a whole.
        seed: the bootstrap's seed.
        samples: number of bootstrap samples.
    """
    generator = np.random.Generator(np.random.Philox(seed))
    found = []
    for start in range(0, samples, _CHUNK):
        weights = _draw(generator, min(_CHUNK, samples - start), images)
        best = np.argmax(scorer(weights), axis=1)
        outside = scorer((weights == 0).astype(np.float64))
        found.append(outside[np.arange(len(best)), best])
    return np.concatenate(found)


def _draw(generator: np.random.Generator, samples: int, images: int) -> Weights:
    """Return how often each image is in each sample, ``[samples, images]``; none has all images."""
    weights = np.zeros((samples, images))
    for row in weights:
        while not row.any() or row.all():  # with very few images a sample may leave no image out
            row[:] = np.bincount(generator.integers(0, images, images), minlength=images)
    return weights


def macro_f1_scorer(true: Labels, predicted: Labels, classes: int) -> Callable[[Weights], Scores]:
    """Return a function that scores weighted images: macro-F1 for each set of weights and each trial.

    Counts are whole numbers below 2**53, so sums are exact in any order. A class that is neither true nor
    predicted under the weights does not count, because small samples leave classes out.
    """
    members = [(true == label).astype(np.float64) for label in range(classes)]
    claims = [(predicted == label).astype(np.float64) for label in range(classes)]

    def score(weights: Weights) -> Scores:
        total = np.zeros((len(weights), predicted.shape[1]))
        present = np.zeros_like(total)
        for member, claim in zip(members, claims, strict=True):
            hits = weights @ (claim * member[:, None])
            both = (weights @ member)[:, None] + weights @ claim
            total += np.divide(2 * hits, both, out=np.zeros_like(hits), where=both > 0)
            present += both > 0
        return total / present

    return score

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

from sweeps.analysis.statistics.leave_one_out import Predictions
from trainer.metrics.metric import MACRO_F1, Metric
from trainer.metrics.of_counts import Counts
from trainer.metrics.of_probabilities import Probabilities

Labels = npt.NDArray[np.integer]
Weights = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float64]

#: Number of bootstrap samples that are scored at a time; it limits the memory.
_CHUNK = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """The score to expect of the chosen trial.

    Attributes:
        score: the corrected estimate.
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


def corrected(  # noqa: PLR0913 - predictions, what scores them, and how they are drawn
    true: Labels,
    predicted: Predictions,
    *,
    classes: int,
    seed: int,
    samples: int = 1000,
    groups: Labels | None = None,
    metric: Metric = MACRO_F1,
    folds: Labels | None = None,
) -> Corrected:
    """Correct the best trial's score for the choice among trials.

    Args:
        true: ``[n]`` classes in [0, classes).
        predicted: ``[n, trials]`` out-of-fold predictions of each trial on the same folds; or ``[n, trials,
            classes]`` probabilities if the metric needs these.
        classes: number of classes.
        seed: the bootstrap's seed, in [0, 2**31).
        samples: number of bootstrap samples, at least 1.
        groups: ``[n]`` numbers of the groups that images belong to, from 0; None if every image is by itself.
            With groups the bootstrap draws whole groups: Field & Welsh, "Bootstrapping clustered data",
            Journal of the Royal Statistical Society B 69 (2007), section 2, the cluster bootstrap.
        metric: what scores predictions; higher is better.
        folds: ``[n]`` the fold of each image, for a metric of probabilities: its value is the mean over them.

    Raises:
        ValueError: if there is no trial, or fewer than 2 images or groups.
    """
    units = len(true) if groups is None else len(np.unique(groups))
    dimensions = 2 if metric.counts else 3
    if predicted.ndim != dimensions or predicted.shape[0] != len(true) or not predicted.shape[1] or units < 2:
        raise ValueError(f"{predicted.shape} predictions do not go with {len(true)} images")
    scorer = _scorer(true, predicted, classes, metric, folds)
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


def _scorer(
    true: Labels, predicted: Predictions, classes: int, metric: Metric, folds: Labels | None
) -> Callable[[Weights], Scores]:
    if metric == MACRO_F1:
        return macro_f1_scorer(true, predicted, classes)
    if metric.of_counts is not None:
        return counts_scorer(true, predicted, classes, metric.of_counts)
    return fold_scorer(true, predicted, np.zeros(len(true), int) if folds is None else folds, metric)


def counts_scorer(
    true: Labels, predicted: Labels, classes: int, of_counts: Callable[[Counts], Scores]
) -> Callable[[Weights], Scores]:
    """Return a function that scores weighted images by a metric of counts, for each set and each trial."""
    members = [(true == label).astype(np.float64) for label in range(classes)]
    claims = [(predicted == label).astype(np.float64) for label in range(classes)]

    def score(weights: Weights) -> Scores:
        counts = np.empty((len(weights), predicted.shape[1], 3, classes))
        for label, (member, claim) in enumerate(zip(members, claims, strict=True)):
            counts[:, :, 0, label] = weights @ (claim * member[:, None])
            counts[:, :, 1, label] = (weights @ member)[:, None]
            counts[:, :, 2, label] = weights @ claim
        return of_counts(counts)

    return score


def fold_scorer(
    true: Labels, probabilities: Probabilities, folds: Labels, metric: Metric
) -> Callable[[Weights], Scores]:
    """Return a function that scores weighted images by a metric of probabilities, for each set and trial.

    The value is the mean over the folds that have images; an image with the weight 2 is there twice.
    """

    def score(weights: Weights) -> Scores:
        return np.array([
            [_mean_of_folds(drawn, probabilities[:, trial]) for trial in range(probabilities.shape[1])]
            for drawn in (np.repeat(np.arange(len(true)), each.astype(np.int64)) for each in weights)
        ])  # fmt: skip

    def _mean_of_folds(drawn: Labels, given: Probabilities) -> float:
        parts = (drawn[folds[drawn] == fold] for fold in np.unique(folds[drawn]))
        return float(np.mean([metric.score(true[part], given[part]) for part in parts]))

    return score


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

"""Two models, trained once each, on the same images: how far apart, and which images tell them apart.

The difference of their scores has a standard error from the jackknife, which leaves out one image or group
after the other: Davison & Hinkley, "Bootstrap Methods and their Application" (1997), sections 2.7.3 and 3.8;
the t distribution has (units - 1) degrees of freedom, as in ``clustered``. What is said holds for these two
models on new images like these, not for other seeds of theirs.

The images that only one of them gets right are compared by McNemar's test (Psychometrika 12, 1947,
doi 10.1007/BF02295996), in its exact form: if both are right equally often, each such image is as likely to
be one model's as the other's.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from sweeps.analysis.statistics.leave_one_out import Predictions, leave_one_out, units_of
from sweeps.analysis.statistics.score_interval import least_reach
from sweeps.analysis.statistics.units import Labels
from trainer.metrics.metric import MACRO_F1, Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoModels:
    """One model against another.

    Attributes:
        difference: score of the one minus that of the other.
        low: lower end of the difference's interval.
        high: upper end.
        only_one: number of images that only the one gets right.
        only_other: number of images that only the other gets right.
        p: of McNemar's exact two-sided test; None with groups, because it takes images as independent.
    """

    difference: float
    low: float
    high: float
    only_one: int
    only_other: int
    p: float | None


def two_models(
    true: Labels,
    one: Predictions,
    other: Predictions,
    *,
    classes: int,
    groups: Labels | None,
    level: float,
    metric: Metric = MACRO_F1,
) -> TwoModels:
    """Compare two models' predictions for the same images.

    Args:
        true: ``[n]`` classes in [0, classes).
        one: ``[n]`` predicted classes of the one model, or ``[n, classes]`` probabilities if the metric needs
            these.
        other: the same of the other one.
        classes: number of classes.
        groups: ``[n]`` numbers of the groups that images belong to; None if every image is by itself.
        level: of the interval, in (0, 1). Fewer than two units show no spread: it is then all that can be.
        metric: what scores predictions.

    Raises:
        ValueError: if there is no image, or the lengths differ.
    """
    if not len(true) or len(true) != len(one) or one.shape != other.shape:
        raise ValueError(f"{true.shape} true classes, {one.shape} and {other.shape} predicted ones")
    scores, values = leave_one_out(true, np.stack([one, other]), classes, groups, metric)
    difference, width = float(scores[0] - scores[1]), metric.high - metric.low
    reach = _reach(values[0] - values[1], level, units_of(true, groups, metric), width)
    right, other_right = (_classes(each) == true for each in (one, other))
    only_one, only_other = int((right & ~other_right).sum()), int((~right & other_right).sum())
    return TwoModels(
        difference=difference,
        low=max(-width, difference - reach),
        high=min(width, difference + reach),
        only_one=only_one,
        only_other=only_other,
        p=None if groups is not None else mcnemar(only_one, only_other),
    )


def _classes(predicted: Predictions) -> Labels:
    return predicted if predicted.ndim == 1 else predicted.argmax(axis=1)


def mcnemar(only_one: int, only_other: int) -> float:
    """Return the two-sided p of McNemar's exact test; 1 if no image tells the two apart.

    >>> mcnemar(5, 0), mcnemar(3, 3), mcnemar(0, 0)
    (0.0625, 1.0, 1.0)
    """
    return float(min(1.0, 2 * stats.binom.cdf(min(only_one, only_other), only_one + only_other, 0.5)))


def _reach(apart: np.ndarray, level: float, units: int, width: float) -> float:
    """Return half the interval's width; equal predictions may yet differ on images that were not seen."""
    tail = (1 - level) / 2
    if units < 2:
        return 2 * width
    error = float(apart.std(ddof=1) / np.sqrt(len(apart)))
    return float(stats.t.ppf(1 - tail, units - 1)) * error if error > 0 else width * least_reach(units, tail)

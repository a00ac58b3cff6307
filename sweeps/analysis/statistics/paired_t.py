"""The t-test of paired differences, corrected for training sets that overlap.

Scores of one cross-validation are not independent: any two of its fits share most of their training data. The
plain t-test assumes independence and finds differences that do not exist. The correction adds the covariance
that comes from the overlap.

Sources: Nadeau & Bengio, "Inference for the Generalization Error", Machine Learning 52 (2003), the corrected
resampled t; Bouckaert & Frank, "Evaluating the Replicability of Significance Tests for Comparing Learning
Algorithms", PAKDD 2004 (doi 10.1007/978-3-540-24775-3_3), the same for repeated K-fold cross-validation.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

#: Scores are ratios of counts: smaller differences come from rounding.
EQUAL = 1e-12


def overlap_of(folds: int) -> float:
    """Return n_test / n_train of a K-fold cross-validation, 1 / (K - 1): the strength of the correction.

    Raises:
        ValueError: for fewer than 2 folds.
    """
    if folds < 2:
        raise ValueError(f"{folds} folds: a cross-validation has at least 2")
    return 1 / (folds - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean and its uncertainty.

    Attributes:
        mean: the mean of the values.
        deviation: the values' standard deviation (n - 1 in the denominator); 0 if all are equal.
        standard_error: the standard error of the mean, corrected for the overlap.
        low: lower end of the confidence interval.
        high: upper end of the confidence interval.
        t: mean / standard_error; None without spread.
        p: two-sided p-value of "the true mean is 0"; None without spread.
        freedom: degrees of freedom.
    """

    mean: float
    deviation: float
    standard_error: float
    low: float
    high: float
    t: float | None
    p: float | None
    freedom: int


def estimate(values: Sequence[float], *, overlap: float, confidence: float = 0.95) -> Estimate:
    """Estimate the mean of scores or of paired differences.

    The variance of the mean is (1/J + overlap) s^2 for J values; with ``overlap`` 0 this is the plain t.

    Args:
        values: at least 2 finite numbers, one for each fit of the repeated cross-validation.
        overlap: n_test / n_train, at least 0; ``overlap_of(folds)`` for scores of single folds.
        confidence: the confidence level of the interval, in (0, 1).

    Raises:
        ValueError: if there are fewer than 2 values.
    """
    if len(values) < 2:
        raise ValueError(f"{len(values)} values have no spread: at least 2 are needed")
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean())
    deviation = 0.0 if np.ptp(array) < EQUAL else float(array.std(ddof=1))
    freedom = len(array) - 1
    error = deviation * math.sqrt(1 / len(array) + overlap)
    half = float(stats.t.ppf(0.5 + confidence / 2, freedom)) * error
    t = mean / error if error else None
    p = None if t is None else float(2 * stats.t.sf(abs(t), freedom))
    return Estimate(
        mean=mean,
        deviation=deviation,
        standard_error=error,
        low=mean - half,
        high=mean + half,
        t=t,
        p=p,
        freedom=freedom,
    )

"""The spread of a few runs, and how uncertain it is.

For normally distributed scores (n - 1) s^2 / sigma^2 is chi-squared with n - 1 degrees of freedom: three runs
leave the true standard deviation open within a factor of 12.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from sweeps.analysis.statistics.paired_t import estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A standard deviation with its confidence interval.

    Attributes:
        deviation: the estimate (n - 1 in the denominator), above 0.
        low: lower end of the interval, above 0.
        high: upper end of the interval.
        freedom: degrees of freedom of the estimate.
    """

    deviation: float
    low: float
    high: float
    freedom: int


def spread_of(values: Sequence[float], *, confidence: float = 0.95) -> Spread:
    """Estimate the standard deviation from some values.

    Raises:
        ValueError: if there are fewer than 2 values or all are equal.
    """
    return pooled_spread([values], confidence=confidence)


def pooled_spread(groups: Sequence[Sequence[float]], *, confidence: float = 0.95) -> Spread:
    """Estimate the standard deviation that several groups of values share, each around its own mean.

    The groups may depend on each other, as differences between the same architectures do. So the degrees of
    freedom are those of the smallest group, and the interval is wide rather than narrow.

    Raises:
        ValueError: if a group has fewer than 2 values, or there is no spread at all.
    """
    found = [estimate(group, overlap=0) for group in groups]
    deviation = math.sqrt(sum(group.deviation**2 for group in found) / len(found))
    if deviation == 0:
        raise ValueError("all values are equal: there is no spread")
    freedom = min(group.freedom for group in found)
    tail = (1 - confidence) / 2
    return Spread(
        deviation=deviation,
        low=deviation * math.sqrt(freedom / float(stats.chi2.isf(tail, freedom))),
        high=deviation * math.sqrt(freedom / float(stats.chi2.ppf(tail, freedom))),
        freedom=freedom,
    )


def upper_limit(spread: Spread, *, confidence: float = 0.8) -> float:
    """Return the one-sided upper confidence limit of a standard deviation.

    Planning with it, and not with the estimate, keeps the power with that confidence: Browne, "On the use of
    a pilot sample for sample size determination", Statistics in Medicine 14 (1995).
    """
    return spread.deviation * math.sqrt(
        spread.freedom / float(stats.chi2.ppf(1 - confidence, spread.freedom))
    )


def plausible_spreads(spread: Spread, *, count: int = 400) -> npt.NDArray[np.float64]:
    """Return equally probable values of the true standard deviation, given an estimate; shape [count].

    sigma^2 = freedom s^2 / chi2(freedom), at the middles of ``count`` equal parts of probability: the
    posterior for a flat prior of log(sigma) (Box & Tiao, "Bayesian Inference in Statistical Analysis", 1973,
    chapter 2).
    """
    middles = (np.arange(count) + 0.5) / count
    found: npt.NDArray[np.float64] = spread.deviation * np.sqrt(
        spread.freedom / stats.chi2.ppf(middles, spread.freedom)
    )
    return found

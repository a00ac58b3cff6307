"""The number of runs that find a difference of a given size: exact power of the t-tests (noncentral t).

Source: Cohen, "Statistical Power Analysis for the Behavioral Sciences" (1988), ch. 2. For overlapping
training sets the test statistic is a noncentral t under the model of the correction (``paired_t``). Its
standard error is at least sqrt(overlap) s, however many repeats there are.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]

#: Largest number of runs that is looked at; above it the answer is "never".
MOST = 1_000_000

#: Degrees of freedom above which the noncentral t is replaced by its normal approximation.
MANY = 10_000


def power_paired(
    difference: float, spread: float, runs: int, *, overlap: float, alpha: float = 0.05
) -> float:
    """Return the chance that the (corrected) paired t-test finds a difference.

    Args:
        difference: the true mean difference, not 0.
        spread: standard deviation of the paired differences, above 0.
        runs: number of paired differences, at least 2.
        overlap: n_test / n_train; 0 for independent differences.
        alpha: significance level of the test.
    """
    return _two_sided(abs(difference) / (spread * math.sqrt(1 / runs + overlap)), runs - 1, alpha)


def repeats_paired(
    difference: float,
    spread: float,
    *,
    runs_per_repeat: int,
    overlap: float,
    power: float,
    alpha: float = 0.05,
) -> int | None:
    """Return the smallest number of repeats that reaches ``power``; None if no number does.

    Args:
        difference: the true mean difference, not 0.
        spread: standard deviation of the paired differences, above 0.
        runs_per_repeat: number of paired differences that each repeat adds, at least 1.
        overlap: n_test / n_train; 0 for independent differences.
        power: the required power, in (0, 1).
        alpha: significance level of the test.
    """

    def reached(repeats: int) -> float:
        return power_paired(difference, spread, repeats * runs_per_repeat, overlap=overlap, alpha=alpha)

    return fewest(reached, power)


def detectable_paired(
    spread: float, *, overlap: float, power: float, runs: int | None = None, alpha: float = 0.05
) -> float:
    """Return the smallest true mean difference that is found with a given power.

    Args:
        spread: standard deviation of the paired differences, above 0.
        overlap: n_test / n_train; 0 for independent differences.
        power: the required power, in (0, 1).
        runs: number of paired differences, at least 2; None for no limit.
        alpha: significance level of the test.
    """
    error = spread * math.sqrt((0 if runs is None else 1 / runs) + overlap)
    return error * _noncentrality(MOST if runs is None else runs - 1, power, alpha)


def detectable_unpaired(spread: float, runs: int, *, power: float, alpha: float = 0.05) -> float:
    """Return the smallest true difference that two groups of ``runs`` runs find with a given power."""
    return spread * math.sqrt(2 / runs) * _noncentrality(2 * runs - 2, power, alpha)


def _noncentrality(freedom: int, power: float, alpha: float) -> float:
    """Return the number of standard errors by which means must differ to be found with a given power."""
    low, high = 0.0, 1e6
    for _ in range(100):  # bisection: the power grows with the difference
        middle = (low + high) / 2
        low, high = (middle, high) if _two_sided(middle, freedom, alpha) < power else (low, middle)
    return high


def two_sided(noncentrality: npt.ArrayLike, freedom: npt.ArrayLike, alpha: float) -> Floats:
    """Return the power of two-sided t-tests, elementwise, in [0, 1].

    Args:
        noncentrality: true differences in standard errors, at least 0.
        freedom: degrees of freedom, above 0.
        alpha: significance level of each test.
    """
    shift, free = np.broadcast_arrays(np.asarray(noncentrality, float), np.asarray(freedom, float))
    critical = stats.t.isf(alpha / 2, free)
    # Further out the power is 1, and SciPy does not compute the noncentral t there.
    inside = shift <= critical + 40
    many, few = inside & (free > MANY), inside & (free <= MANY)
    found = np.ones(shift.shape)
    # The lower tail by symmetry: SciPy's nct.cdf is NaN far below the mean.
    c, f, d = critical[few], free[few], shift[few]
    found[few] = stats.nct.sf(c, f, d) + stats.nct.sf(c, f, -d)
    # Johnson, Kotz & Balakrishnan, "Continuous Univariate Distributions" 2 (1995), ch. 31; here to 1e-8.
    c, f, d = critical[many], free[many], shift[many]
    scaled, width = c * (1 - 1 / (4 * f)), np.sqrt(1 + c**2 / (2 * f))
    found[many] = stats.norm.sf((scaled - d) / width) + stats.norm.sf((scaled + d) / width)
    return found


def _two_sided(noncentrality: float, freedom: int, alpha: float) -> float:
    return float(two_sided(noncentrality, freedom, alpha))


def fewest(reached: Callable[[int], float], power: float) -> int | None:
    """Return the smallest number from 2 with ``reached(number) >= power``; None above ``MOST``.

    ``reached`` must be increasing.
    """
    high = 2
    while reached(high) < power:
        if high > MOST:
            return None
        high *= 2
    low = max(2, high // 2)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if reached(middle) < power else (low, middle)
    return high

"""The number of runs that find a difference of a given size: exact power of the t-tests (noncentral t).

Source: Cohen, "Statistical Power Analysis for the Behavioral Sciences" (1988), ch. 2.
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

"""The power of the verdict "better" on folds: both of its tests, averaged over what the spread may be.

The verdict (``verdicts``) asks for a significant corrected t-test and for a probability of at least 0.95 that
the difference exceeds the region of practical equivalence. The model of the correction (``paired_t``) is
taken at its word: the mean of J paired differences has the variance (1/J + overlap) sigma^2, and s^2 is
estimated with J - 1 degrees of freedom.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy import stats

from sweeps.analysis.statistics.verdicts import CERTAINTY

Floats = npt.NDArray[np.float64]

#: Points of the integral over the estimates of the spread that an experiment may make.
_MIDDLES = (np.arange(60) + 0.5) / 60


def power_of_better(
    difference: float,
    spreads: npt.ArrayLike,
    runs: int,
    *,
    overlap: float,
    rope: float,
    alpha: float = 0.05,
) -> float:
    """Return the chance of the verdict "better", on average over plausible spreads.

    Args:
        difference: the true mean difference, at least 0.
        spreads: equally plausible standard deviations of the paired differences, each above 0.
        runs: number of paired differences, at least 2.
        overlap: n_test / n_train; 0 for independent differences.
        rope: half the width of the region of practical equivalence, at least 0.
        alpha: significance level of the t-test, two-sided; that of Holm's strictest step for several pairs.
    """
    error = np.asarray(spreads, dtype=np.float64)[:, None] * math.sqrt(1 / runs + overlap)
    shown = error * np.sqrt(stats.chi2.ppf(_MIDDLES, runs - 1) / (runs - 1))[None]
    significant = float(stats.t.isf(alpha / 2, runs - 1)) * shown
    matters = rope + float(stats.t.ppf(CERTAINTY, runs - 1)) * shown
    return float(stats.norm.sf((np.maximum(significant, matters) - difference) / error).mean())


def repeats_for_better(  # noqa: PLR0913 - what a verdict depends on
    difference: float,
    spreads: npt.ArrayLike,
    *,
    runs_per_repeat: int,
    overlap: float,
    rope: float,
    power: float,
    most: int,
    alpha: float = 0.05,
) -> int | None:
    """Return the smallest number of repeats, from 2 to ``most``, that reaches a power; None if none does.

    Args:
        difference: see ``power_of_better``, as for all others.
        spreads: see there.
        runs_per_repeat: number of paired differences that each repeat adds, at least 1.
        overlap: see there.
        rope: see there.
        power: the required power, in (0, 1).
        most: the largest number that is looked at.
        alpha: see there.
    """

    def reached(repeats: int) -> bool:
        runs = repeats * runs_per_repeat
        found = power_of_better(difference, spreads, runs, overlap=overlap, rope=rope, alpha=alpha)
        return found >= power

    if not reached(most):
        return None
    low, high = 2, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle + 1, high)
    return high

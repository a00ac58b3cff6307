"""Power of the t-test of two groups of runs whose spread is uncertain and which may share one test set.

The runs of each group differ in their seeds. Their common test set adds an error to the difference of the
groups that more runs do not shrink; the degrees of freedom are then Satterthwaite's ("An Approximate
Distribution of Estimates of Variance Components", Biometrics Bulletin 2, 1946), with the test set's part
known. A spread that is known only as a set of plausible values gives the power on average over these
("assurance": O'Hagan, Stevens & Campbell, Pharmaceutical Statistics 4, 2005).
"""

import numpy as np
import numpy.typing as npt
from scipy import stats

from sweeps.analysis.statistics.power import MOST, fewest, two_sided

Floats = npt.NDArray[np.float64]


def average_power(
    difference: float, spreads: npt.ArrayLike, runs: int, *, alpha: float = 0.05, shared: float = 0.0
) -> float:
    """Return the chance that a two-sided t-test finds a difference, on average over plausible spreads.

    Args:
        difference: the true difference, above 0.
        spreads: equally plausible standard deviations of single runs, each above 0; one if it is known.
        runs: number of runs in each group, at least 2.
        alpha: significance level of the test.
        shared: variance of the difference that no number of runs shrinks, at least 0.
    """
    seeds = 2 * np.square(np.asarray(spreads, dtype=np.float64)) / runs
    error = seeds + shared
    freedom = (2 * runs - 2) * np.minimum((error / seeds) ** 2, MOST)
    return float(two_sided(difference / np.sqrt(error), freedom, alpha).mean())


def runs_on_average(
    difference: float, spreads: npt.ArrayLike, *, power: float, alpha: float = 0.05, shared: float = 0.0
) -> int | None:
    """Return the fewest runs of each group that reach ``power`` on average; None above ``MOST``.

    The other arguments are those of ``average_power``.
    """
    if shared and highest_power(difference, shared, alpha=alpha) <= power:
        return None
    return fewest(lambda runs: average_power(difference, spreads, runs, alpha=alpha, shared=shared), power)


def highest_power(difference: float, shared: float, *, alpha: float = 0.05) -> float:
    """Return the power that the test has in the limit of many runs.

    Args:
        difference: the true difference, above 0.
        shared: variance of the difference that no number of runs shrinks, above 0.
        alpha: significance level of the test.
    """
    critical, shift = stats.norm.isf(alpha / 2), difference / np.sqrt(shared)
    return float(stats.norm.sf(critical - shift) + stats.norm.sf(critical + shift))

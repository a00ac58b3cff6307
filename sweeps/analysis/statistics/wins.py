"""Wins in paired runs, and the number of pairs that it takes to show that one wins more often.

Source: Bouthillier et al., "Accounting for Variance in Machine Learning Benchmarks", MLSys 2021: the
probability of outperforming, P(A > B), is meaningful at 0.75 or more. The number of pairs is that of the
exact sign test (Conover, "Practical Nonparametric Statistics", 1999, section 3.4): the number of wins is
binomial.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

#: Largest number of pairs that is looked at.
MOST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wins:
    """The wins of the first of two in paired runs.

    Attributes:
        won: number of runs in which the first of the two scored higher.
        tied: number of runs with equal scores.
        runs: number of all runs.
        share: won runs as a share of all, ties counted half; in [0, 1].
    """

    won: int
    tied: int
    runs: int
    share: float


def wins(differences: Sequence[float]) -> Wins:
    """Count the paired runs that the first of two has won; ``differences`` are first minus second.

    Raises:
        ValueError: if there are no runs.
    """
    if not differences:
        raise ValueError("there are no paired runs to count")
    won = sum(difference > 0 for difference in differences)
    tied = sum(difference == 0 for difference in differences)
    share = (won + tied / 2) / len(differences)
    return Wins(won=won, tied=tied, runs=len(differences), share=share)


def pairs_for_sign(share: float, *, alpha: float = 0.05, power: float = 0.8) -> int | None:
    """Return the fewest independent pairs with which the exact sign test tells a win share from one half.

    The test's level is that of a whole number of wins, so the power does not grow steadily: a few more pairs
    may have a little less of it.

    Args:
        share: the true share of pairs that one wins, in (0, 1) and not one half; no ties.
        alpha: significance level of the two-sided test, in (0, 1).
        power: chance of finding the difference, in (0, 1).

    Returns:
        The number; None if it is above ``MOST``.

    Raises:
        ValueError: if ``share`` cannot be told from one half by any number of pairs.
    """
    if not 0 < share < 1 or share == 0.5:
        raise ValueError(f"a win share of {share} cannot be planned for: between 0 and 1, not one half")
    pairs = np.arange(1, MOST + 1)
    # The most wins of the loser with which the test still finds a winner; -1 if there is no such number.
    most = stats.binom.ppf(alpha / 2, pairs, 0.5)
    most -= stats.binom.cdf(most, pairs, 0.5) > alpha / 2
    found = stats.binom.cdf(most, pairs, share) + stats.binom.cdf(most, pairs, 1 - share)
    enough = np.flatnonzero(found >= power)
    return int(pairs[enough[0]]) if len(enough) else None

"""Wins in paired runs, and the number of pairs that it takes to show that one wins more often.

Source: Bouthillier et al., "Accounting for Variance in Machine Learning Benchmarks", MLSys 2021: the
probability of outperforming, P(A > B), is meaningful at 0.75 or more. The number of pairs is Noether's,
"Sample Size Determination for Some Common Nonparametric Tests", JASA 82 (1987).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats


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


def pairs_for_sign(share: float, *, alpha: float = 0.05, power: float = 0.95) -> float:
    """Return the number of independent pairs that tell a win share from one half; it is not rounded up.

    It is that of the sign test, since runs are paired. The 29 of Bouthillier et al. (App. C.3) are for
    unpaired runs.

    Args:
        share: the true share of pairs that one wins, in (0, 1) and not one half.
        alpha: significance level of the one-sided test.
        power: chance of finding the difference.

    Raises:
        ValueError: if ``share`` cannot be told from one half by any number of pairs.
    """
    if not 0 < share < 1 or share == 0.5:
        raise ValueError(f"a win share of {share} cannot be planned for: between 0 and 1, not one half")
    return float((stats.norm.isf(alpha) + stats.norm.ppf(power)) ** 2 / (4 * (share - 0.5) ** 2))

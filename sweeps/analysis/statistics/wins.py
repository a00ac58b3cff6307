"""How often one wins over another in paired runs, and how many pairs show that it does.

Source: Bouthillier et al., "Accounting for Variance in Machine Learning Benchmarks", MLSys 2021: the
probability of outperforming, P(A > B), is meaningful from 0.75. The number of pairs is Noether's, "Sample
Size Determination for Some Common Nonparametric Tests", JASA 82 (1987).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats


@dataclass(frozen=True, slots=True, kw_only=True)
class Wins:
    """Of paired runs.

    Attributes:
        won: runs in which the first of the two scored higher.
        tied: runs with equal scores.
        runs: all of them.
        share: won runs, ties counted half, of all; in [0, 1].
    """

    won: int
    tied: int
    runs: int
    share: float


def wins(differences: Sequence[float]) -> Wins:
    """Count the paired runs that the first of two has won.

    Raises:
        ValueError: if there are none.
    """
    if not differences:
        raise ValueError("there are no paired runs to count")
    won = sum(difference > 0 for difference in differences)
    tied = sum(difference == 0 for difference in differences)
    share = (won + tied / 2) / len(differences)
    return Wins(won=won, tied=tied, runs=len(differences), share=share)


def pairs_for_sign(share: float, *, alpha: float = 0.05, power: float = 0.95) -> float:
    """Return the number of independent pairs that tell a win share from one half (round it up).

    It is the sign test's, since runs are paired; the 29 of Bouthillier et al. (App. C.3) are for
    unpaired ones.

    Args:
        share: of the pairs that one truly wins, in (0, 1) and not one half.
        alpha: of the one-sided test.
        power: chance to find it.

    Raises:
        ValueError: if ``share`` cannot be told from one half by any number of pairs.
    """
    if not 0 < share < 1 or share == 0.5:
        raise ValueError(f"a win share of {share} cannot be planned for: between 0 and 1, not one half")
    return float((stats.norm.isf(alpha) + stats.norm.ppf(power)) ** 2 / (4 * (share - 0.5) ** 2))

"""The same architectures on many data sets: Friedman's test on ranks, and Nemenyi's critical difference.

For one data set, which is what ``refold compare`` has, this does not apply: folds are not data sets. Whoever
has run one comparison on each of many data sets may rank their scores with it from Python.

Source: Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7 (2006), sec. 3.2.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats


@dataclass(frozen=True, slots=True, kw_only=True)
class Friedman:
    """Friedman's chi-squared, Iman and Davenport's F from it, and the p-value of F."""

    chi_squared: float
    f: float
    p: float


def friedman(mean_ranks: Sequence[float], *, datasets: int) -> Friedman:
    """Test whether the mean ranks of k architectures over N data sets differ by chance.

    Args:
        mean_ranks: ``[k]``, each in [1, k], 1 for always best; k at least 2.
        datasets: N, at least 2.

    Raises:
        ValueError: if there are too few of either, or every data set gives the same order.
    """
    count = len(mean_ranks)
    if count < 2 or datasets < 2:
        raise ValueError(f"{count} architectures on {datasets} data sets: at least 2 on 2 are needed")
    squares = sum(rank**2 for rank in mean_ranks)
    chi_squared = 12 * datasets / (count * (count + 1)) * (squares - count * (count + 1) ** 2 / 4)
    rest = datasets * (count - 1) - chi_squared
    if rest <= 1e-9:
        raise ValueError("every data set gives the same order: the F statistic is infinite")
    f = (datasets - 1) * chi_squared / rest
    p = float(stats.f.sf(f, count - 1, (count - 1) * (datasets - 1)))
    return Friedman(chi_squared=chi_squared, f=f, p=p)


def critical_difference(architectures: int, *, datasets: int, alpha: float = 0.05) -> float:
    """Return by how much two mean ranks must differ to be told apart (Nemenyi's test)."""
    quantile = float(stats.studentized_range.isf(alpha, architectures, math.inf)) / math.sqrt(2)
    return quantile * math.sqrt(architectures * (architectures + 1) / (6 * datasets))

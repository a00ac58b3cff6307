"""Five repeats of a two-fold cross-validation: the two tests made for exactly this design.

Sources: Dietterich, "Approximate Statistical Tests for Comparing Supervised Classification Learning
Algorithms", Neural Computation 10 (1998), the 5x2cv paired t-test; Alpaydin, "Combined 5x2 cv F Test for
Comparing Supervised Classification Learning Algorithms", Neural Computation 11 (1999), which rejects less
often by mistake and finds more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A test's statistic and its p-value."""

    statistic: float
    p: float


def t_test(differences: Sequence[Sequence[float]]) -> Outcome:
    """Return Dietterich's t and its two-sided p-value.

    Args:
        differences: ``[5][2]`` paired differences, repeat by repeat.

    Raises:
        ValueError: if the shape is another, or the two folds never differ.
    """
    table, variances = _table(differences)
    t = float(table[0, 0] / np.sqrt(variances.mean()))
    return Outcome(statistic=t, p=float(2 * stats.t.sf(abs(t), 5)))


def f_test(differences: Sequence[Sequence[float]]) -> Outcome:
    """Return Alpaydin's F and its p-value; as above."""
    table, variances = _table(differences)
    f = float((table**2).sum() / (2 * variances.sum()))
    return Outcome(statistic=f, p=float(stats.f.sf(f, 10, 5)))


def _table(
    differences: Sequence[Sequence[float]],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    table = np.asarray(differences, dtype=np.float64)
    if table.shape != (5, 2):
        raise ValueError(f"the 5x2cv tests take 5 repeats of 2 folds, not {table.shape}")
    variances = table.var(axis=1, ddof=1)
    if not variances.any():
        raise ValueError("the two folds of each repeat have equal differences: there is no spread")
    return table, variances

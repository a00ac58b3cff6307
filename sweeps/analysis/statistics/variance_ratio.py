"""The part of rows in a rows x columns table of scores: an exact F interval, also where rows end early.

The model is a two-way layout without replication: score = column + row + noise. Row effects are a random
sample; they and the noise are normal and independent, with variances A and E. Columns may be anything: they
are fitted and taken out.

In a full table of n rows and K columns, the ratio of mean squares F = MS(rows) / MS(noise), divided by
1 + K A / E, has the F distribution with n - 1 and (n - 1)(K - 1) degrees of freedom. Its quantiles give the
exact interval of A / E, and of the rows' share A / (A + E) (Searle, Casella & McCulloch, Variance Components,
1992, section 3.6; Burdick & Graybill, Confidence Intervals on Variance Components, 1992).

Rows that end early: without the columns' effects, the scores' sum of squares falls into independent parts
t_i² of the rows, and the noise's part. Each u_i² = t_i² / (1 + d_i A / E) is E times a chi-square variable
of one degree of freedom (Harville & Fenech, Biometrics 41, 1985). At each A / E there are many pivots, one
for every choice of the parts' weights (Burch & Iyer, Biometrics 53, 1997). The weights here are those of the
restricted likelihood's derivative, d_i / (1 + d_i A / E), and the weighted mean of the u_i² is divided by
the estimate of E from all parts. Where rows end because of scores that are known, the likelihood's
derivative keeps its mean of 0 (Rubin, Biometrika 63, 1976); the equal weights of Wald's pivot do not.
docs/statistics.md has simulations. The pivot's distribution is taken as the beta distribution of as many
degrees of freedom as the weights have (Satterthwaite, Biometrics Bulletin 2, 1946). In a full table all
weights are equal, and the interval is the exact one above.

For the rows' standard deviation, the root of A, there is no exact interval. This one is Tukey's and Williams'
(Biometrika 49, 1962; Searle et al., the same section): the ends of the interval of A / E, with chi-square
limits of the rows' sum of squares.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sweeps.analysis.statistics.shares import Interval

Values = npt.NDArray[np.float64]

#: Probability outside an interval, at each of its ends.
TAIL = 0.025

#: Noise below this part of the largest squared score is what rounding leaves.
ROUNDING = 1e-20

#: Values of A / E at which likelihood and pivot are computed before an end is searched between two of them.
STEPS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class RowComponent:
    """What rows contribute to the variance of scores.

    Attributes:
        share: A / (A + E) with its 95 % interval, in [0, 1]; the columns are in neither. An interval of 0 to
            0 says that rows are closer together than the noise explains.
        deviation: the root of A with its 95 % interval, in the scores' unit.
        noise: the root of E, in the scores' unit, above 0.
    """

    share: Interval
    deviation: Interval
    noise: float


def row_component(rows: Sequence[Sequence[float]]) -> RowComponent:
    """Return what rows contribute to the variance of scores, without the columns' effects.

    Args:
        rows: the scores of each row's first columns, 1 or more of them; at least 3 rows.

    Raises:
        ValueError: if there are fewer rows, too few scores to tell rows from noise, or no noise.
    """
    squares = _Squares.of(rows)
    ratios = squares.grid()
    value = _estimate(squares, ratios)
    low, high = _ends(squares, ratios)
    return RowComponent(
        share=Interval(value=value / (1 + value), low=low / (1 + low), high=high / (1 + high)),
        deviation=Interval(
            value=float(np.sqrt(value * squares.noise_variance(value))),
            low=float(np.sqrt(low * squares.scale(low, 1 - TAIL))),
            high=float(np.sqrt(high * squares.scale(high, TAIL))),
        ),
        noise=float(np.sqrt(squares.noise_variance(value))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Squares:
    """Independent sums of squares: the rows' ``parts`` (t_i²) with their ``weights`` (d_i), and ``noise``.

    ``noise`` is E times a chi-square variable of ``freedom`` degrees of freedom. ``ratio`` is A / E below.
    """

    parts: Values
    weights: Values
    noise: float
    freedom: int

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]]) -> "_Squares":
        """Split the scores' sum of squares; see ``row_component``."""
        if len(rows) < 3 or not all(len(row) for row in rows):
            raise ValueError(f"{len(rows)} rows of scores: at least 3 rows of 1 score or more are needed")
        row = np.repeat(np.arange(len(rows)), [len(each) for each in rows])
        column = np.concatenate([np.arange(len(each)) for each in rows])
        scores = np.concatenate([np.asarray(each, dtype=np.float64) for each in rows])
        freedom = len(scores) - (len(rows) - 1) - (int(column.max()) + 1)
        if freedom < 1:
            raise ValueError(f"{len(scores)} scores of {len(rows)} rows: too few to tell rows from noise")
        rows_only = _without_columns(np.eye(len(rows))[row], column)
        scores_only = _without_columns(scores[:, None], column)[:, 0]
        weights, vectors = np.linalg.eigh(rows_only.T @ rows_only)
        weights, vectors = weights[1:], vectors[:, 1:]  # the first weight is 0: what all rows have in common
        directions = rows_only @ (vectors / np.sqrt(weights))
        along = directions.T @ scores_only
        noise = float(((scores_only - directions @ along) ** 2).sum())
        if noise <= ROUNDING * float((scores**2).max()):
            raise ValueError("scores without noise: rows and columns explain all of them")
        return cls(parts=along**2, weights=weights, noise=noise, freedom=freedom)

    def grid(self) -> Values:
        """Return ratios from 0 to one that is too large for these scores, ``[STEPS + 1]``."""
        least, most = 1e-4 / self.weights.max(), 1 / self.weights.min()
        while self.probability(most) > TAIL / 2:
            most *= 4
        return np.concatenate([[0.0], np.geomspace(least, most, STEPS)])

    def _divisors(self, ratio: Values | float) -> Values:
        divisors: Values = 1 + np.multiply.outer(np.asarray(ratio), self.weights)
        return divisors  # [..., parts]

    def noise_variance(self, ratio: Values | float) -> Values:
        """Return the estimate of E from all parts, for each of ``[...]`` ratios."""
        total: Values = (self.parts / self._divisors(ratio)).sum(axis=-1) + self.noise
        return total / (len(self.parts) + self.freedom)

    def likelihood(self, ratio: float) -> float:
        """Return the restricted log-likelihood of the ratio, less a constant."""
        count = len(self.parts) + self.freedom
        return -0.5 * float(np.log(self._divisors(ratio)).sum() + count * np.log(self.noise_variance(ratio)))

    def weighted(self, ratio: Values | float) -> tuple[Values, Values]:
        """Return the weighted mean of the u_i² and the weights' degrees of freedom, ``[...]`` each."""
        divisors = self._divisors(ratio)
        weights = self.weights / divisors
        sums = weights.sum(axis=-1)
        return (weights * self.parts / divisors).sum(axis=-1) / sums, sums**2 / (weights**2).sum(axis=-1)

    def pivot(self, ratio: Values | float) -> Values:
        """Return the weighted mean over the noise's variance: 1 where the likelihood's derivative is 0."""
        return self.weighted(ratio)[0] / self.noise_variance(ratio)

    def probability(self, ratio: Values | float) -> Values:
        """Return the probability of a pivot as small as this one if the ratio is the true one, ``[...]``."""
        from scipy import special

        freedom, count = self.weighted(ratio)[1], len(self.parts) + self.freedom
        part = np.minimum(self.pivot(ratio) * freedom / count, 1.0)
        found: Values = special.betainc(freedom / 2, (count - freedom) / 2, part)
        return found

    def scale(self, ratio: float, probability: float) -> float:
        """Return the limit of E that has this probability below it in the rows' chi-square distribution."""
        from scipy import special

        mean, freedom = self.weighted(ratio)
        return float(mean * freedom / special.chdtri(freedom, 1 - probability))


def _without_columns(values: Values, column: npt.NDArray[np.int64]) -> Values:
    """Return ``[scores, n]`` values less the mean of their column."""
    sums = np.zeros((int(column.max()) + 1, values.shape[1]))
    np.add.at(sums, column, values)
    left: Values = values - (sums / np.bincount(column)[:, None])[column]
    return left


def _estimate(squares: _Squares, ratios: Values) -> float:
    """Return the ratio of the largest restricted likelihood (REML)."""
    from scipy import optimize

    above = squares.pivot(ratios) > 1
    found = [] if above[0] else [0.0]
    for index in np.flatnonzero(above[:-1] & ~above[1:]):
        ends = ratios[index], ratios[index + 1]
        found.append(float(optimize.brentq(lambda ratio: squares.pivot(ratio) - 1, *ends, xtol=1e-15)))
    return max(found, key=squares.likelihood)


def _ends(squares: _Squares, ratios: Values) -> tuple[float, float]:
    """Return the smallest and the largest ratio that the pivot does not refute; 0 and 0 if there is none."""
    from scipy import optimize

    chances = squares.probability(ratios)

    def between(index: int, chance: float) -> float:
        ends = ratios[index], ratios[index + 1]
        return float(optimize.brentq(lambda ratio: squares.probability(ratio) - chance, *ends, xtol=1e-15))

    if not (chances >= TAIL).any():
        return 0.0, 0.0
    first = int(np.argmax(chances <= 1 - TAIL))
    last = int(np.flatnonzero(chances >= TAIL)[-1])
    return between(first - 1, 1 - TAIL) if first else 0.0, between(last, TAIL)

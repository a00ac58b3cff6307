"""The sources of a score's variance: shares of independent sources, with bootstrap intervals.

If every source of randomness has its own seed, the score is a function of independent inputs, and its
variance splits into Sobol shares. The total share of a source is the part of the variance that remains, on
average, when the seeds of all other sources are fixed: interactions with them are included. The first-order
share is the part that is lost, on average, when the seeds of this source alone are fixed.

Sources: Jansen, "Analysis of variance designs for model output", Computer Physics Communications 117 (1999);
Saltelli et al., "Variance based sensitivity analysis of model output", same journal 181 (2010), table 2.
Shares below about 0.1 cannot be told from 0 with fewer than 100 trainings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Table = npt.NDArray[np.float64]

#: Number of bootstrap samples for an interval.
SAMPLES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The contribution of one source, as shares of the variance when all sources vary.

    Attributes:
        total: what remains, on average, when all other sources are fixed. It has the source's interactions,
            so the totals of several sources may add up to more than 1.
        first: what is lost, on average, when this source alone is fixed. It has no interactions, so these
            shares add up to at most 1; estimates may be below 0.
        deviation: standard deviation of the score when only this source varies, the root of what remains, in
            units of the score.
    """

    total: Interval
    first: Interval
    deviation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """The variance of a score and its sources.

    Attributes:
        deviation: standard deviation of the score when all sources vary, above 0.
        sources: the share of each source, by name, in the order given.
    """

    deviation: float
    sources: Mapping[str, Share]


def sobol_shares(
    base: Sequence[float], other: Sequence[float], changed: Mapping[str, Sequence[float]], *, seed: int
) -> Shares:
    """Return each source's shares.

    Args:
        base: ``[n]`` scores, each with its own set of seeds, n at least 4.
        other: ``[n]`` scores with other seeds for every source.
        changed: for each source ``[n]`` scores with the seeds of ``base``, except that source's, which is
            from ``other``.
        seed: the bootstrap's seed, in [0, 2**31).

    Raises:
        ValueError: if there are too few scores, or all are equal.
    """
    table = np.array([base, other, *changed.values()], dtype=np.float64)  # [2 + sources, n]
    if table.shape[1] < 4:
        raise ValueError(f"{table.shape[1]} rows of scores: at least 4 are needed")
    if np.ptp(table[:2]) == 0:
        raise ValueError("all scores are equal: there is no variance to share out")
    generator = np.random.Generator(np.random.Philox(seed))
    rows = generator.integers(0, table.shape[1], (SAMPLES, table.shape[1]))
    total, first, variance = _indices(table[:, None, :])
    totals, firsts, _ = _indices(table[:, rows])
    return Shares(
        deviation=float(np.sqrt(variance[0])),
        sources={
            name: Share(
                total=_interval(total[index, 0], totals[index]),
                first=_interval(first[index, 0], firsts[index]),
                deviation=float(np.sqrt(total[index, 0] * variance[0])),
            )
            for index, name in enumerate(changed)
        },
    )


def _indices(table: Table) -> tuple[Table, Table, Table]:
    """Return total and first-order shares ``[sources, samples]`` and the variance ``[samples]``.

    ``table`` is ``[2 + sources, samples, n]``. A bootstrap sample without any variance gives NaN.
    """
    base, other, changed = table[0], table[1], table[2:]
    variance = np.concatenate([base, other], axis=-1).var(axis=-1, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = ((changed - base) ** 2).mean(axis=-1) / (2 * variance)
        first = 1 - ((changed - other) ** 2).mean(axis=-1) / (2 * variance)
    return total, first, variance


def _interval(value: float, samples: Table) -> Interval:
    kept = samples[np.isfinite(samples)]
    low, high = np.percentile(kept, [2.5, 97.5])
    return Interval(value=float(value), low=float(low), high=float(high))


def told_apart(sources: Mapping[str, Interval]) -> list[tuple[str, str]]:
    """Return the pairs (larger, smaller) whose intervals do not overlap; other pairs are not ordered."""
    return [
        (larger, smaller)
        for larger, a in sources.items()
        for smaller, b in sources.items()
        if larger != smaller and a.low > b.high
    ]

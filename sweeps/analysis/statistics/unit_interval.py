"""Confidence intervals of scores in [0, 1], by resampling units: images, or groups of images.

Images of one group are not independent, so an interval that resamples images is too narrow. Whole groups are
resampled: the cluster bootstrap (Field & Welsh, "Bootstrapping clustered data", Journal of the Royal
Statistical Society B 69, 2007, section 2). A percentile interval covers too seldom with few groups. So the
bootstrap gives the standard error only, on the logit scale, where it is corrected by the square root of
``n / (n - 1)`` and multiplied by the quantile of Student's t with ``n - 1`` degrees of freedom (Davison &
Hinkley, "Bootstrap methods and their application", 1997, sections 2.4 and 5.2). ``docs/statistics.md`` has
its coverage in simulations.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.integer]
Weights = npt.NDArray[np.float64]

#: ``scorer(weights) -> scores``: from ``[b, images]`` weights to ``[b]`` scores in [0, 1].
Scorer = Callable[[Weights], npt.NDArray[np.float64]]

#: Bootstrap samples; bytes of weights that are held at a time.
SAMPLES, _HELD = 1000, 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A score with its confidence interval, in [0, 1].

    Attributes:
        score: of all images.
        low: lower end.
        high: upper end.
        units: number of units that were resampled.
    """

    score: float
    low: float
    high: float
    units: int


def interval(
    scorer: Scorer, images: int, *, groups: Labels | None = None, level: float = 0.95, seed: int = 0
) -> Interval:
    """Return a score with its confidence interval.

    If the score is 0 or 1, no resampling moves it; then the interval is Clopper and Pearson's exact one for
    as many successes as there are units.

    Args:
        scorer: gives the score of weighted images.
        images: number of images, at least 1.
        groups: ``[images]`` group of each image; None if every image is by itself.
        level: confidence level, in (0, 1).
        seed: the bootstrap's seed, in [0, 2**31).
    """
    from scipy import stats

    members = np.arange(images) if groups is None else np.unique(groups, return_inverse=True)[1]
    units = int(members.max()) + 1
    score = float(scorer(np.ones((1, images)))[0])
    tail = (1 - level) / 2
    if score in (0.0, 1.0) or units < 2:
        far = tail ** (1 / units)
        low, high = (far, 1.0) if score > 0.5 else (0.0, 1 - far)
        return Interval(score=score, low=float(low), high=float(high), units=units)
    found = _resampled(scorer, members, units, seed)
    bounded = np.clip(found, 0.25 / images, 1 - 0.25 / images)
    error = float(np.std(np.log(bounded / (1 - bounded)), ddof=1)) * np.sqrt(units / (units - 1))
    centre, reach = np.log(score / (1 - score)), float(stats.t.ppf(1 - tail, units - 1)) * error
    low, high = (1 / (1 + np.exp(-end)) for end in (centre - reach, centre + reach))
    return Interval(score=score, low=float(low), high=float(high), units=units)


def _resampled(scorer: Scorer, members: Labels, units: int, seed: int) -> npt.NDArray[np.float64]:
    """Return the scores of bootstrap samples of units, ``[SAMPLES]``."""
    generator = np.random.Generator(np.random.Philox(seed))
    chunk = max(1, _HELD // (8 * len(members)))
    found = []
    for start in range(0, SAMPLES, chunk):
        count = min(chunk, SAMPLES - start)
        drawn = generator.multinomial(units, np.full(units, 1 / units), size=count)
        found.append(scorer(drawn[:, members].astype(np.float64)))
    return np.concatenate(found)

"""Verdicts from two tests: better, worse, equivalent or undecided; and what would settle undecided pairs.

"Better" needs both tests. The Holm-adjusted p-value of the corrected t-test must be at most 0.05, so that a
whole family of comparisons has a false finding in at most 5 % of experiments. And the true difference must
exceed the region of practical equivalence with a probability of at least 0.95, so that it matters.
"Equivalent" needs a probability of at least 0.95 that the difference lies inside the region.
"""

import math
from dataclasses import dataclass
from typing import Literal

from scipy import stats

from sweeps.analysis.statistics.correlated_bayes import Probabilities
from sweeps.analysis.statistics.paired_t import overlap_of

Verdict = Literal["better", "worse", "equivalent", "undecided"]

#: Significance level of a whole family of comparisons.
ALPHA = 0.05

#: Smallest probability with which a statement is made.
CERTAINTY = 0.95

#: Smallest chance to settle a comparison with which repeats, folds or images are recommended.
POWER = 0.8

#: Largest numbers that are recommended: of repeats, of folds, of times the images.
MOST_REPEATS, MOST_FOLDS, MOST_DATA = 1000, 20, 1000


def verdict_of(adjusted_p: float | None, found: Probabilities) -> Verdict:
    """Return the verdict on the first of two architectures.

    Args:
        adjusted_p: Holm-adjusted two-sided p-value; None if the differences have no spread.
        found: the probabilities of the true difference, which is positive if the first is better.
    """
    if adjusted_p is None:
        return "undecided"
    if found.equivalent >= CERTAINTY:
        return "equivalent"
    if adjusted_p <= ALPHA and found.better >= CERTAINTY:
        return "better"
    if adjusted_p <= ALPHA and found.worse >= CERTAINTY:
        return "worse"
    return "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """What would settle an undecided comparison, if its mean difference and spread do not change.

    Attributes:
        repeats: the smallest total number of repeats on the same data and folds; None if no number would.
        folds: if ``repeats`` is None: the smallest number of folds that would, with many repeats, if the
            spread of a single fold's differences does not grow (held-out folds become smaller). None if no
            number up to ``MOST_FOLDS`` would, or folds do not matter.
        data_factor: if ``repeats`` is None: the factor for the number of images that would, with many
            repeats. None if more images would not either, because the difference is about as large as the
            region of equivalence.
    """

    repeats: int | None = None
    folds: int | None = None
    data_factor: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An undecided comparison.

    Attributes:
        mean: the mean of the paired differences.
        deviation: the standard deviation of the paired differences, above 0.
        runs_per_repeat: number of paired differences that each repeat adds; 0 if all repeats have the folds
            that came with the data.
        runs: if ``runs_per_repeat`` is 0: the number of paired differences.
        folds: number of folds of the cross-validation if the training sets overlap (a claim about new data);
            None for independent differences.
        rope: half the width of the region of practical equivalence.
        comparisons: number of comparisons in the family; planned for Holm's strictest step.
    """

    mean: float
    deviation: float
    runs_per_repeat: int
    runs: int = 0
    folds: int | None
    rope: float
    comparisons: int

    def chance(self, error: float, noise: float, runs: int) -> float:
        """Return the chance of a verdict.

        Args:
            error: the standard error that the tests will use.
            noise: the standard deviation of the future mean difference around the present one.
            runs: number of paired differences.
        """
        critical = float(stats.t.isf(ALPHA / (2 * self.comparisons), runs - 1))
        certain = float(stats.t.ppf(CERTAINTY, runs - 1))
        # The verdict on a mean difference beyond ``far`` is better or worse, on one within ``near``
        # equivalent.
        far = max(critical * error, self.rope + certain * error)
        near = self.rope - certain * error
        chance = float(stats.norm.sf(far, self.mean, noise) + stats.norm.cdf(-far, self.mean, noise))
        if near > 0:
            inside = stats.norm.cdf([-near, near], self.mean, noise)
            chance += float(inside[1] - inside[0])
        return chance


def settling(seen: Seen) -> Settling:
    """Return what would settle an undecided comparison with a chance of at least ``POWER``.

    More repeats on the same data do not change the mean difference, except for the noise of the repeats. The
    part of the error that comes from overlapping training sets stays too. Other data would have another mean
    difference.
    """
    overlap = 0.0 if seen.folds is None else overlap_of(seen.folds)
    if not seen.runs_per_repeat:
        return Settling(data_factor=_more_data(seen, math.sqrt(1 / seen.runs + overlap), seen.runs))
    for repeats in _counts():
        runs = repeats * seen.runs_per_repeat
        noise = seen.deviation / math.sqrt(runs)
        if seen.chance(seen.deviation * math.sqrt(1 / runs + overlap), noise, runs) >= POWER:
            return Settling(repeats=repeats)
    if seen.folds is None:
        return Settling()
    many = MOST_REPEATS * seen.runs_per_repeat
    folds = [
        count
        for count in range(seen.folds + 1, MOST_FOLDS + 1)
        if _settled_by_new_data(seen, seen.deviation * math.sqrt(overlap_of(count)), many)
    ]
    return Settling(folds=min(folds, default=None), data_factor=_more_data(seen, math.sqrt(overlap), many))


def _more_data(seen: Seen, share: float, runs: int) -> float | None:
    """Return the smallest factor for the number of images that would settle it.

    Args:
        seen: the comparison.
        share: the standard error of the mean with the present images, in standard deviations.
        runs: number of paired differences.
    """
    factors = [1.1**step for step in range(1, 1 + int(math.log(MOST_DATA, 1.1)))]
    error = seen.deviation * share
    enough = [factor for factor in factors if _settled_by_new_data(seen, error / math.sqrt(factor), runs)]
    return min(enough, default=None)


def _settled_by_new_data(seen: Seen, error: float, runs: int) -> bool:
    return seen.chance(error, error, runs) >= POWER


def _counts() -> list[int]:
    """Return the numbers of repeats to try: each number up to 100, then steps of about 5 %."""
    counts = list(range(2, 101))
    while counts[-1] < MOST_REPEATS:
        counts.append(math.ceil(counts[-1] * 1.05))
    return counts

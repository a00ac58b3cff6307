"""From two tests to a word: better, worse, equivalent or undecided; and what would settle the undecided.

"Better" asks for both tests at once: the Holm-adjusted p-value of the corrected t-test is at most 0.05, so
that a whole family of comparisons has a false finding in at most 5 % of experiments; and the true difference
exceeds the region of practical equivalence with a probability of at least 0.95, so that it matters.
"Equivalent" asks that it lies inside the region with that probability.
"""

import math
from dataclasses import dataclass
from typing import Literal

from scipy import stats

from sweeps.analysis.statistics.correlated_bayes import Probabilities
from sweeps.analysis.statistics.paired_t import overlap_of

Verdict = Literal["better", "worse", "equivalent", "undecided"]

#: Level of a whole family of comparisons.
ALPHA = 0.05

#: How probable a statement must be before it is made.
CERTAINTY = 0.95

#: The chance with which something has to settle a comparison before it is recommended.
POWER = 0.8

#: More than this is no advice: repeats, folds, times the images.
MOST_REPEATS, MOST_FOLDS, MOST_DATA = 1000, 20, 1000


def verdict_of(adjusted_p: float | None, found: Probabilities) -> Verdict:
    """Return the verdict on the first of two.

    Args:
        adjusted_p: Holm-adjusted two-sided p-value, None where there is no spread to judge by.
        found: of the true difference; positive where the first is better.
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
    """What would settle an undecided comparison if its mean difference and spread stay as they are.

    Attributes:
        repeats: the fewest repeats in all, on the same data and folds; None if no number of them does.
        folds: where none does: the fewest folds that would, with many repeats, if the spread of a single
            fold's differences does not grow (held-out folds become smaller); None where none up to
            ``MOST_FOLDS`` would, or folds do not matter.
        data_factor: where none does: so many times the images, with many repeats; None where that
            would not either, because the difference is as large as the region of equivalence is wide.
    """

    repeats: int | None = None
    folds: int | None = None
    data_factor: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An undecided comparison.

    Attributes:
        mean: of the paired differences.
        deviation: their standard deviation, above 0.
        runs_per_repeat: paired differences that each repeat adds.
        folds: of the cross-validation if its scores' training sets overlap (a claim about new data); None
            for differences that are independent.
        rope: half the width of the region of practical equivalence.
        comparisons: in the family; planned for Holm's strictest step.
    """

    mean: float
    deviation: float
    runs_per_repeat: int
    folds: int | None
    rope: float
    comparisons: int

    def chance(self, error: float, noise: float, runs: int) -> float:
        """Return the chance of a verdict.

        Args:
            error: standard error that the tests will work with.
            noise: standard deviation of the mean difference that they will see, around the one seen now.
            runs: number of paired differences.
        """
        critical = float(stats.t.isf(ALPHA / (2 * self.comparisons), runs - 1))
        certain = float(stats.t.ppf(CERTAINTY, runs - 1))
        # A mean difference beyond ``far`` is called better or worse, one within ``near`` equivalent.
        far = max(critical * error, self.rope + certain * error)
        near = self.rope - certain * error
        chance = float(stats.norm.sf(far, self.mean, noise) + stats.norm.cdf(-far, self.mean, noise))
        if near > 0:
            inside = stats.norm.cdf([-near, near], self.mean, noise)
            chance += float(inside[1] - inside[0])
        return chance


def settling(seen: Seen) -> Settling:
    """Return what would settle a comparison with a chance of at least ``POWER``.

    More repeats on the same data leave the mean difference where it is, up to the noise of the repeats; the
    error that the overlap of the training sets brings stays. Other data would bring another mean difference.
    """
    overlap = 0.0 if seen.folds is None else overlap_of(seen.folds)
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
    floor = seen.deviation * math.sqrt(overlap)
    factors = [1.1**step for step in range(1, 1 + int(math.log(MOST_DATA, 1.1)))]
    enough = [factor for factor in factors if _settled_by_new_data(seen, floor / math.sqrt(factor), many)]
    return Settling(folds=min(folds, default=None), data_factor=min(enough, default=None))


def _settled_by_new_data(seen: Seen, error: float, runs: int) -> bool:
    return seen.chance(error, error, runs) >= POWER


def _counts() -> list[int]:
    """Return numbers of repeats to try: each up to 100, then in steps of about 5 %."""
    counts = list(range(2, 101))
    while counts[-1] < MOST_REPEATS:
        counts.append(math.ceil(counts[-1] * 1.05))
    return counts

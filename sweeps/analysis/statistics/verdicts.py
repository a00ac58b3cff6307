"""Verdicts from two tests: better, worse, equivalent or undecided.

"Better" needs both tests. The Holm-adjusted p-value of the corrected t-test must be at most 0.05, so that a
whole family of comparisons has a false finding in at most 5 % of experiments. And the true difference must
exceed the region of practical equivalence with a probability of at least 0.95, so that it matters.
"Equivalent" needs a probability of at least 0.95 that the difference lies inside the region.
"""

from typing import Literal

from sweeps.analysis.statistics.correlated_bayes import Probabilities

Verdict = Literal["better", "worse", "equivalent", "undecided"]

#: Significance level of a whole family of comparisons.
ALPHA = 0.05

#: Smallest probability with which a statement is made.
CERTAINTY = 0.95


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

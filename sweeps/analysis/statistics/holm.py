"""Holm's method for several comparisons: adjusted p-values that bound the chance of any false finding.

Source: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6
(1979). The comparisons need not be independent; here they share architectures.

>>> holm([0.01, 0.04, 0.03])
[0.03, 0.06, 0.06]
"""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the Holm-adjusted p-values in the order given, each in [0, 1].

    Args:
        p_values: one for each comparison, in [0, 1].
    """
    count, highest = len(p_values), 0.0
    adjusted = [0.0] * count
    for rank, index in enumerate(sorted(range(count), key=lambda place: p_values[place])):
        highest = max(highest, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted

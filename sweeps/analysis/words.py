"""Numbers of comparisons in words, the same in all their texts."""

from collections.abc import Sequence

#: What follows "All refits of NAME", if all began with the same weights.
SHARED = (
    "began with the same weights, though their seeds differ: its code sets seeds of its own. What other "
    "initial weights would change is not in its interval."
)


def points(value: float, *, sign: bool = False) -> str:
    """Return a score or a difference in points (hundredths).

    >>> points(0.0123), points(0.0123, sign=True), points(-0.00001, sign=True)
    ('1.23', '+1.23', '+0.00')
    """
    rounded = round(100 * value, 2) + 0.0  # never -0.00
    return f"{rounded:+.2f}" if sign else f"{rounded:.2f}"


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence.

    >>> listed(["a", "b", "c"]), listed(["a"])
    ('a, b and c', 'a')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def share_text(value: float) -> str:
    """Return a probability with two digits, never as 0 or 1 unless it is.

    >>> share_text(0.999), share_text(0.5), share_text(0.001)
    ('> 0.99', '0.50', '< 0.01')
    """
    return "> 0.99" if 0.995 <= value < 1 else "< 0.01" if 0 < value < 0.005 else f"{value:.2f}"

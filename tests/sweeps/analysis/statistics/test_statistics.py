"""Properties of the statistics: what must hold for any numbers, and what bad numbers get."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.analysis.statistics.correlated_bayes import Probabilities, probabilities
from sweeps.analysis.statistics.paired_t import estimate, overlap_of
from sweeps.analysis.statistics.shares import sobol_shares, told_apart
from sweeps.analysis.statistics.spread import pooled_spread, spread_of
from sweeps.analysis.statistics.unpaired_runs import runs_on_average
from sweeps.analysis.statistics.verdict_power import power_of_better, repeats_for_better
from sweeps.analysis.statistics.verdicts import verdict_of
from sweeps.analysis.statistics.wins import pairs_for_sign, wins

differences = st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=30)


@given(differences, st.floats(0, 1), st.floats(0, 0.1))
@settings(max_examples=100)
def test_swapping_the_two_swaps_the_answer(values: list[float], overlap: float, rope: float) -> None:
    """Whichever of two is named first, the same is said; probabilities add up to 1."""
    one, other = estimate(values, overlap=overlap), estimate([-v for v in values], overlap=overlap)
    assert (one.mean, one.low, one.high) == pytest.approx((-other.mean, -other.high, -other.low))
    a = probabilities(values, overlap=overlap, rope=rope)
    b = probabilities([-v for v in values], overlap=overlap, rope=rope)
    assert (a.worse, a.equivalent, a.better) == pytest.approx((b.better, b.equivalent, b.worse), abs=1e-9)
    assert a.worse + a.equivalent + a.better == pytest.approx(1)
    assert all(math.isfinite(number) for number in (one.mean, one.low, one.high, a.worse, a.better))


def test_the_correction_only_widens() -> None:
    """Overlap never makes an answer surer; without any spread there is no p-value."""
    values = [0.01, 0.02, 0.00, 0.03]
    plain, corrected = estimate(values, overlap=0), estimate(values, overlap=overlap_of(5))
    assert corrected.high - corrected.low > plain.high - plain.low
    assert plain.p is not None
    assert corrected.p is not None
    assert corrected.p > plain.p
    flat = estimate([0.1, 0.1, 0.1], overlap=0.25)
    assert (flat.deviation, flat.t, flat.p, flat.low, flat.high) == (0.0, None, None, flat.mean, flat.mean)


@given(
    difference=st.floats(0.001, 0.05),
    folds=st.integers(2, 10),
    power=st.sampled_from([0.5, 0.8, 0.95]),
    spread=st.floats(0.001, 0.05),
)
@settings(max_examples=80)
def test_the_number_of_repeats_is_the_fewest(
    difference: float, folds: int, power: float, spread: float
) -> None:
    """It reaches the power and one fewer does not; a difference within the region is not found."""
    overlap = overlap_of(folds)

    def reached(repeats: int) -> float:
        return power_of_better(difference, [spread], repeats * folds, overlap=overlap, rope=0.005)

    repeats = repeats_for_better(
        difference, [spread], runs_per_repeat=folds, overlap=overlap, rope=0.005, power=power, most=1000
    )
    if repeats is None:
        assert reached(1000) < power
        return
    assert difference > 0.005 or power == 0.5
    assert reached(repeats) >= power
    if repeats > 2:
        assert reached(repeats - 1) < power


def test_the_original_question() -> None:
    """0.8905, 0.8796, 0.8849: how many runs tell 1 point, half a point, a fifth of a point?"""
    spread = spread_of([0.8905, 0.8796, 0.8849])
    assert (round(spread.deviation, 5), round(spread.low, 4), round(spread.high, 4)) == (
        0.00545,
        0.0028,
        0.0343,
    )
    needed = [runs_on_average(gap, spread.deviation, power=0.8) for gap in (0.02, 0.01, 0.005, 0.002)]
    assert needed == [3, 6, 20, 118]  # the normal approximation says 2, 5, 19, 117


def test_pooled_spread_keeps_groups_apart() -> None:
    """Each group varies around its own mean; the interval has one group's degrees of freedom."""
    found = pooled_spread([[1, 2, 3], [101, 102, 103]])
    assert (found.deviation, found.freedom) == (1.0, 2)
    assert found.low < 1 < found.high


def test_wins_count_ties_half() -> None:
    """Three won, one lost, two tied: 4 of 6."""
    found = wins([0.1, 0.2, 0.3, -0.1, 0.0, 0.0])
    assert (found.won, found.tied, found.runs, found.share) == (3, 2, 6, 4 / 6)


@pytest.mark.parametrize(
    ("p", "found", "expected"),
    [
        (0.01, (0.0, 0.03, 0.97), "better"),
        (0.01, (0.97, 0.03, 0.0), "worse"),
        (0.20, (0.0, 0.03, 0.97), "undecided"),  # sure by itself, not in the family
        (0.01, (0.0, 0.40, 0.60), "undecided"),  # there is a difference; whether it matters is open
        (0.01, (0.0, 0.99, 0.01), "equivalent"),  # there is one, and it does not matter
        (1.00, (0.02, 0.96, 0.02), "equivalent"),
        (1.00, (0.3, 0.4, 0.3), "undecided"),
        (None, (0.0, 0.0, 1.0), "undecided"),  # no spread, nothing to judge by
    ],
)
def test_verdicts(p: float | None, found: tuple[float, float, float], expected: str) -> None:
    """Both tests have to say so."""
    worse, equivalent, better = found
    chances = Probabilities(worse=worse, equivalent=equivalent, better=better)
    assert verdict_of(p, chances) == expected


def additive(rows: int, weights: tuple[float, ...], seed: int) -> list[list[float]]:
    """Return base, other and changed scores of a weighted sum of independent normal inputs."""
    base, other = np.random.default_rng(seed).normal(size=(2, len(weights), rows))
    changed = [
        np.tensordot(weights, np.where(np.arange(len(weights))[:, None] == i, other, base), 1)
        for i in range(len(weights))
    ]
    return [
        scores.tolist()
        for scores in (np.tensordot(weights, base, 1), np.tensordot(weights, other, 1), *changed)
    ]


def test_shares_of_a_sum() -> None:
    """The shares of a weighted sum are the squared weights; with many rows they come out."""
    base, other, *changed = additive(1500, (2.0, 1.0, 0.0), seed=1)
    found = sobol_shares(base, other, dict(zip("abc", changed, strict=True)), seed=1)
    assert [share.total.value for share in found.sources.values()] == pytest.approx([0.8, 0.2, 0], abs=0.03)
    assert [share.first.value for share in found.sources.values()] == pytest.approx([0.8, 0.2, 0], abs=0.05)
    assert found.deviation == pytest.approx(math.sqrt(5), rel=0.03)
    assert found.sources["c"].total == found.sources["c"].total.__class__(value=0.0, low=0.0, high=0.0)
    totals = {name: share.total for name, share in found.sources.items()}
    assert told_apart(totals) == [("a", "b"), ("a", "c"), ("b", "c")]


def test_shares_that_cannot_be_told_apart_are_not_ranked() -> None:
    """Few rows give wide intervals, and nothing is said about the order."""
    base, other, *changed = additive(8, (1.1, 1.0), seed=3)
    found = sobol_shares(base, other, dict(zip("ab", changed, strict=True)), seed=1)
    assert told_apart({name: share.total for name, share in found.sources.items()}) == []


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: estimate([0.5], overlap=0.25),
        lambda: overlap_of(1),
        lambda: probabilities([0.1, 0.2], overlap=0, rope=-0.1),
        lambda: spread_of([0.5, 0.5]),
        lambda: wins([]),
        lambda: pairs_for_sign(0.5),
        lambda: sobol_shares([1, 2, 3], [1, 2, 3], {"a": [1, 2, 3]}, seed=1),
        lambda: sobol_shares([1] * 4, [1] * 4, {"a": [1] * 4}, seed=1),
    ],
)
def test_impossible_numbers_are_refused(wrong: "object") -> None:
    """A sentence, never a NaN or a division error."""
    assert callable(wrong)
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        wrong()

"""Two models on the same images: against direct counts, other software's numbers, and by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as oracle

from sweeps.analysis.statistics.score_interval import least_reach
from sweeps.analysis.statistics.two_models import TwoModels, mcnemar, two_models
from trainer.metrics.confusion import confusion_matrix, macro_f1


def compared(
    true: np.ndarray,
    one: np.ndarray,
    other: np.ndarray,
    groups: np.ndarray | None = None,
    level: float = 0.95,
) -> TwoModels:
    """Compare two models of three classes."""
    return two_models(true, one, other, classes=3, groups=groups, level=level)


def drawn(rng: np.random.Generator, images: int, chance: float) -> tuple[np.ndarray, np.ndarray]:
    """Return classes, and predictions that are right with a chance."""
    true = rng.integers(0, 3, images)
    return true, guessed(rng, true, chance)


def guessed(rng: np.random.Generator, true: np.ndarray, chance: float) -> np.ndarray:
    """Return predictions that are right with a chance."""
    return np.asarray(np.where(rng.random(len(true)) < chance, true, (true + 1) % 3))


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_exact_binomial_test(only_one: int, only_other: int) -> None:
    """As statsmodels computes it; it does not matter which model is named first."""
    expected = oracle([[5, only_one], [only_other, 7]], exact=True).pvalue if only_one + only_other else 1.0
    assert mcnemar(only_one, only_other) == pytest.approx(min(1.0, expected))
    assert mcnemar(only_one, only_other) == mcnemar(only_other, only_one)


@given(st.integers(0, 1000), st.integers(2, 80))
def test_the_difference_is_that_of_the_scores(seed: int, images: int) -> None:
    """And exchanging the models mirrors everything but the p."""
    rng = np.random.default_rng(seed)
    true, one = drawn(rng, images, 0.8)
    other = guessed(rng, true, 0.6)
    found, mirrored = compared(true, one, other), compared(true, other, one)
    scores = [macro_f1(confusion_matrix(true, each, classes=3)) for each in (one, other)]
    assert found.difference == pytest.approx(scores[0] - scores[1])
    assert found.only_one == sum((one == true) & (other != true))
    assert -1 <= found.low <= found.difference <= found.high <= 1
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low))
    assert mirrored.p == found.p
    wider = compared(true, one, other, level=0.99)
    assert wider.low <= found.low
    assert found.high <= wider.high


def test_the_interval_covers_as_often_as_it_says() -> None:
    """For two models that share their hard images, 150 images each time: 95 % within Monte Carlo error."""
    rng, runs, expected = np.random.default_rng(3), 1000, 0.85 - 0.75
    within = 0
    for _ in range(runs):
        true, luck = rng.integers(0, 3, 150), rng.random(150)
        one, other = (np.where(luck < chance, true, (true + 1) % 3) for chance in (0.85, 0.75))
        found = compared(true, one, other)
        within += found.low <= expected <= found.high
    assert 0.92 < within / runs < 0.98


def test_groups_count_and_give_no_p() -> None:
    """Ten images of a group that are right or wrong together are one observation."""
    rng = np.random.default_rng(4)
    true, one = drawn(rng, 30, 0.9)
    other = guessed(rng, true, 0.5)
    alone = compared(true, one, other)
    true, one, other = (np.repeat(each, 10) for each in (true, one, other))
    grouped = compared(true, one, other, np.repeat(np.arange(30), 10))
    assert grouped.p is None
    assert (grouped.only_one, grouped.only_other) == (10 * alone.only_one, 10 * alone.only_other)
    assert (grouped.difference, grouped.low, grouped.high) == pytest.approx(
        (alone.difference, alone.low, alone.high)
    )
    single = compared(true, one, other, np.zeros(300, dtype=int))
    assert (single.low, single.high) == (-1.0, 1.0)


def test_equal_predictions_may_yet_differ() -> None:
    """On images that were not seen: as often as Clopper and Pearson's interval allows."""
    true = np.arange(40) % 3
    found = compared(true, true, true)
    assert (found.difference, found.only_one, found.only_other, found.p) == (0.0, 0, 0, 1.0)
    assert (found.low, found.high) == (-least_reach(40), least_reach(40))
    with pytest.raises(ValueError, match="true classes"):
        compared(true, true[1:], true)

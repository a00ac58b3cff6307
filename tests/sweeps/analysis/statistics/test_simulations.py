"""The promises of docs/statistics.md, held against simulated experiments in which the truth is known."""

import pytest

from benchmarks import plan_simulations, simulations
from benchmarks.simulations import World
from sweeps.analysis.statistics.unpaired_runs import average_power

pytestmark = pytest.mark.campaign


def test_equal_architectures_are_rarely_called_different() -> None:
    """At most 6 % of 2,000 experiments, where the plain t-test is wrong in a third; intervals cover."""
    found = simulations.rates(simulations.experiments(World(), 2000, 5, 5, seed=5), 5)
    assert found.corrected <= 0.06
    assert found.called <= 0.06
    assert found.called_on_the_way <= 0.08
    assert found.plain > 0.25
    assert found.covers_difference >= 0.90
    assert found.covers_score >= 0.90


def test_six_equal_architectures_are_rarely_called_different() -> None:
    """Holm over 15 pairs: a false finding among all of them is as rare."""
    plain, ours = simulations.family(simulations.experiments(World(features=(8,) * 6), 300, 5, 5, seed=6), 5)
    assert ours <= 0.06
    assert plain > 0.5


def test_intervals_cover_a_difference_that_is_there() -> None:
    """The other claim too: about one data set, over splits and seeds."""
    world = World(features=(8, 6))
    found = simulations.rates(simulations.experiments(world, 500, 10, 5, seed=7), 10)
    assert found.covers_difference >= 0.90
    assert found.covers_score >= 0.90
    assert found.plain > found.corrected
    assert simulations.this_data(world, 150, 5, 5, seed=8) >= 0.90


@pytest.mark.parametrize("beta", simulations.BBC_BETAS)
@pytest.mark.parametrize("images", [20, 100, 500])
@pytest.mark.parametrize("trials", [50, 300])
def test_bias_correction_is_never_optimistic(beta: tuple[int, int], images: int, trials: int) -> None:
    """Below 0.015 everywhere, and within 0.015 of the truth once there are a few hundred images."""
    own, corrected = simulations.bias_of_bbc(
        images, trials, beta, {20: 400, 100: 200, 500: 60}[images], seed=1
    )
    assert corrected < 0.015
    assert corrected < own
    if images >= 500:
        assert corrected > -0.015


@pytest.mark.parametrize("power", [0.8, 0.95])
@pytest.mark.parametrize("difference", [0.002, 0.005, 0.01, 0.02])
def test_the_planned_runs_have_the_promised_power(difference: float, power: float) -> None:
    """Within 5 points; few runs reach more, because their number is whole."""
    _, reached = simulations.power_unpaired(difference, 0.00545, power, 4000, seed=1)
    assert reached > power - 0.05


@pytest.mark.parametrize(("difference", "folds"), [(1.6, 5), (1.9, 5), (1.05, 10)])
def test_the_planned_repeats_have_the_promised_power(difference: float, folds: int) -> None:
    """Under the correlation that the correction assumes."""
    _, reached = simulations.power_paired(difference, folds, 0.8, 4000, seed=2)
    assert 0.75 < reached < 0.85


@pytest.mark.parametrize("difference", [0.005, 0.01])
@pytest.mark.parametrize("scores", [3, 8])
def test_plans_from_a_few_scores_have_the_power_that_is_promised(scores: int, difference: float) -> None:
    """Of normal scores: 80 % on average, more by the upper limit, less if the spread counts as known."""
    known, average, upper = plan_simulations.powers("normal", scores, difference, 500, seed=1)
    assert known.mean() < 0.79
    assert 0.77 < average.mean() < 0.86
    assert upper.mean() > 0.85
    assert (upper < 0.8).mean() < 0.26  # at most one in five, and chance


@pytest.mark.parametrize(("difference", "spread", "runs"), plan_simulations.PLANS)
def test_a_shared_test_set_leaves_the_power_that_is_promised(
    difference: float, spread: float, runs: int
) -> None:
    """Within 2 points of the formula; without a difference, one is rarely found."""
    promised = average_power(difference, spread, runs, shared=3e-6)
    reached, wrong = plan_simulations.with_images(difference, spread, runs, 3e-6, 20_000, seed=1)
    assert reached == pytest.approx(promised, abs=0.02)
    assert wrong < 0.065


def test_intervals_of_shares_cover() -> None:
    """Percentile intervals of 16 rows: nine times in ten."""
    covered = simulations.coverage_of_shares(16, 300, seed=16)
    assert min(covered.values()) >= 0.85

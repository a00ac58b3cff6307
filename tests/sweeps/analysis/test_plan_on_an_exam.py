"""Plans of the verdict on an exam: how many refits, and what no number of refits reaches."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sweeps.analysis import plan as plans
from sweeps.analysis.exam.experiment import compare
from sweeps.analysis.statistics.exam import Components, components, critical_value
from sweeps.analysis.statistics.exam_power import ENDLESS, PairPower
from sweeps.home import Home
from tests.labelled_trainer import LabelledWorkers, record, record_sweep, sweep_of_table
from tests.sweeps.analysis.test_comparison_on_an_exam import CHANCES, around
from trainer.errors import UsageError


def shown(seed_spread: float, image_spread: float, *, pilot: int = 5, count: int = 2) -> Components:
    """Return variances of equally noisy architectures on 2,000 images."""
    images = np.full((count, count), 0.5) * image_spread**2
    images[range(count), range(count)] = image_spread**2
    return Components(
        names=tuple(f"a{place}" for place in range(count)),
        seeds=np.full(count, seed_spread**2),
        refits=np.full(count, pilot),
        images=images,
        interaction=np.zeros(count),
        units=2000,
    )


def pair(found: Components) -> PairPower:
    """Return the power of its first pair."""
    return PairPower(found=found, one=0, other=1, rope=0.005, seed=1)


@pytest.mark.parametrize(("difference", "refits"), [(0.01, 5), (0.02, 5), (0.02, 12), (0.0, 40)])
def test_the_power_is_that_of_the_verdict(difference: float, refits: int) -> None:
    """Against planned experiments that are drawn one by one, with a spread that is known well."""
    found = shown(0.004, 0.001, pilot=10_000)
    rng = np.random.default_rng(7)
    count, seeds, images = 40_000, 2 * 0.004**2 / refits, 0.001**2
    difference_shown = difference + np.sqrt(seeds + images) * rng.standard_normal(count)
    each = 0.004**2 / refits * rng.chisquare(refits - 1, (2, count)) / (refits - 1)
    error = np.sqrt(each.sum(axis=0) + images)
    freedom = error**4 / ((each**2).sum(axis=0) / (refits - 1) + images**2 / 1999)
    reach = stats.t.isf(0.025, freedom) * error  # of one pair
    better = ((difference_shown - reach) > 0.005).mean()
    equivalent = ((np.abs(difference_shown) + reach) <= 0.005).mean()
    planned = pair(found)
    assert planned.power(difference, refits, "better") == pytest.approx(better, abs=0.03)
    assert planned.power(difference, refits, "equivalent") == pytest.approx(equivalent, abs=0.03)


@settings(max_examples=15, deadline=None)
@given(spread=st.floats(0.001, 0.01), images=st.floats(0.0005, 0.004))
def test_larger_differences_need_no_more_refits(spread: float, images: float) -> None:
    """And what no number reaches, no smaller difference reaches either; the found number is the fewest."""
    planned = pair(shown(spread, images))
    needed = [planned.fewest(difference, "better", 0.8) for difference in (0.01, 0.02, 0.05)]
    assert needed == sorted(needed, key=lambda each: -(ENDLESS + 1 if each is None else each))
    for difference, refits in zip((0.01, 0.02, 0.05), needed, strict=True):
        if refits is None:
            assert planned.power(difference, ENDLESS, "better") < 0.8
            continue
        assert planned.power(difference, refits, "better") >= 0.8
        if refits > 3:
            assert planned.power(difference, refits - 1, "better") < 0.81  # draws leave a little noise


def test_few_images_are_not_made_up_for_by_refits() -> None:
    """With calm seeds and few images, endless refits do not help; with many images they do."""
    assert pair(shown(0.004, 0.01)).fewest(0.01, "better", 0.8) is None
    assert pair(shown(0.004, 0.0005)).fewest(0.01, "better", 0.8) is not None
    assert pair(shown(0.004, 0.01)).fewest(0.0, "equivalent", 0.8) is None


def test_one_unstable_network_does_not_spoil_the_others() -> None:
    """The pair without it needs about what it would need alone; the pairs with it need far more."""
    found = shown(0.003, 0.0005, count=3)
    wild = Components(
        names=found.names,
        seeds=np.array([0.003**2, 0.003**2, 0.03**2]),
        refits=found.refits,
        images=found.images,
        interaction=found.interaction,
        units=found.units,
    )
    calm = PairPower(found=wild, one=0, other=1, rope=0.005, seed=1).fewest(0.02, "better", 0.8)
    unstable = PairPower(found=wild, one=0, other=2, rope=0.005, seed=1).fewest(0.02, "better", 0.8)
    assert calm is not None
    assert unstable is not None
    assert calm <= 6 < unstable


def test_components_are_what_the_verdict_was_made_of() -> None:
    """Variances of single refits, and the critical value of all pairs together."""
    rng = np.random.default_rng(1)
    true = np.arange(300) % 3
    predicted = {name: np.where(rng.random((4, 300)) < 0.8, true, (true + 1) % 3) for name in ("a", "b", "c")}
    found = components(true, predicted, classes=3)
    assert (found.names, found.units, found.refits.tolist()) == (("a", "b", "c"), 300, [4, 4, 4])
    few, many = (critical_value(found, refits, seed=1) for refits in (3, 1000))
    tukey = stats.studentized_range.ppf(0.95, 3, 299) / np.sqrt(2)
    assert few > many == pytest.approx(tukey, rel=0.05)


def test_a_recorded_sweep_is_planned_from_its_refits(tmp_path: Path) -> None:
    """Nothing is trained or opened; what is missing is said, and how to get it."""
    home = record_sweep(tmp_path, LabelledWorkers(CHANCES), *CHANCES)
    with pytest.raises(UsageError, match=r"has 0 refits on the exam.*'refold compare made'"):
        plans.of_sweep(Home(home), "made")
    compare(around(home, LabelledWorkers(CHANCES)), "made", refits=4)
    report = plans.of_sweep(Home(home), "made")
    json.dumps(report, allow_nan=False)
    assert len(report["pairs"]) == 3
    assert {each["refits"] for each in report["architectures"]} == {4}
    text = "\n".join(plans.lines(report))
    assert "Refits of each winner that reach a verdict with 80 % power, with these 30 exam images:" in text
    assert "no (" in text
    some = plans.of_sweep(Home(home), "made", architectures=["vgg", "lenet"])
    assert len(some["pairs"]) == 1
    with pytest.raises(UsageError, match="only winner"):
        plans.of_sweep(Home(home), "made", architectures=["vgg"])
    assert plans.of_sweep(Home(home), "made", on="folds")["on"] == "folds"
    with pytest.raises(UsageError, match="--architectures belongs to a plan on an exam"):
        plans.of_sweep(Home(home), "made", on="folds", architectures=["vgg"])


def test_a_sweep_without_an_exam_is_planned_on_its_folds(tmp_path: Path) -> None:
    """Asked for the exam it is refused."""
    home = record(sweep_of_table(tmp_path, "lenet", "baseline"), LabelledWorkers(CHANCES))
    assert plans.of_sweep(Home(home), "made")["on"] == "folds"
    with pytest.raises(UsageError, match="has no exam"):
        plans.of_sweep(Home(home), "made", on="exam")

"""Architectures judged on an exam: two sources of variance, one region for all pairs, a set of the best."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score

from benchmarks.exam_simulations import rates
from benchmarks.exam_world import Cell
from sweeps.analysis.statistics.exam import Judgement, judge
from sweeps.analysis.statistics.leave_one_out import leave_one_out

CLASSES = 3


def drawn(
    seed: int, chances: dict[str, float], images: int = 150, refits: int = 5
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return classes, and predictions of refits that are right with a chance."""
    rng = np.random.default_rng(seed)
    true = np.arange(images) % CLASSES
    return true, {
        name: np.where(
            rng.random((5, images)) < chance,
            true,
            (true + rng.integers(1, CLASSES, (5, images))) % CLASSES,
        )
        for name, chance in chances.items()
    }


def judged(seed: int, chances: dict[str, float], **more: object) -> Judgement:
    """Judge made-up refits."""
    true, predicted = drawn(seed, chances)
    return judge(true, predicted, classes=CLASSES, rope=0.01, seed=1, **more)  # type: ignore[arg-type]


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), unit=st.integers(0, 29))
def test_a_unit_s_value_is_what_leaving_it_out_takes_away(seed: int, unit: int) -> None:
    """By scikit-learn's macro-F1 of the rest, for images and for groups of five."""
    true, predicted = drawn(seed, {"a": 0.6})
    guesses = predicted["a"][0]
    whole = f1_score(true, guesses, average="macro")
    for groups, units in ((None, 150), (np.arange(150) // 5, 30)):
        scores, values = leave_one_out(true, predicted["a"], CLASSES, groups)
        left = np.arange(150) != unit if groups is None else groups != unit
        rest = f1_score(true[left], guesses[left], average="macro")
        assert scores[0] == pytest.approx(whole)
        assert values[0, unit] == pytest.approx((units - 1) * (whole - rest))
        assert values.shape == (5, units)


@settings(max_examples=50)
@given(seed=st.integers(0, 10_000), images=st.integers(2, 12), classes=st.integers(2, 6))
def test_images_by_themselves_are_groups_of_one(seed: int, images: int, classes: int) -> None:
    """The direct way for images and the general one agree, also where a class is there once or never."""
    rng = np.random.default_rng(seed)
    true, predicted = rng.integers(0, classes, images), rng.integers(0, classes, (3, images))
    alone = leave_one_out(true, predicted, classes, None)
    groups = leave_one_out(true, predicted, classes, np.arange(images))
    assert alone[0] == pytest.approx(groups[0])
    assert alone[1] == pytest.approx(groups[1])


def test_a_class_that_is_not_there_does_not_count() -> None:
    """Neither in the score nor in what a unit bears on it."""
    true, predicted = drawn(1, {"a": 0.8})
    for groups in (None, np.arange(150) // 5):
        few = leave_one_out(true, predicted["a"], CLASSES, groups)
        many = leave_one_out(true, predicted["a"], CLASSES + 2, groups)
        assert few[0] == pytest.approx(many[0])
        assert few[1] == pytest.approx(many[1])


def test_a_clear_winner_is_the_best_set_alone() -> None:
    """It is better than both others, costs nothing, and is surely the best."""
    found = judged(3, {"good": 0.95, "poor": 0.6, "poorer": 0.5})
    assert found.best == ("good",)
    first = found.architectures[0]
    assert (first.name, first.regret_high, found.use_any) == ("good", 0.0, True)
    assert first.p_best > 0.999
    assert {pair.other for pair in found.pairs if pair.verdict == "better"} == {"poor", "poorer"}
    assert first.low < first.score < first.high
    assert found.architectures[-1].regret_high > found.architectures[-1].regret > 0.3


def test_nothing_is_said_of_equal_ones() -> None:
    """Both are in the set; choosing either may cost something, so it is not "use any"."""
    found = judged(4, {"a": 0.8, "b": 0.8})
    assert set(found.best) == {"a", "b"}
    (pair,) = found.pairs
    assert pair.verdict == "undecided"
    assert not found.use_any
    assert sum(each.p_best for each in found.architectures) == pytest.approx(1)


def test_the_critical_value_is_tukey_s() -> None:
    """With independent scores of equal variance and endless degrees of freedom."""
    rng = np.random.default_rng(0)
    true = np.arange(20_000) % CLASSES
    right = rng.random((4, 40, len(true))) < 0.7
    wrong = (true + rng.integers(1, CLASSES, right.shape)) % CLASSES
    predicted = {str(place): np.where(right[place], true, wrong[place]) for place in range(4)}
    found = judge(true, predicted, classes=CLASSES, rope=0.0, seed=1)
    by_name = {each.name: each for each in found.architectures}
    expected = stats.studentized_range.ppf(0.95, 4, 200) / np.sqrt(2)
    for pair in found.pairs:
        both = (by_name[pair.one], by_name[pair.other])
        error = np.sqrt(sum(each.var_seed + each.var_images for each in both))
        assert (pair.high - pair.low) / 2 / error == pytest.approx(expected, rel=0.06)


def test_a_pair_says_whether_refits_might_decide_it() -> None:
    """They might where seeds are most of its variance, and cannot where the images are."""
    found = {}
    for spread, images in ((0.05, 3000), (0.0, 90)):
        rng = np.random.default_rng(1)
        true = np.arange(images) % CLASSES
        wrong = (true + 1) % CLASSES
        hard = rng.random(images)
        chances = {"a": 0.9, "b": 0.86}
        predicted = {
            name: np.stack([np.where(hard < chance + spread * (k - 2), true, wrong) for k in range(5)])
            for name, chance in chances.items()
        }
        (found[images],) = judge(true, predicted, classes=CLASSES, rope=0.01, seed=1).pairs
    assert found[3000].verdict == found[90].verdict == "undecided"
    assert found[3000].refits_might_decide
    assert found[3000].var_seed > 10 * found[3000].var_images
    assert not found[90].refits_might_decide
    assert (found[90].var_seed, found[90].var_images > 0) == (0.0, True)


def test_one_architecture_alone_is_judged() -> None:
    """It is the best of those there are; there are no pairs."""
    found = judged(5, {"a": 0.8})
    assert (found.best, found.pairs, found.use_any) == (("a",), (), True)
    assert found.architectures[0].regret_high == 0


def test_copies_in_their_originals_groups_are_no_evidence() -> None:
    """Nor does a group for each image change anything but the order of a sum."""
    true, predicted = drawn(6, {"a": 0.85, "b": 0.75})
    asked = {"classes": CLASSES, "rope": 0.01, "seed": 1}
    alone = judge(true, predicted, **asked)  # type: ignore[arg-type]
    each = judge(true, predicted, **asked, groups=np.arange(len(true))[::-1])  # type: ignore[arg-type]
    twice = judge(
        np.tile(true, 2),
        {name: np.tile(value, (1, 2)) for name, value in predicted.items()},
        **asked,  # type: ignore[arg-type]
        groups=np.tile(np.arange(len(true)), 2),
    )
    for other in (each, twice):
        for one, two in zip(alone.architectures, other.architectures, strict=True):
            assert one.var_images == pytest.approx(two.var_images)
            assert (one.low, one.high) == pytest.approx((two.low, two.high), abs=1e-3)


def test_no_mistake_at_all_is_no_certainty() -> None:
    """Without any spread no pair is decided and no interval is narrow; nothing is NaN."""
    true = np.arange(60) % CLASSES
    perfect = np.tile(true, (3, 1))
    found = judge(true, {"a": perfect, "b": perfect}, classes=CLASSES, rope=0.01, seed=1)
    reach = 1 - 0.025 ** (1 / 60)  # Clopper and Pearson's for 60 of 60
    for each in found.architectures:
        assert each.low == pytest.approx(1 - reach)
        assert (each.high, each.in_best, each.p_best) == (1.0, True, 0.5)
        assert each.regret_high == pytest.approx(reach)
    assert (found.pairs[0].verdict, found.use_any) == ("undecided", False)
    many = np.tile(np.arange(6000) % CLASSES, (3, 1))
    found = judge(many[0], {"a": many, "b": many}, classes=CLASSES, rope=0.01, seed=1)
    assert (found.pairs[0].verdict, found.use_any) == ("equivalent", True)
    values = [value for each in found.architectures for value in (each.p_best, each.regret, each.regret_high)]
    assert np.isfinite(values).all()


def test_what_shows_no_spread_is_refused() -> None:
    """Two refits, one group, other lengths, nobody."""
    true, predicted = drawn(7, {"a": 0.8})
    asked = {"classes": CLASSES, "rope": 0.01, "seed": 1}
    for wrong, said in (
        ({}, "no architecture"),
        ({"a": predicted["a"][:2]}, "at least 3 refits"),
        ({"a": predicted["a"][:, 1:]}, "are .refits, 150. arrays"),
    ):
        with pytest.raises(ValueError, match=said):
            judge(true, wrong, **asked)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fewer than two"):
        judge(true, predicted, **asked, groups=np.zeros(150, dtype=int))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="3 groups do not go with 150"):
        judge(true, predicted, **asked, groups=np.zeros(3, dtype=int))  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(
    "cell",
    [
        Cell(ahead=(0.0,) * 6, images=400, seed_spread=0.02),
        Cell(ahead=(0.0, 0.005, 0.01), images=400, seed_spread=0.02, noise="skewed"),
        Cell(ahead=(0.0, 0.01), images=150, of_group=5),
    ],
)
def test_statements_hold(cell: Cell) -> None:
    """150 of the simulations' experiments in three of their cells."""
    found = rates(cell, 150)
    assert found.here.covers >= 0.88
    assert found.here.best_held >= 0.9
    assert found.here.wrong <= 0.1
    assert found.here.regret_held >= 0.9
    assert found.here.use_any_wrong <= 0.05

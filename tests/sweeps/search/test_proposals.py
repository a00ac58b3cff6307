"""Proposals: a pure function of what was told."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.search.proposals import Observation, distributions, propose
from trainer.hyperparameters import SHARED_SPACE, Choice, Fixed, Float, Integer, Range, Value

SPACE = {
    **SHARED_SPACE,
    "dropout": Float(low=0.0, high=0.6),
    "blocks": Integer(low=1, high=3),
    "units": Fixed(64),
}


def history(count: int) -> list[Observation]:
    """Trials that were proposed one after the other and scored by a formula."""
    observed: list[Observation] = []
    for number in range(count):
        values = propose(SPACE, observed, [], seed=number, startup=3)
        observed.append(Observation(values, 1.0 - abs(float(values["dropout"]) - 0.2)))
    return observed


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31 - 1), st.integers(0, 8))
def test_equal_arguments_give_equal_proposals_inside_the_space(seed: int, count: int) -> None:
    """Whatever was proposed before, in whatever order calls come."""
    observed = history(count)
    first = propose(SPACE, observed, [], seed=seed, startup=3)
    propose(SPACE, observed[:1], [], seed=seed + 1, startup=3)
    assert propose(SPACE, observed, [], seed=seed, startup=3) == first
    assert list(first) == sorted(SPACE)
    assert first["units"] == 64
    assert first["optimizer"] in ("adam", "sgd", "rmsprop")
    assert first["batch_size"] in (32, 64, 128)
    assert 0.0 <= float(first["dropout"]) <= 0.6
    assert isinstance(first["blocks"], int)
    assert 1e-3 <= float(first["learning_rate"]) <= 2e-2


def test_seed_history_and_pending_each_have_an_effect() -> None:
    """None of the arguments is ignored."""
    observed = history(6)
    base = propose(SPACE, observed, [], seed=1, startup=3)
    assert propose(SPACE, observed, [], seed=2, startup=3) != base
    assert propose(SPACE, observed[:3], [], seed=1, startup=3) != base
    assert propose(SPACE, observed, [base] * 3, seed=1, startup=3) != base


def test_proposed_numbers_have_six_digits() -> None:
    """The last bits of exp and log, which differ between processors, are rounded away."""
    value = propose(SPACE, [], [], seed=3, startup=3)["learning_rate"]
    assert value == float(f"{value:.6g}")


def test_rounding_stays_inside_the_range() -> None:
    """A range narrower than the rounding is kept to."""
    narrow = {"rate": Float(low=0.12345678, high=0.12345679)}
    assert 0.12345678 <= float(propose(narrow, [], [], seed=1, startup=1)["rate"]) <= 0.12345679


def test_a_space_of_fixed_values_needs_no_search() -> None:
    """Nothing is asked where nothing is open."""
    assert propose({"b": Fixed(2), "a": Fixed("x")}, [], [], seed=1, startup=1) == {"a": "x", "b": 2}


def test_it_learns() -> None:
    """TPE's proposals are nearer to the best value than random ones, whose mean distance is 1/6."""
    late = [abs(float(observed.hyperparameters["dropout"]) - 0.2) for observed in history(25)[12:]]
    assert sum(late) / len(late) < 0.12


def test_proposals_never_change() -> None:
    """On the pinned Optuna and NumPy a record made today means the same tomorrow."""
    assert propose({"c": Choice(("a", "b")), "x": Float(low=0, high=1)}, [], [], seed=5, startup=1) == {
        "c": "b",
        "x": 0.206719,
    }


@pytest.mark.parametrize("startup", [1, 5])
def test_startup_trials_are_random(startup: int) -> None:
    """Before startup trials have been told, what was told does not matter."""
    observed = history(startup - 1)
    fresh = propose(SPACE, observed, [], seed=9, startup=startup)
    lied = [Observation(t.hyperparameters, 0.0) for t in observed]
    assert propose(SPACE, lied, [], seed=9, startup=startup) == fresh


def test_what_is_fixed_is_not_the_searchs_business() -> None:
    """A new part of the recipe that nobody searches leaves all proposals as they were."""
    observed = [
        Observation(propose(SPACE, [], [], seed=number, startup=1), number / 10) for number in range(6)
    ]
    values: dict[str, Value] = {"a_first": 0.5, "zz_last": "cosine"}
    fixed = {name: Fixed(value) for name, value in values.items()}
    told = [Observation({**each.hyperparameters, **values}, each.score) for each in observed]
    pending = propose(SPACE, observed, [], seed=40, startup=3)
    for seed in range(50, 53):
        plain = propose(SPACE, observed, [pending], seed=seed, startup=3)
        found = propose({**SPACE, **fixed}, told, [{**pending, **values}], seed=seed, startup=3)
        assert found == {**plain, **values}
    assert list(distributions({**SPACE, **fixed})) == list(distributions(SPACE))


def test_what_does_nothing_in_a_trial_is_proposed_only_for_the_others() -> None:
    """Trials with and without a part of the recipe are told to one sampler."""
    space: dict[str, Range] = {
        "learning_rate": Float(low=1e-4, high=1e-1, log=True),
        "loss": Choice(("cross-entropy", "focal")),
        "focal_gamma": Float(low=0.5, high=5.0),
    }
    observed: list[Observation] = []
    for number in range(20):
        found = propose(space, observed, (), seed=number, startup=4)
        assert ("focal_gamma" in found) == (found["loss"] == "focal")
        assert found == propose(space, observed, (), seed=number, startup=4)
        observed.append(Observation(found, score=1.0 - float(found.get("focal_gamma", 5.0)) / 10))
    late = [propose(space, observed, (), seed=100 + number, startup=4) for number in range(10)]
    assert sum(each["loss"] == "focal" for each in late) > 5  # what was better is proposed more often

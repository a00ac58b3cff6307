"""Pictures of sweeps: what they show is the record's, and no sweep is too odd to be drawn."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.made_up_records import make_trial
from tracking.mlflow.files import sweep_files
from tracking.records import SweepRecord, TrialRecord
from tracking.reports import sweep_pictures
from tracking.reports.drawing import png
from tracking.reports.importance import FEWEST_TRIALS, importances

Make = Callable[..., SweepRecord]
PICTURES = (
    sweep_pictures.optimisation_history,
    sweep_pictures.score_against_hyperparameters,
    sweep_pictures.parameter_importance,
    sweep_pictures.parallel_coordinates,
    sweep_pictures.fold_scores,
)


def scored(trial: Any, number: int, f1: float, **hyperparameters: Any) -> TrialRecord:
    """A complete trial with a score that is given."""
    made = replace(trial("baseline", number), hyperparameters=hyperparameters)
    made.__dict__["score"] = f1
    return made


@pytest.mark.parametrize("draw", PICTURES, ids=lambda draw: draw.__name__)
@pytest.mark.parametrize(
    "states",
    [
        {("baseline", 0): ("complete", 3)},
        {("baseline", 0): ("failed", 1), ("resnet", 0): ("complete", 3)},
        {("baseline", 0): ("complete", 3), ("resnet", 0): ("pruned", 1), ("resnet", 1): ("running", 2)},
    ],
    ids=["one trial", "a failed one", "pruned and running"],
)
def test_odd_sweeps_are_drawn(draw: Any, states: Any, sweep: Make) -> None:
    """One trial, a failed, a pruned, a running one: each gives a PNG."""
    assert png(draw(sweep(states))).startswith(b"\x89PNG")


def test_the_history_shows_every_trial_and_the_best_so_far(sweep: Make, trial: Any) -> None:
    """A dot a trial, a line that never falls, a mark for each trial without a score."""
    scores = (0.5, 0.9, 0.7, 0.95)
    trials = [scored(trial, number, f1, rate=f1) for number, f1 in enumerate(scores)]
    trials += [trial("resnet", 0, "failed", 1), trial("resnet", 1, "pruned", 1)]
    record = replace(sweep(), trials=tuple(trials))
    figure = sweep_pictures.optimisation_history(record)
    axes = figure.axes[0]
    assert [tuple(dot) for dot in np.asarray(axes.collections[0].get_offsets())] == list(enumerate(scores))
    assert list(np.asarray(axes.get_lines()[0].get_ydata())) == [0.5, 0.9, 0.9, 0.95]
    places = {line.get_marker(): np.asarray(line.get_xdata()) for line in axes.get_lines()}
    marks = {marker: list(place) for marker, place in places.items() if len(place)}
    assert (marks["x"], marks["v"]) == ([0], [1])
    assert "failed" in figure.get_suptitle()
    assert "pruned" in figure.get_suptitle()


def test_a_collapsed_trial_does_not_flatten_the_others(sweep: Make, trial: Any) -> None:
    """It lies below the axis, which says so."""
    trials = tuple(scored(trial, n, f1, rate=n) for n, f1 in enumerate((0.1, 0.95, 0.96, 0.97, 0.96, 0.95)))
    axes = sweep_pictures.optimisation_history(replace(sweep(), trials=trials)).axes[0]
    assert axes.get_ylim()[0] > 0.85
    assert [text.get_text() for text in axes.texts] == ["1 trial below this"]


def test_hyperparameters_have_a_panel_each_and_the_scale_that_fits(sweep: Make, trial: Any) -> None:
    """A rate over decades is logarithmic, a share of 0 to 1 is not, a choice has its values as labels."""
    rng = np.random.default_rng(1)
    trials = tuple(
        scored(
            trial, n, 0.9 + n / 1000,
            learning_rate=float(10 ** rng.uniform(-4, -2)), dropout=float(rng.uniform(0.001, 0.5)),
            optimizer=("adam", "sgd")[n % 2], fixed=1,
        )
        for n in range(20)
    )  # fmt: skip
    figure = sweep_pictures.score_against_hyperparameters(replace(sweep(), trials=trials))
    panels = {axes.get_title(): axes for axes in figure.axes if axes.get_title()}
    assert set(panels) == {"dropout", "learning_rate", "optimizer"}
    assert panels["learning_rate"].get_xscale() == "log"
    assert panels["dropout"].get_xscale() == "linear"
    assert [label.get_text() for label in panels["optimizer"].get_xticklabels()] == ["adam", "sgd"]
    assert sum(len(np.asarray(dots.get_offsets())) for dots in panels["dropout"].collections) == 20


def test_what_decides_the_score_is_important_and_what_does_not_is_not(trial: Any) -> None:
    """A best value in the middle counts; a useless hyperparameter stays below chance nearly always."""
    rng = np.random.default_rng(2)
    trials = [
        scored(trial, n, 0.9 - 0.05 * (rate + 3) ** 2, rate=10**rate, useless=float(rng.uniform()))
        for n, rate in enumerate(rng.uniform(-4, -2, size=20))
    ]
    found = {each.name: each for each in importances(trials)}
    assert found["rate"].share > 0.8 > found["rate"].chance
    assert found["useless"].share < found["rate"].share


def test_chance_is_what_it_says() -> None:
    """Of 200 useless hyperparameters about one in twenty exceeds it."""
    rng = np.random.default_rng(3)
    names = [f"h{index}" for index in range(200)]
    trials = [
        scored(make_trial, n, float(rng.uniform()), **{name: float(rng.uniform()) for name in names})
        for n in range(12)
    ]
    above = sum(each.share > each.chance for each in importances(trials))
    assert 2 <= above <= 20


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from([16, 32]), st.floats(1e-6, 1)), min_size=1, max_size=12
    )
)
def test_importance_is_never_more_than_all(outcomes: list[tuple[float, int, float]]) -> None:
    """Ties, constants and too few trials included."""
    trials = [scored(make_trial, n, f1, size=size, rate=rate) for n, (f1, size, rate) in enumerate(outcomes)]
    found = importances(trials)
    assert all(each.share <= 1 + 1e-9 and np.isfinite(each.chance) for each in found)
    assert not found or len(trials) >= FEWEST_TRIALS


def test_pictures_are_drawn_again_when_the_trials_have_doubled(sweep: Make, trial: Any) -> None:
    """Not for every trial while the sweep runs; and when it stops they are up to date."""
    trials = tuple(trial("baseline", number) for number in range(9))
    growing = [
        replace(sweep(), trials=trials[:count], trials_per_architecture=20, architectures=("baseline",))
        for count in range(1, 10)
    ]
    digests = [sweep_files(record, live=True)[1] for record in growing]
    changes = [count for count in range(2, 10) if digests[count - 1] != digests[count - 2]]
    assert changes == [2, 4, 8]
    assert sweep_files(growing[-1], live=False)[1] != digests[-1]

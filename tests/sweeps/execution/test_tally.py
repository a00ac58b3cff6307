"""How far a sweep has come: fits are counted once, and the time left is honest."""

from dataclasses import replace

import pytest

from sweeps.execution.events import FitEnded, TrialEnded
from sweeps.execution.tally import Tally
from tests.closed_formula import plan, run_of

PLAN = plan(trials=2, folds=3)  # two architectures: 12 fits of 2 s each
VALUES = {"learning_rate": 1e-3, "batch_size": 32, "dropout": 0.1}


def fit_ended(place: int, number: int) -> FitEnded:
    """The end of one fit of the architecture at that place; three fits make a trial."""
    spec = PLAN.fit_specs(PLAN.architectures[place], number // 3, VALUES)[number % 3]
    return FitEnded(trial=number // 3, spec=spec, run=run_of(spec), origin="now")


def tally(workers: int, alpha: int, beta: int) -> Tally:
    """A tally after so many fits of each architecture."""
    made = Tally(PLAN, workers)
    for place, count in enumerate((alpha, beta)):
        for number in range(count):
            made.count_fit(fit_ended(place, number))
    return made


@pytest.mark.parametrize(
    ("workers", "alpha", "beta", "left"),
    [
        (1, 0, 0, None),  # nothing is known yet
        (1, 3, 0, 18.0),  # nine fits of 2 s; beta is taken to be like alpha
        (2, 3, 3, 6.0),  # six fits shared by two
        (12, 3, 3, 2.0),  # a trial keeps at most three workers busy: one round of 2 s
        (1, 6, 6, 0.0),
    ],
)
def test_the_time_left_counts_work_and_waiting(
    workers: int, alpha: int, beta: int, left: float | None
) -> None:
    """It is the larger of the work shared out and the longest chain of trials."""
    assert tally(workers, alpha, beta).time_left() == left


def test_a_stopped_trial_takes_its_other_folds_off_the_list() -> None:
    """They will not be run, so they are not waited for; a fold that comes too late is not counted twice."""
    made = tally(1, 2, 0)
    assert made.count_trial(TrialEnded(architecture="alpha", number=0, state="pruned", score=None)) == 1
    assert (made.done["alpha"], made.stopped["alpha"], made.best) == (3, 1, {})
    made.count_fit(fit_ended(0, 2))
    assert made.done["alpha"] == 3


def test_trials_inside_a_window_are_counted_apart() -> None:
    """The second trial ends first: the fits of the first still have to be waited for."""
    made = tally(1, 1, 0)
    made.count_fit(fit_ended(0, 3))
    made.count_trial(TrialEnded(architecture="alpha", number=1, state="failed", score=None))
    assert made.done["alpha"] == 1 + 3


def test_what_was_recorded_is_told_apart_by_where_it_came_from() -> None:
    """An earlier run of this sweep, another sweep of the home, and fits that nobody needs."""
    made = Tally(PLAN, 1)
    made.count_fit(replace(fit_ended(0, 0), origin="earlier run"))
    made.count_trial(TrialEnded(architecture="alpha", number=0, state="pruned", score=None))
    for number in range(2):
        made.count_fit(replace(fit_ended(1, number), origin="another sweep"))
    assert made.recorded_lines() == [
        "1 fit was recorded by an earlier run of this sweep",
        "2 fits were taken from another sweep in this home, which trained the same",
        "2 fits of pruned or failed trials will not be trained",
    ]

"""Progress: the time left is honest, and everything a person sees is there."""

import io

import pytest
from rich.console import Console

from sweeps.execution.progress import LiveProgress, PlainProgress, Progress, Tally
from tests.closed_formula import plan, run_of

PLAN = plan(trials=2, folds=3)  # two architectures: 12 fits of 2 s each
VALUES = {"learning_rate": 1e-3, "batch_size": 32, "dropout": 0.1}


def tally(workers: int, alpha: int, beta: int) -> Tally:
    """A tally after so many fits of each architecture."""
    made = Tally(PLAN, workers)
    for architecture, count in zip(PLAN.architectures, (alpha, beta), strict=True):
        for number in range(count):
            spec = PLAN.fit_specs(architecture, number // 3, VALUES)[number % 3]
            made.count(spec, run_of(spec))
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


def test_a_failed_trial_takes_its_other_folds_off_the_list() -> None:
    """They will not be run, so they are not waited for."""
    made = tally(1, 2, 0)
    made.end_trial("alpha", 0, None)
    assert made.done["alpha"] == 3
    assert made.best == {}


def drive(progress: Progress) -> None:
    """Tell of one trial."""
    progress.begin(PLAN, 2)
    for number, spec in enumerate(PLAN.fit_specs(PLAN.architectures[0], 0, VALUES)):
        if number:
            progress.fit_started(0, spec)
            progress.epoch_ended({"key": spec.key, "epoch": 2, "f1": 0.75, "seconds": 1.0})
        progress.fit_ended(0, spec, run_of(spec), recorded=number == 0)
    progress.trial_ended("alpha", 0, 0.9)
    progress.say("MLflow is away")


def test_lines_tell_each_fit_and_what_was_recorded_before() -> None:
    """One line a fit: count, which, score, epochs, time left."""
    stream = io.StringIO()
    drive(PlainProgress(Console(file=stream, width=200)))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "1 fits were recorded already"
    assert lines[1].startswith(" 2/12  alpha t0000 fold 1: F1 0.")
    assert lines[1].endswith("about 10 s left")
    assert lines[-1] == "MLflow is away"


def test_the_live_table_shows_epochs_and_the_best() -> None:
    """Architectures with counts and best score, what is being trained, the time left."""
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with LiveProgress(console) as progress:
        drive(progress)
        spec = PLAN.fit_specs(PLAN.architectures[1], 0, VALUES)[0]
        progress.fit_started(0, spec)
        progress.epoch_ended({"key": spec.key, "epoch": 3, "f1": 0.5, "seconds": 1.0})
        shown = Console(file=io.StringIO(), width=100)
        shown.print(progress._draw())
        text = shown.file.getvalue()  # type: ignore[attr-defined]
    assert "alpha          3/6     1/2   0.9000     t0000" in text
    assert "beta t0000 fold 0: epoch 3 of at most 5, F1 0.5000" in text
    assert "left" in text

"""Progress: everything a person sees is there, and nothing jumps without a word."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from sweeps.execution.events import (
    EpochEnded,
    FitEnded,
    FitStarted,
    Interrupted,
    Notice,
    SweepBegan,
    TrainingBegan,
    TrialEnded,
)
from sweeps.execution.progress import LiveProgress, PlainProgress, Progress
from tests.closed_formula import plan, run_of
from trainer.fits.specs import FitSpec

PLAN = plan(trials=2, folds=3)  # two architectures: 12 fits of 2 s each
VALUES = {"learning_rate": 1e-3, "batch_size": 32, "dropout": 0.1}
ALPHA, BETA = (PLAN.fit_specs(architecture, 0, VALUES) for architecture in PLAN.architectures)


def ended(spec: FitSpec) -> FitEnded:
    """The end of a fit that was trained now."""
    return FitEnded(trial=0, spec=spec, run=run_of(spec), origin="now")


def drive(progress: Progress) -> None:
    """Tell of one trial, whose first fold was recorded, and of one that was pruned after its first fold."""
    progress.handle(SweepBegan(plan=PLAN, workers=2))
    progress.handle(replace(ended(ALPHA[0]), origin="earlier run"))
    progress.handle(TrainingBegan())
    for spec in ALPHA[1:]:
        progress.handle(FitStarted(trial=0, spec=spec))
        progress.handle(EpochEnded(key=spec.key, epoch=2, score=0.75, seconds=1.0, worker="one"))
        progress.handle(ended(spec))
    progress.handle(TrialEnded(architecture="alpha", number=0, state="complete", score=0.9))
    progress.handle(ended(BETA[0]))
    progress.handle(TrialEnded(architecture="beta", number=0, state="pruned", score=None))
    progress.handle(Notice("MLflow is away"))


def plain(*events: Interrupted | FitEnded) -> list[str]:
    """Return the lines of plain progress over the trials above and some more events."""
    stream = io.StringIO()
    progress = PlainProgress(Console(file=stream, width=40))
    drive(progress)
    for event in events:
        progress.handle(event)
    return stream.getvalue().splitlines()


def test_lines_tell_each_fit_and_what_was_recorded_before() -> None:
    """One line a fit, however narrow: count, which, score, epochs, time left."""
    lines = plain()
    assert lines[0] == "1 fit was recorded by an earlier run of this sweep"
    assert lines[1].startswith(" 2/12  alpha/0 fold 1: F1 0.")
    assert lines[1].endswith("about 10 s left")
    assert lines[-1] == "MLflow is away"


def test_lines_say_why_the_count_jumps() -> None:
    """From 4 to 6 of 12: the trial was pruned, and its other folds need not be trained."""
    assert plain()[4] == " 6/12  beta/0 was pruned: its other 2 fits will not be trained"


def test_lines_say_what_another_sweep_has_trained() -> None:
    """A trial that begins only now may be one that another sweep of the home has trained."""
    line = plain(replace(ended(BETA[1]), origin="another sweep"))[-1]
    assert line.endswith("beta/0 fold 1: taken from another sweep in this home, which trained the same")


def test_an_interrupt_says_what_it_costs() -> None:
    """Before the workers have stopped: the user knows that the first Ctrl-C was heard."""
    line = "stopping the workers; 1 fit under way will begin again in the next run"
    assert plain(Interrupted(under_way=1))[-1] == line
    assert plain(Interrupted(under_way=0))[-1] == "stopping the workers"


def test_the_live_table_shows_epochs_and_the_best() -> None:
    """Architectures with counts and best score, what is being trained, the time left."""
    stream = io.StringIO()
    console = Console(file=stream, width=100, force_terminal=True)
    with LiveProgress(console) as progress:
        drive(progress)
        progress.handle(FitStarted(trial=0, spec=BETA[0]))
        progress.handle(EpochEnded(key=BETA[0].key, epoch=3, score=0.5, seconds=1.0, worker="one"))
        shown = io.StringIO()
        Console(file=shown, width=100).print(progress._draw())
    rows = [line.split() for line in shown.getvalue().splitlines()]
    assert rows[0] == ["architecture", "fits", "trials", "stopped", "best", "F1", "trial"]
    assert rows[1] == ["alpha", "3/6", "1/2", "0.9000", "alpha/0"]
    assert rows[2] == ["beta", "3/6", "1/2", "1"]
    assert "beta/0 fold 0: epoch 3 of at most 5, F1 0.5000" in shown.getvalue()
    assert "left" in shown.getvalue()
    assert "1 fit was recorded by an earlier run of this sweep" in stream.getvalue()
    assert "MLflow is away" in stream.getvalue()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_live_table_fits_the_terminal(width: int) -> None:
    """With a long name of an architecture: numbers and words stay whole, above the table too."""
    name = "convolutional_network_with_attention"
    made = replace(PLAN, architectures=(replace(PLAN.architectures[0], name=name), PLAN.architectures[1]))
    spec = made.fit_specs(made.architectures[0], 0, VALUES)[0]
    stream = io.StringIO()
    with LiveProgress(Console(file=stream, width=width, force_terminal=True)) as progress:
        progress.handle(SweepBegan(plan=made, workers=2))
        progress.handle(FitStarted(trial=0, spec=spec))
        progress.handle(Notice("one two three four five six seven eight nine ten eleven twelve thirteen"))
        shown = io.StringIO()
        Console(file=shown, width=width).print(progress._draw())
    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert ["beta", "0/6"] in [line.split()[:2] for line in lines]
    assert "eleven" in stream.getvalue().split()
    assert "thirteen" in stream.getvalue().split()

"""Entering a sweep: the same one goes on, another one of its name is refused, and nothing is lost."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeps.definition.spec import CrossValidation
from sweeps.execution.events import Event, FitEnded, Interrupted, TrainingBegan, TrialEnded
from sweeps.execution.loop import enter, run_sweep
from sweeps.execution.progress import Silent
from tests.closed_formula import InlineWorkers, Saying, in_memory_ledger, plan, prepared, starter
from tests.labelled_trainer import FOLDS, LabelledWorkers, record, sweep_of_table
from tracking.ledger.ledger import Ledger
from trainer.errors import UsageError
from trainer.fits.results import FitRun
from trainer.hyperparameters import Fixed
from trainer.process.jobs import Job


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 2}, "seed: 1 before, 2 now"),
        ({"dataset": "e" * 64}, f"dataset: {24 * 'd'}… before, {24 * 'e'}… now"),
        ({"cv": CrossValidation(folds=3, epochs=6)}, "cv.epochs: 5 before, 6 now"),
        ({"trials": 3}, "trials: 4 before, 3 now"),
    ],
)
def test_another_sweep_of_the_same_name_is_refused(change: dict[str, Any], words: str) -> None:
    """What differs is listed, and the recorded sweep stays as it was."""
    ledger = in_memory_ledger()
    enter(prepared(plan()), ledger)
    before = ledger.entry("made-up")
    with pytest.raises(UsageError, match=words):
        enter(prepared(replace(plan(), **change)), ledger)
    assert ledger.entry("made-up") == before


def test_a_sweep_begun_by_an_older_refold_is_not_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not the user's file that has changed."""
    ledger = in_memory_ledger()
    with monkeypatch.context() as older:
        older.setattr("sweeps.definition.plan.PROCEDURE", 1)
        enter(prepared(plan()), ledger)
    said = (
        "begun with a version of refold that trains differently: procedure: 1 before, .* Continue with "
        r"that version \(.+, as it was then\), or give"
    )
    with pytest.raises(UsageError, match=said):
        enter(prepared(plan()), ledger)


def test_every_difference_is_listed() -> None:
    """An edited architecture, a narrowed space and a missing architecture are named each."""
    ledger = in_memory_ledger()
    made = plan()
    enter(prepared(made), ledger)
    edited = replace(
        made.architectures[0], digest="edited", space={**made.architectures[0].space, "x": Fixed(1)}
    )
    with pytest.raises(UsageError) as caught:
        enter(prepared(replace(made, architectures=(edited,))), ledger)
    text = str(caught.value)
    assert "architectures.alpha.digest: alpha before, edited now" in text
    assert "architectures.beta: " in text
    assert "nothing now" in text


def test_a_sweep_is_not_continued_with_other_versions(tmp_path: Path) -> None:
    """Bits of two TensorFlows in one sweep would be a lie; a finished sweep may still be looked at."""
    ledger, made = in_memory_ledger(), prepared(plan())
    enter(made, ledger)
    packages = {**made.environment.packages, "tensorflow": "9.9"}
    upgraded = replace(made, environment=replace(made.environment, packages=packages))
    with pytest.raises(UsageError, match=r"tensorflow: 1.0 before, 9.9 now. Go on after 'pip install"):
        enter(upgraded, ledger)
    run_sweep(made, tmp_path, ledger, start_workers=starter(InlineWorkers(1)), workers=1, progress=Silent())
    enter(upgraded, ledger)
    with pytest.raises(UsageError, match="other versions"):
        enter(replace(upgraded, plan=plan(trials=5)), ledger)


def test_two_sweeps_share_equal_fits(tmp_path: Path) -> None:
    """A fit is recorded under its key: a second sweep that asks for it gets it at once."""
    ledger, first, second = in_memory_ledger(), InlineWorkers(1), InlineWorkers(1)
    for name, workers in (("one", first), ("two", second)):
        made = prepared(plan(), name)
        run_sweep(made, tmp_path, ledger, start_workers=starter(workers), workers=1, progress=Silent())
    assert first.trained
    assert second.trained == []
    assert ledger.sweep("one").digest == ledger.sweep("two").digest
    ledger.remove_sweep("one")
    assert ledger.sweep("two").finished


def test_fits_of_another_tensorflow_are_never_taken_over(tmp_path: Path) -> None:
    """A second sweep in a home that was used with other versions trains its own: the key has them."""
    ledger, before, after = in_memory_ledger(), InlineWorkers(1), InlineWorkers(1)
    for name, version, workers in (("one", "2.20", before), ("two", "2.21", after)):
        made = prepared(replace(plan(), platform=(("tensorflow", version),)), name)
        run_sweep(made, tmp_path, ledger, start_workers=starter(workers), workers=1, progress=Silent())
    assert len(after.trained) >= len(plan().architectures)
    assert not set(before.trained) & set(after.trained)


def test_where_things_are_found_is_kept_up_to_date(tmp_path: Path) -> None:
    """A sweep file that moved is the same sweep; export and verify then look where it is now."""
    ledger, made = in_memory_ledger(), prepared(plan())
    enter(made, ledger)
    moved = replace(made, spec=replace(made.spec, folder=tmp_path))
    enter(moved, ledger)
    entry = ledger.entry("made-up")
    assert entry is not None
    assert entry.details.folder == str(tmp_path)


def test_another_experiment_is_another_sweep() -> None:
    """MLflow's record would be written twice."""
    ledger, made = in_memory_ledger(), prepared(plan())
    enter(made, ledger)
    with pytest.raises(UsageError, match=r"mlflow\.experiment: made-up before, elsewhere now"):
        enter(replace(made, spec=replace(made.spec, experiment="elsewhere")), ledger)


class Hearing:
    """Keeps every event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def handle(self, event: Event) -> None:
        """Keep it."""
        self.events.append(event)

    def origins(self) -> set[str]:
        """Return where the fits came from."""
        return {event.origin for event in self.events if isinstance(event, FitEnded)}


class InterruptedWorkers(InlineWorkers):
    """The user presses Ctrl-C after five fits."""

    def finished(self, timeout: float) -> Sequence[tuple[Job, FitRun]]:
        """See ``Workers``."""
        if len(self.trained) == 5:
            raise KeyboardInterrupt
        return super().finished(timeout)


def test_where_fits_come_from_is_told(tmp_path: Path) -> None:
    """Trained now, by an interrupted earlier run, or by another sweep; each trial's end is told once."""
    ledger = in_memory_ledger()
    first, again, other = Hearing(), Hearing(), Hearing()
    with pytest.raises(KeyboardInterrupt):
        run_sweep(
            prepared(plan()), tmp_path, ledger, start_workers=starter(InterruptedWorkers(2)), workers=2,
            progress=first,
        )  # fmt: skip
    for name, hearing in (("made-up", again), ("other", other)):
        run_sweep(
            prepared(plan(), name), tmp_path, ledger, start_workers=starter(InlineWorkers(2)), workers=2,
            progress=hearing,
        )  # fmt: skip
    assert first.origins() == {"now"}
    assert first.events[-1] == Interrupted(under_way=2)
    assert again.origins() == {"now", "earlier run"}
    assert other.origins() == {"another sweep"}
    assert other.events[-1] == TrainingBegan()
    states = {(trial.architecture, trial.number): trial.state for trial in ledger.sweep("other").trials}
    heard = [event for event in again.events if isinstance(event, TrialEnded)]
    assert {(trial.architecture, trial.number): trial.state for trial in heard} == states
    assert len(heard) == len(states)
    assert "pruned" in states.values()


def test_a_sweep_that_was_finished_before_says_so(tmp_path: Path) -> None:
    """Or its leaderboard would look like that of a run of no time."""
    ledger, saying = in_memory_ledger(), Saying()
    for _ in range(2):
        assert saying.said == []
        run_sweep(
            prepared(plan()), tmp_path, ledger, start_workers=starter(InlineWorkers(1)), workers=1,
            progress=saying,
        )  # fmt: skip
    assert saying.said == ["the sweep was finished before: nothing is trained"]


def test_a_sweep_with_groups_and_given_folds_goes_on(tmp_path: Path) -> None:
    """Its identity has the counts of its folds, which a record gives back as lists."""
    made = sweep_of_table(tmp_path, "lenet", trials=3)
    home = record(replace(made, trials=2), first := LabelledWorkers({"lenet": 0.9}))
    with Ledger.read(home) as ledger:
        assert len(ledger.sweep("made").trials) == 2
    record(made, more := LabelledWorkers({"lenet": 0.9}))
    assert (len(first.trained), len(more.trained)) == (2 * FOLDS, FOLDS)
    record(made, none := LabelledWorkers({"lenet": 0.9}))
    assert none.trained == []

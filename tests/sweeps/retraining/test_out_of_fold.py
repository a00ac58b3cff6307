"""Held-out predictions: from the record where they are there, else trained again, and proven."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import refold
from sweeps.execution.training_processes import training_processes
from sweeps.execution.workers import Workers
from sweeps.retraining.out_of_fold import HeldOutSource
from tests.labelled_trainer import CLASSES, IMAGES, LabelledWorkers, record_sweep
from tracking.ledger.entry import SweepEntry
from tracking.ledger.ledger import Ledger
from tracking.records import SweepRecord, TrialRecord
from tracking.reports.out_of_fold import HeldOut
from trainer.datasets import DatasetSource, open_stored
from trainer.errors import Mismatch, UsageError
from trainer.fits.results import FitRun
from trainer.process.jobs import Job

CHANCES = {"lenet": 0.8}


class OtherWorkers(LabelledWorkers):
    """Trains to something else than what was recorded.

    Args:
        field: of the result that is another.
        value: what it is.
    """

    def __init__(self, field: str | None, value: Any = None) -> None:
        super().__init__(CHANCES)
        self._field, self._value = field, value

    def finished(self, timeout: float) -> list[tuple[Job, FitRun]]:
        """See ``Workers``."""
        return [(job, self._other(job, run)) for job, run in super().finished(timeout)]

    def _other(self, job: Job, run: FitRun) -> FitRun:
        if self._field is None:
            assert job.held_out is not None
            np.save(job.held_out, np.load(job.held_out)[::-1])
            return run
        return replace(run, result=replace(run.result, **{self._field: self._value}))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a sweep whose predictions follow from its labels."""
    folder = tmp_path_factory.mktemp("recorded")
    return record_sweep(folder, LabelledWorkers(CHANCES), "lenet")


def read(home: Path, name: str = "made") -> tuple[SweepRecord, SweepEntry]:
    """What the ledger holds."""
    with Ledger.read(home) as ledger:
        entry = ledger.entry(name)
        assert entry is not None
        return ledger.sweep(name), entry


def source(home: Path, entry: SweepEntry, workers: LabelledWorkers | None) -> HeldOutSource:
    """Where predictions come from; without workers training is an error."""

    @contextmanager
    def start(_log: Path) -> Iterator[Workers]:
        assert workers is not None, "nothing had to be trained"
        yield workers

    stored = home / "datasets" / entry.dataset.fingerprint
    return HeldOutSource(home=home, entry=entry, stored=stored, start_workers=start)


def without_predictions(trial: TrialRecord, *positions: int) -> TrialRecord:
    """The trial as if the record did not hold what some folds predicted."""
    folds = list(trial.folds)
    for position in positions:
        run = folds[position].run
        lost = replace(run.result, predictions=b"", confidences=b"")
        folds[position] = replace(folds[position], run=replace(run, result=lost))
    return replace(trial, folds=tuple(folds))


def test_what_the_record_holds_is_not_trained_again(home: Path) -> None:
    """Every image once, with its own class, as the reports have it."""
    record, entry = read(home)
    found = source(home, entry, None).predictions(record.trials[0])
    reported = HeldOut(open_stored(home / "datasets" / entry.dataset.fingerprint)).of(record.trials[0])
    assert reported is not None
    assert sorted(found.image) == list(range(IMAGES))
    assert np.array_equal(found.predicted, reported.predicted)
    assert found.probabilities is None


def test_what_it_does_not_hold_is_trained_again_and_the_same(home: Path) -> None:
    """Only the folds that lack predictions are trained; what comes out is what was there."""
    record, entry = read(home)
    workers = LabelledWorkers(CHANCES)
    lost = without_predictions(record.trials[0], 0, 2)
    found = source(home, entry, workers).predictions(lost)
    assert sorted(workers.trained) == sorted(lost.folds[position].spec.key for position in (0, 2))
    before = source(home, entry, None).predictions(record.trials[0])
    for name in ("image", "fold", "true", "predicted", "confidence"):
        assert np.array_equal(getattr(found, name), getattr(before, name))


def test_probabilities_are_joined_with_the_images(home: Path) -> None:
    """A row an image; the most probable class is the predicted one, whether the record holds that or not."""
    record, entry = read(home)
    for trial in (record.trials[1], without_predictions(record.trials[1], 1)):
        workers = LabelledWorkers(CHANCES)
        found = source(home, entry, workers).probabilities(trial)
        assert len(workers.trained) == len(trial.folds)
        assert found.probabilities is not None
        assert found.probabilities.shape == (IMAGES, CLASSES)
        assert np.array_equal(found.probabilities.argmax(axis=1), found.predicted)
        assert np.array_equal(found.probabilities.max(axis=1), found.confidence)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("probabilities_sha256", "0" * 64, "probabilities: .* recorded, .* trained again"),
        ("weights_sha256", "0" * 64, "weights: .* recorded, .* trained again"),
        ("parts_sha256", "0" * 64, "folds and stop set: .* recorded, .* trained again"),
        (None, None, "probabilities: .* recorded, .* written by the process"),
    ],
)
def test_something_else_is_never_passed_off_as_the_recorded(
    home: Path, field: str | None, value: object, words: str
) -> None:
    """The first difference is named with the trial and the fold."""
    record, entry = read(home)
    lost = without_predictions(record.trials[0], 0, 1, 2)
    with pytest.raises(Mismatch, match=rf"lenet/0 fold \d: {words}"):
        source(home, entry, OtherWorkers(field, value)).predictions(lost)
    with pytest.raises(Mismatch, match=rf"lenet/0 fold \d: {words}"):
        source(home, entry, OtherWorkers(field, value)).probabilities(record.trials[0])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"environment": {"cpu": {"model name": "another"}}}, "another kind of processor"),
        ({"environment": {"packages": {"tensorflow": "1.0"}}}, "tensorflow 1.0 then"),
        ({"identity": {"procedure": 1}}, "procedure of training"),
        ({"identity": {"device": "gpu"}}, "was trained on GPUs"),
    ],
)
def test_what_cannot_be_repeated_here_is_refused_by_name(
    home: Path, changed: dict[str, dict[str, Any]], words: str
) -> None:
    """Before anything is trained; what the record holds is given all the same."""
    record, entry = read(home)
    for name, parts in changed.items():
        if name == "identity":
            entry = replace(entry, identity={**entry.identity, **parts})
        else:
            merged: dict[str, Any] = {}
            merged |= {part: {**getattr(entry.environment, part), **values} for part, values in parts.items()}
            entry = replace(entry, environment=replace(entry.environment, **merged))
    asked = source(home, entry, None)
    assert len(asked.predictions(record.trials[0]).image) == IMAGES
    with pytest.raises(UsageError, match=words):
        asked.predictions(without_predictions(record.trials[0], 1))
    with pytest.raises(UsageError, match=words):
        asked.probabilities(record.trials[0])


def test_a_trial_that_held_nobody_out_has_no_predictions(home: Path) -> None:
    """One that failed in its first fold, say: one line, with its reason."""
    record, entry = read(home)
    first = record.trials[0].folds[0]
    failed = replace(first.run.result, state="failed", reason="it diverged", predictions=b"", confidences=b"")
    trial = replace(
        record.trials[0],
        state="failed",
        folds=(replace(first, run=replace(first.run, result=failed)),),
    )
    for asked in (source(home, entry, None).predictions, source(home, entry, None).probabilities):
        with pytest.raises(UsageError, match="lenet/0 has predicted no held-out image: it diverged"):
            asked(trial)


@pytest.mark.slow
@pytest.mark.training
def test_a_real_trial_is_trained_again_in_processes_of_its_own(tmp_path: Path) -> None:
    """Its probabilities have the recorded digests, and give the recorded classes and confidences."""
    spec = refold.SweepSpec(
        name="real",
        trials=1,
        dataset=DatasetSource(source="digits", samples=200),
        cv=refold.CrossValidation(folds=2, epochs=2),
        architectures=(refold.ArchitectureChoice(name="lenet"),),
    )
    refold.run(spec, home=tmp_path / "home", workers=1, progress=False)
    record, entry = read(tmp_path / "home", "real")
    asked = HeldOutSource(
        home=tmp_path / "home",
        entry=entry,
        stored=tmp_path / "home" / "datasets" / entry.dataset.fingerprint,
        start_workers=lambda log: training_processes(1, log),
    )
    before, found = asked.predictions(record.trials[0]), asked.probabilities(record.trials[0])
    assert found.probabilities is not None
    assert np.array_equal(found.probabilities.argmax(axis=1), before.predicted)
    assert np.array_equal(found.probabilities.max(axis=1).astype(np.float64), before.confidence)

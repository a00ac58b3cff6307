"""A refit that compare has scored on the exam: its export must be that model, or nothing is exported."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweeps.export.evaluation_images import EvaluationImages, check_predictions
from sweeps.export.retraining import _check
from sweeps.export.selection import ModelSelection, choose
from tests.closed_formula import run_of
from tests.varied_sweep import NAME, record
from tracking.ledger.ledger import Ledger
from tracking.records import FoldRecord, SweepRecord
from trainer.datasets import Dataset, open_stored
from trainer.errors import Mismatch
from trainer.fits.results import FitRun, StopCause


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a sweep whose winners were compared on its exam."""
    return record(tmp_path_factory.mktemp("recorded"))


@pytest.fixture
def swept(home: Path) -> SweepRecord:
    """What is recorded of it."""
    with Ledger.read(home) as ledger:
        return ledger.sweep(NAME)


@pytest.fixture
def choice(swept: SweepRecord, monkeypatch: pytest.MonkeyPatch) -> ModelSelection:
    """The refit of the search's winner."""
    return choose(swept, swept.winners[0], "refit")


@pytest.fixture
def twin(choice: ModelSelection) -> FoldRecord:
    """The recorded refit that has its weights."""
    assert choice.twin is not None
    return choice.twin


@pytest.fixture
def again(twin: FoldRecord, choice: ModelSelection) -> FitRun:
    """The refit as an export trains it: without the exam, so without anything that an exam gives."""
    bare = run_of(choice.specs[0]).result
    result = replace(
        twin.run.result, key=choice.specs[0].key, probabilities_sha256=bare.probabilities_sha256,
        predictions=b"", confidences=b"", confusion=(), f1=None, parameters=None,
    )  # fmt: skip
    return replace(twin.run, result=result)


def exam_of(home: Path, swept: SweepRecord) -> Dataset:
    """Return the sweep's exam."""
    assert swept.dataset.exam is not None
    return open_stored(home / "datasets" / swept.dataset.exam.fingerprint)


def test_the_first_refit_by_seed_is_the_twin(swept: SweepRecord, choice: ModelSelection) -> None:
    """Whatever the others scored; no other way to make a model has one, nor a trial that was not compared."""
    winner = swept.winners[0]
    first, *others = swept.examined[winner.architecture, winner.number]
    assert choice.twin is first
    assert len(others) == 2
    assert choose(swept, winner, "ensemble").twin is None
    assert choose(replace(swept, examined={}), winner, "refit").twin is None
    assert choose(swept, replace(winner, number=9), "refit").twin is None


def test_the_recorded_weights_pass(choice: ModelSelection, twin: FoldRecord, again: FitRun) -> None:
    """What the exam gave the recorded one is no difference."""
    _check(None, twin, choice.trial.number, again)


def test_other_weights_are_one_line(choice: ModelSelection, twin: FoldRecord, again: FitRun) -> None:
    """The first epoch that differs is named."""
    first, *rest = again.result.epochs
    epochs = (replace(first, weights_sha256="f" * 64), *rest)
    other = replace(again, result=replace(again.result, epochs=epochs))
    with pytest.raises(Mismatch, match=r"refit.*: weights after epoch 1: .*; nothing was exported$") as wrong:
        _check(None, twin, choice.trial.number, other)
    assert "\n" not in str(wrong.value)
    ended = replace(again, result=replace(again.result, weights_sha256="f" * 64))
    with pytest.raises(Mismatch, match=r": weights: .*; nothing was exported$"):
        _check(None, twin, choice.trial.number, ended)


def test_a_refit_that_fails_is_not_exported(choice: ModelSelection, twin: FoldRecord, again: FitRun) -> None:
    """Also if it failed as it is recorded to have failed; one that was stopped proves nothing."""
    failed = replace(again, result=replace(again.result, state="failed", reason="diverged"))
    recorded = replace(twin, run=failed)
    for each in (None, recorded):
        with pytest.raises(Mismatch, match="the refit failed where the folds did not: diverged"):
            _check(None, each, choice.trial.number, failed)
    _check(None, replace(twin, run=replace(failed, stopped_for=StopCause.TIME)), choice.trial.number, again)


def test_the_exams_classes_must_be_the_recorded_ones(
    home: Path, swept: SweepRecord, choice: ModelSelection, twin: FoldRecord
) -> None:
    """But for ties, and only on the exam that the refit was scored on."""
    exam = exam_of(home, swept)
    images = EvaluationImages(images=exam.images, name="the exam", test=exam)
    recorded = twin.run.result.predicted_classes()
    trained = np.eye(3, dtype=np.float32)[recorded] * 0.5 + np.float32(0.1)
    check_predictions(choice, images, trained)
    trained[0] = np.roll(trained[0], 1)
    with pytest.raises(Mismatch, match=r"classifies 1 image of the exam otherwise than recorded"):
        check_predictions(choice, images, trained)
    with pytest.raises(Mismatch, match=r"classifies 11 images of the exam otherwise"):
        check_predictions(choice, images, trained[1:])
    trained[0] = 1 / 3
    check_predictions(choice, images, trained)
    check_predictions(choice, replace(images, test=None), trained[1:])

"""Sweeps with schedules, and sweeps whose fits never stop: run, verified, and refitted. A formula trains."""

import sqlite3
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeps.definition.spec import CrossValidation, SweepSpec
from sweeps.definition.sweep_file import parse_sweep, sweep_text
from sweeps.export.selection import choose
from sweeps.verification.report import Report
from sweeps.verification.selection import FitSelection
from sweeps.verification.verify import verify
from tests.labelled_trainer import FOLDS, LabelledWorkers, record, sweep
from tests.record_changes import Edit, edited, put
from tests.varied_sweep import reseal
from tracking.ledger.ledger import Ledger
from tracking.records import SweepRecord
from trainer.fits.learning_rates import LearningRates
from trainer.hyperparameters import Fixed

CHANCES = {"lenet": 0.9}
EPOCHS = 6


@contextmanager
def start(_log: Path) -> Iterator[LabelledWorkers]:
    """Start the workers that a verification takes."""
    yield LabelledWorkers(CHANCES)


def made(folder: Path, stop: str = "metric", **training: Any) -> SweepSpec:
    """Return a sweep of one architecture."""
    cv = CrossValidation(folds=FOLDS, epochs=EPOCHS, stop=stop)
    ranges: Mapping[str, Any] = {name: Fixed(value) for name, value in training.items()}
    return replace(sweep(folder, "lenet"), cv=cv, training=ranges)


def checked(home: Path) -> Report:
    """Verify, with all fits trained again."""
    return verify(home, "made", FitSelection(everything=True), start_workers=start)


def swept(home: Path) -> SweepRecord:
    """Return what is recorded."""
    with Ledger.read(home) as ledger:
        return ledger.sweep("made")


def changed(home: Path, edit: Edit) -> None:
    """Change the run of one fold, and make all checksums fit again."""
    with closing(sqlite3.connect(home / "ledger.sqlite")) as ledger, ledger:
        ((key,),) = ledger.execute("SELECT key FROM members WHERE number = 0 AND position = 1").fetchall()
        edited("fits", "run", f"key = '{key}'", edit)(ledger)
        reseal(ledger)


def test_a_sweep_that_never_stops(tmp_path: Path) -> None:
    """All epochs of all fits are trained and nothing is watched; its refits train as long."""
    spec = made(tmp_path, "never", schedule="cosine")
    assert parse_sweep(tomllib.loads(sweep_text(spec))).cv == spec.cv
    home = record(spec, LabelledWorkers(CHANCES))
    found = swept(home)
    folds = [fold for trial in found.trials for fold in trial.folds]
    assert len(folds) == 2 * FOLDS
    for fold in folds:
        result = fold.run.result
        assert (fold.spec.stopping, len(result.epochs), result.best_epoch) == (None, EPOCHS, EPOCHS)
        assert all(epoch.stop_f1 is None for epoch in result.epochs)
    report = checked(home)
    assert (report.differences, report.trained) == ((), report.recorded)
    (refit,) = choose(found, found.trials[0], "refit").specs
    assert (refit.epochs, refit.horizon, refit.stopping) == (EPOCHS, EPOCHS, None)
    rates, trained = LearningRates(refit), folds[0].run.result.epochs
    recorded = [epoch.learning_rate for epoch in trained]
    assert recorded == [rates.recorded(number) for number in range(1, EPOCHS + 1)]
    assert len(set(recorded)) == EPOCHS


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (put("result", "best_epoch", value=EPOCHS - 1), f"best epoch: {EPOCHS - 1} recorded, {EPOCHS}"),
        (lambda data: data["result"]["epochs"].pop(), f"number of epochs: {EPOCHS - 1} recorded, {EPOCHS}"),
    ],
)
def test_a_fit_that_stopped_in_a_sweep_that_never_stops(tmp_path: Path, edit: Edit, named: str) -> None:
    """Is named, though every checksum fits."""
    home = record(made(tmp_path, "never"), LabelledWorkers(CHANCES))
    changed(home, edit)
    assert named in str(checked(home).differences[0])


@pytest.mark.parametrize("kind", ["constant", "cosine", "exponential", "step", "plateau"])
def test_a_changed_learning_rate_is_named(tmp_path: Path, kind: str) -> None:
    """Without training: the rate of each epoch follows from the schedule and the stop set."""
    home = record(made(tmp_path, schedule=kind), LabelledWorkers(CHANCES))
    assert checked(home).differences == ()
    changed(home, put("result", "epochs", 1, "learning_rate", value=0.5))
    report = verify(home, "made", FitSelection(), start_workers=start)
    (difference, *_) = report.differences
    assert str(difference).startswith("lenet/0 fold 1: learning rate of epoch 2: 0.5 recorded")


def test_a_learning_rate_that_is_gone_is_named(tmp_path: Path) -> None:
    """A schedule always leaves one."""
    home = record(made(tmp_path, schedule="cosine"), LabelledWorkers(CHANCES))
    changed(home, lambda data: data["result"]["epochs"][0].pop("learning_rate"))
    first = str(verify(home, "made", FitSelection(), start_workers=start).differences[0])
    assert first.startswith("lenet/0 fold 1: learning rate of epoch 1: ")

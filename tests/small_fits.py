"""Fits that take a second of real training, and what runs them."""

from pathlib import Path

from trainer.architectures import source_digest
from trainer.fits.results import FitResult
from trainer.fits.seeds import Seeds
from trainer.fits.specs import FitSpec, Stopping
from trainer.hyperparameters import Value
from trainer.process.jobs import Job
from trainer.process.training_process import TrainingProcess
from trainer.user_code import UserSource

BASELINE: dict[str, Value] = {
    "batch_size": 32,
    "dense_units": 64,
    "dropout": 0.3,
    "filters": 8,
    "learning_rate": 2e-3,
    "optimizer": "adam",
    "weight_decay": 1e-4,
}


def spec(stored: Path, fold: int | None = 0, *, trial: int = 0, **values: Value) -> FitSpec:
    """A small fit of the baseline."""
    return FitSpec(
        dataset=stored.name,
        architecture="baseline",
        architecture_digest=source_digest("baseline"),
        hyperparameters=tuple(sorted({**BASELINE, **values}.items())),
        folds=3,
        repeat=0,
        fold=fold,
        seeds=Seeds.of_fit(1, trial=trial, repeat=0, fold=0 if fold is None else fold),
        epochs=4,
        stopping=Stopping(patience=2),
    )


def run(process: TrainingProcess, stored: Path, what: FitSpec, source: UserSource | None = None) -> FitResult:
    """Run a fit and return its result."""
    job = Job(spec=what, dataset=str(stored), source=source)
    return process.run(job, lambda _number, _epoch, _seconds: None).result


def job(stored: Path, fold: int = 0, *, epochs: int = 2) -> Job:
    """Another small fit, as workers take it."""
    values: dict[str, Value] = {
        "batch_size": 32, "dense_units": 64, "dropout": 0.1, "filters": 8, "learning_rate": 1e-3,
        "optimizer": "adam", "weight_decay": 1e-4,
    }  # fmt: skip
    spec = FitSpec(
        dataset=stored.name,
        architecture="baseline",
        architecture_digest=source_digest("baseline"),
        hyperparameters=tuple(sorted(values.items())),
        folds=4,
        repeat=0,
        fold=fold,
        seeds=Seeds.of_fit(1, trial=0, repeat=0, fold=fold),
        epochs=epochs,
        stopping=Stopping(),
    )
    return Job(spec=spec, dataset=str(stored))

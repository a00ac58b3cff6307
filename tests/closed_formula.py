"""A trainer that is a closed formula: it stands in for TensorFlow wherever training is not the point."""

import hashlib
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sweeps.definition.plan import Plan, PlannedArchitecture
from sweeps.definition.prepare import Prepared
from sweeps.definition.spec import CrossValidation, Prune, Search, SweepSpec
from sweeps.execution.events import Event, Notice
from sweeps.execution.workers import OnEpoch
from tracking.ledger.file import TABLES
from tracking.ledger.ledger import Ledger
from trainer.datasets import Dataset, Loaded
from trainer.fits.environment import Environment
from trainer.fits.learning_rates import LearningRates
from trainer.fits.results import Epoch, FitResult, FitRun, Timing
from trainer.fits.specs import FitSpec
from trainer.hyperparameters import SHARED_SPACE, Choice, Float
from trainer.metrics.confusion import Confusion, macro_f1
from trainer.metrics.metric import MACRO_F1, Metric
from trainer.process.jobs import Job
from trainer.process.training_process import ProcessDied
from trainer.runtime.environment import PACKAGES, environment, of_training

SUPPORT = 50

#: Prunes soon, so that few made-up trials are enough to see it.
EAGER = Prune(startup=2, rungs=(1, 2))


def result_of(spec: FitSpec) -> FitResult:
    """Return a result that depends on the spec alone: good near a learning rate of 1e-3.

    Without a stopping rule all epochs are trained and nothing is watched. With dropout above 0.3 the fit
    fails on folds above 0, as a diverging one would.
    """
    values = dict(spec.hyperparameters)
    if float(values.get("dropout", 0.0)) > 0.3 and spec.fold:
        return FitResult(key=spec.key, state="failed", reason="training diverged: made up")
    # The formula changes neither with refold's arithmetic nor with the machine: only keys and digests do.
    same = replace(spec, procedure=2, platform=()).key
    noise = int.from_bytes(hashlib.sha256(same.encode()).digest()[:2], "little") / 65536
    quality = 0.9 - 0.1 * abs(math.log10(float(values["learning_rate"])) + 3) + 0.05 * noise
    hits = min(SUPPORT, max(0, round(SUPPORT * quality)))
    confusion = ((hits, SUPPORT - hits), (SUPPORT - hits, hits))
    epochs = spec.epochs if spec.stopping is None else 2 + int(noise * 3)
    for rung in spec.thresholds.rungs if spec.thresholds else ():
        value = _scaled(spec.metric, quality - 0.1 / rung.epoch)
        if rung.epoch <= epochs and value < rung.f1:
            reached = _epochs(spec, quality, rung.epoch)
            reason = f"stop-set {spec.metric.label} {value:.4f}, where {rung.f1:.4f} was asked for"
            digest = reached[-1].weights_sha256
            return FitResult(
                key=spec.key, state="pruned", reason=reason, epochs=reached, best_epoch=rung.epoch,
                parts_sha256=_parts(spec), initial_weights_sha256=spec.key[:64], weights_sha256=digest,
            )  # fmt: skip
    return FitResult(
        key=spec.key,
        state="complete",
        parts_sha256=_parts(spec),
        initial_weights_sha256=spec.key[:64],
        probabilities_sha256=hashlib.sha256(f"{spec.key}p".encode()).hexdigest(),
        epochs=_epochs(spec, quality, epochs),
        best_epoch=epochs,
        weights_sha256=hashlib.sha256(f"{spec.key}{epochs}".encode()).hexdigest(),
        predictions=b"\x00\x00\x01\x00",
        confidences=b"\x00\x00\x80\x3f" * 2,
        confusion=confusion,
        f1=macro_f1(confusion),
        **_scored(spec.metric, quality, confusion),
    )


def _scaled(metric: Metric, quality: float) -> float:
    """Return a value of the metric for a quality in 0 to 1."""
    return metric.low + (metric.high - metric.low) * quality


def _scored(metric: Metric, quality: float, confusion: Confusion) -> dict[str, Any]:
    """Return what a result has of another metric than macro-F1."""
    if metric == MACRO_F1:
        return {}
    if metric.counts:
        return {"metric": metric.of(confusion)}
    sure = np.eye(2, dtype="<f4").tobytes()
    return {"metric": _scaled(metric, quality), "probabilities": sure}


def _parts(spec: FitSpec) -> str:
    return hashlib.sha256(f"{spec.seeds.split}{spec.fold}".encode()).hexdigest()


def _epochs(spec: FitSpec, quality: float, count: int) -> tuple[Epoch, ...]:
    rates, epochs = LearningRates(spec), list[Epoch]()
    for number in range(1, count + 1):
        epochs.append(_epoch(spec, quality, number, rates.recorded(number)))
        rates.watched(epochs[-1])
    return tuple(epochs)


def _epoch(spec: FitSpec, quality: float, number: int, rate: float | None) -> Epoch:
    watched, other = spec.stopping is not None, spec.metric != MACRO_F1
    return Epoch(
        loss=1 / number,
        accuracy=1 - 1 / (number + 1),
        stop_loss=1.1 / number if watched else None,
        stop_accuracy=1 - 1.1 / (number + 1) if watched else None,
        stop_f1=quality - 0.1 / number if watched else None,
        weights_sha256=hashlib.sha256(f"{spec.key}{number}".encode()).hexdigest(),
        learning_rate=rate,
        stop_metric=_scaled(spec.metric, quality - 0.1 / number) if watched and other else None,
    )


def run_of(spec: FitSpec) -> FitRun:
    """Return the result with made-up times, as a training process of this installation would."""
    result = result_of(spec)
    count = len(result.epochs)
    timing = Timing(
        started_at=1_790_000_000.0,
        ended_at=1_790_000_002.0,
        epoch_seconds=(2.0 / count,) * count if count else (),
    )
    return FitRun(result=result, timing=timing, environment=of_training())


class FormulaProcess:
    """Stands in for a ``TrainingProcess``: a fit waits, as if it trained, and is the formula.

    Args:
        log: file that takes what a process would print.
        seconds: that a fit takes.
    """

    def __init__(self, log: Path, seconds: float = 0.0) -> None:
        self._log, self._seconds = log, seconds
        self._killed = threading.Event()
        log.touch()

    def run(self, job: Job, on_epoch: Callable[[int, Epoch, float], None]) -> FitRun:
        """See ``TrainingProcess``."""
        assert Path(job.dataset, "images.npy").exists()
        run = run_of(job.spec)
        for number, epoch in enumerate(run.result.epochs, start=1):
            if self._killed.wait(self._seconds / len(run.result.epochs)):
                raise ProcessDied("it was told to")
            on_epoch(number, epoch, 1.0)
        return run

    def kill(self) -> None:
        """See ``TrainingProcess``."""
        self._killed.set()

    def close(self) -> None:
        """See ``TrainingProcess``."""
        self.kill()


class Saying:
    """Remembers what the user is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        """Keep a line."""
        self.said.append(text)

    def handle(self, event: Event) -> None:
        """Keep the text of notices."""
        if isinstance(event, Notice):
            self.say(event.text)


class Killed(BaseException):
    """What a coordinator that is killed sees: nothing. Tests raise it in its place."""


class InlineWorkers:
    """Runs jobs in this process.

    Args:
        count: number of workers.
        pick: ``pick(n)`` chooses which of n running jobs ends next.
        kill_after: the coordinator is killed when so many jobs have ended.
    """

    def __init__(
        self, count: int, pick: Callable[[int], int] = lambda _count: 0, kill_after: int | None = None
    ) -> None:
        self._names = [f"worker-{number}" for number in range(count)]
        self._pick = pick
        self._running: list[tuple[Job, str]] = []
        self._kill_after = kill_after
        self.trained: list[str] = []

    def idle(self) -> Sequence[str]:
        """See ``Workers``."""
        busy = {worker for _, worker in self._running}
        return [name for name in self._names if name not in busy]

    def submit(self, job: Job, worker: str) -> None:
        """See ``Workers``."""
        self._running.append((job, worker))

    def finished(self, timeout: float) -> Sequence[tuple[Job, FitRun]]:
        """See ``Workers``."""
        if self._kill_after == len(self.trained):
            raise Killed
        if not self._running:
            return []
        job, _ = self._running.pop(self._pick(len(self._running)))
        self.trained.append(job.spec.key)
        return [(job, run_of(job.spec))]


class SlowWorkers(InlineWorkers):
    """Training takes a while, so that MLflow is written meanwhile."""

    seconds = 0.15

    def finished(self, timeout: float) -> list[tuple[Job, FitRun]]:
        """See ``Workers``."""
        time.sleep(self.seconds)
        return list(super().finished(timeout))


def starter(workers: InlineWorkers) -> Callable[[OnEpoch], Any]:
    """Return what ``run_sweep`` takes to start workers."""

    @contextmanager
    def start(on_epoch: OnEpoch) -> Iterator[InlineWorkers]:
        yield workers

    return start


def plan(
    *,
    architectures: int = 2,
    trials: int = 4,
    folds: int = 3,
    window: int = 1,
    seed: int = 1,
    prune: Prune = EAGER,
) -> Plan:
    """Return a small plan over made-up architectures."""
    names = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")[:architectures]
    return Plan(
        seed=seed,
        dataset="d" * 64,
        platform=_environment().platform,
        trials=trials,
        cv=CrossValidation(folds=folds, epochs=5),
        search=Search(startup=2, window=window),
        prune=prune,
        architectures=tuple(
            PlannedArchitecture(
                name=name,
                digest=name,
                space={
                    **SHARED_SPACE,
                    "batch_size": Choice((32, 64)),
                    "dropout": Float(low=0.0, high=0.5),
                },
            )
            for name in names
        ),
    )


def prepared(made: Plan, name: str = "made-up") -> Prepared:
    """Return a sweep that is ready to run on made-up data: two images a fold, as the formula predicts."""
    count = 2 * made.cv.folds
    images = (np.arange(count * 64) % 256).astype(np.uint8).reshape(count, 8, 8, 1)
    labels = np.repeat(np.array([0, 1], dtype=np.int32), made.cv.folds)
    return Prepared(
        spec=SweepSpec(
            name=name, seed=made.seed, trials=made.trials, cv=made.cv, search=made.search, prune=made.prune
        ),
        text=f'name = "{name}"\n',
        plan=made,
        loaded=Loaded(
            search=Dataset(name="made-up", images=images, labels=labels, classes=("a", "b"), pixel_max=255.0)
        ),
        environment=_environment(),
    )


def _environment() -> Environment:
    """Return what made-up sweeps run on: one version of everything, and the kind of processor of this run."""
    return Environment(packages=dict.fromkeys(PACKAGES, "1.0"), cpu=environment().cpu)


def in_memory_ledger() -> Ledger:
    """Return an empty ledger that no disk slows down."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(TABLES)
    connection.execute("PRAGMA foreign_keys = ON")
    return Ledger(connection)

"""What MLflow costs: milliseconds of writing per trial, on SQLite and over HTTP with PostgreSQL.

Run ``python -m benchmarks.tracking`` with the development extra installed. Trials have 5 folds of 20 epochs
(508 metric points each) and the predictions of 1,797 images, and are written as a sweep writes them: once
when they begin, once after each fold. All of it happens in the recorder's thread; the last line is what a fit
costs the loop that hands out training.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sweeps.definition.prepare import Prepared
from sweeps.execution.loop import enter
from tests.closed_formula import plan, prepared, run_of
from tests.mlflow_server import MlflowServer
from tests.postgresql import postgresql_server
from tracking.ledger.ledger import Ledger
from tracking.mlflow import content, files
from tracking.mlflow.content import trial_content
from tracking.mlflow.files import Files
from tracking.mlflow.recorder import Recorder
from tracking.mlflow.view import MlflowView
from tracking.records import SweepRecord, TrialRecord
from tracking.reports.out_of_fold import HeldOut
from trainer.datasets import Dataset, DatasetSource, Loaded, load, open_stored, store
from trainer.fits.results import Epoch, FitRun, Timing
from trainer.fits.specs import FitSpec
from trainer.fits.split import Split
from trainer.metrics.confusion import confusion_matrix, macro_f1

FOLDS, EPOCHS = 5, 20


def made_up_run(spec: FitSpec, data: Dataset, started_at: float) -> FitRun:
    """Return a fit of 20 epochs that takes 4 % of its held-out images for the next class."""
    images, labels = Split.of_fit(spec, data).held_out(spec.fold or 0), data.labels
    wrong = images % 25 == 0
    predicted = (labels[images] + wrong) % 10
    confusion = confusion_matrix(labels[images], predicted, classes=10)
    epochs = tuple(
        Epoch(
            loss=2 / n, accuracy=1 - 1 / (n + 1), stop_loss=2.2 / n, stop_accuracy=1 - 1.1 / (n + 1),
            stop_f1=1 - 1 / (n + 1), weights_sha256=f"{n:064x}",
        )
        for n in range(1, EPOCHS + 1)
    )  # fmt: skip
    made = run_of(spec)
    result = replace(
        made.result, state="complete", reason=None, epochs=epochs, best_epoch=EPOCHS,
        predictions=predicted.astype("<u2").tobytes(),
        confidences=np.full(len(images), 0.9, dtype="<f4").tobytes(),
        confusion=confusion, f1=macro_f1(confusion), weights_sha256=spec.key,
    )  # fmt: skip
    timing = Timing(started_at=started_at, ended_at=started_at + 20, epoch_seconds=(1.0,) * EPOCHS)
    return replace(made, result=result, timing=timing)


def growing(home: Path, trials: int) -> tuple[list[SweepRecord], list[float]]:
    """Run a made-up sweep; return its record after each fold, and the seconds each fit took to record."""
    data = load(DatasetSource(source="digits"), base=Path()).search
    made = plan(architectures=1, trials=trials, folds=FOLDS)
    made = replace(made, dataset=data.fingerprint)
    ready: Prepared = replace(prepared(made), loaded=Loaded(search=data))
    store(data, home / "datasets")
    records, seconds = [], []
    with Ledger.open(home) as ledger:
        enter(ready, ledger)
        for number in range(trials):
            values = {"learning_rate": 0.001 * (number + 1), "batch_size": 32, "dropout": 0.1}
            specs = made.fit_specs(made.architectures[0], number, values)
            ledger.add_proposal("made-up", made.architectures[0].name, number, specs, 1e9 + 100 * number)
            records.append(ledger.sweep("made-up"))
            for place, spec in enumerate(specs):
                run = made_up_run(spec, data, 1e9 + 100 * number + 20 * place)
                began = time.perf_counter()
                ledger.add_run(spec, run)
                seconds.append(time.perf_counter() - began)
                records.append(ledger.sweep("made-up"))
    return records, seconds


class Cost:
    """Milliseconds on the clock and of this process's processor time, one of each for a trial."""

    def __init__(self) -> None:
        self.clock: list[float] = []
        self.processor: list[float] = []

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Take the times of a block."""
        clock, processor = time.perf_counter(), time.thread_time()
        yield
        self.clock.append(1000 * (time.perf_counter() - clock))
        self.processor.append(1000 * (time.thread_time() - processor))

    def __str__(self) -> str:
        """Give the least and the median on the clock, and the median of the processor's time."""
        clock, processor = statistics.median(self.clock), statistics.median(self.processor)
        return f"{min(self.clock):>8.0f} {clock:>8.0f} {processor:>10.0f}"


class Drawn:
    """The artifacts of trials, drawn beforehand, so that writing and drawing can be told apart."""

    def __init__(self, record: SweepRecord, held_out: HeldOut) -> None:
        self.cost, self._bytes = Cost(), {}
        for trial in record.trials:
            with self.cost.counting():
                files = trial_content(record, trial, held_out).files
                self._bytes[trial.number] = {name: draw() for name, draw in files.items()}

    def trial_files(self, record: SweepRecord, trial: TrialRecord, *more: Any) -> tuple[Files, str]:
        """Stand in for ``mlflow_files.trial_files``: the same, but drawn already."""
        _, digest = files.trial_files(record, trial, *more)
        ready = self._bytes[trial.number]
        return {name: partial(ready.__getitem__, name) for name in ready}, digest


def cost_of_writing(view: MlflowView, records: Sequence[SweepRecord]) -> Cost:
    """Write every record in turn; return what each trial cost, but for the first, which makes the tables."""
    cost, size = Cost(), 1 + FOLDS
    for start in range(0, len(records), size):
        with cost.counting():
            for record in records[start : start + size]:
                view.write(record)
    del cost.clock[0], cost.processor[0]
    return cost


@contextmanager
def places(folder: Path) -> Iterator[Iterator[tuple[str, str, Path | None]]]:
    """Yield the name, the URI and the artifact folder of each place to write to."""

    def each() -> Iterator[tuple[str, str, Path | None]]:
        yield "writing, SQLite", f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts"
        with postgresql_server() as postgresql:
            server = MlflowServer(postgresql.database(), folder)
            with server.running():
                yield "writing, HTTP+PG", server.uri, None

    yield each()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=12)
    trials = parser.parse_args().trials
    say = sys.stdout.write
    with tempfile.TemporaryDirectory(prefix="refold-benchmark-") as name:
        folder = Path(name)
        records, seconds = growing(folder / "home", trials)
        say(f"{trials} trials of {FOLDS} folds, {EPOCHS} epochs; load {os.getloadavg()[0]:.1f}\n\n")
        say(f"ms a trial{'least':>17} {'median':>8} {'processor':>10}\n")
        fingerprint = records[0].dataset.fingerprint
        drawn = Drawn(records[-1], HeldOut(open_stored(folder / "home" / "datasets" / fingerprint)))
        say(f"{'drawing, anywhere':<18} {drawn.cost}\n")
        vars(content).update(trial_files=drawn.trial_files, sweep_files=lambda *_, **__: ({}, ""))
        with places(folder) as found:
            for title, uri, artifacts in found:
                view = MlflowView(uri, artifacts, "benchmark", folder / "home" / "datasets")
                say(f"{title:<18} {cost_of_writing(view, records)}\n")
        recorder = Recorder(lambda: records[-1], _NoView, lambda _: None)
        began = time.perf_counter()
        for _ in range(1000):
            recorder.nudge()
        nudge = (time.perf_counter() - began) / 1000
        recorder.close(10)
        say("\non the training path, per fit: ")
        say(f"{1000 * statistics.median(seconds):.1f} ms to record it in the ledger, ")
        say(f"{1e6 * nudge:.0f} us to tell MLflow's thread\n")


class _NoView:
    def write(self, record: SweepRecord, *, live: bool = True) -> None:
        """Write nothing."""


if __name__ == "__main__":
    main()

"""What a cluster costs its coordinator and its scheduler: ``python -m benchmarks.cluster``.

Real processes, a real ledger, real proposals; only the fits are simulated: each worker process waits
for a while and makes a result up, as large as a real one. So 64 workers fit on a small machine, and what is
measured is everything but training: what it takes, and how that grows with the number of trials.
"""

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from sweeps.cluster.address import ClusterAddress, read_address
from sweeps.cluster.coordinator import cluster_workers
from sweeps.cluster.services import serve_workers
from sweeps.cluster.worker_tasks import Equipment
from sweeps.definition.plan import Plan, PlannedArchitecture
from sweeps.definition.prepare import Prepared
from sweeps.definition.spaces import complete_space
from sweeps.definition.spec import CrossValidation, Prune, Search, SweepSpec
from sweeps.execution.events import Event, TrialEnded
from sweeps.execution.loop import run_sweep
from tracking.ledger.ledger import Ledger
from trainer.architectures import BUILT_IN
from trainer.datasets import Dataset, Loaded
from trainer.fits.results import Epoch, FitResult, FitRun, Timing
from trainer.fits.specs import FitSpec
from trainer.metrics.confusion import macro_f1
from trainer.process.jobs import Job
from trainer.process.training_process import ProcessDied
from trainer.runtime.environment import environment

CLASSES, EPOCHS, FOLDS = 10, 5, 2


class Simulated:
    """In the place of a ``TrainingProcess``: waits, and makes up a result.

    Args:
        seconds: that a fit takes.
        images: that are held out.
    """

    def __init__(self, seconds: float, images: int) -> None:
        self._seconds, self._images, self._killed = seconds, images, threading.Event()

    def run(self, job: Job, on_epoch: Callable[[int, Epoch, float], None]) -> FitRun:
        """See ``TrainingProcess``."""
        begun = time.time()
        result = made_up(job.spec, self._images)
        for number, epoch in enumerate(result.epochs, start=1):
            if self._killed.wait(self._seconds / EPOCHS):
                raise ProcessDied("it was told to")
            on_epoch(number, epoch, self._seconds / EPOCHS)
        seconds = (self._seconds / EPOCHS,) * EPOCHS
        timing = Timing(started_at=begun, ended_at=time.time(), epoch_seconds=seconds)
        return FitRun(result=result, timing=timing, environment=environment())

    def kill(self) -> None:
        """See ``TrainingProcess``."""
        self._killed.set()

    def close(self) -> None:
        """See ``TrainingProcess``."""
        self.kill()


def made_up(spec: FitSpec, images: int) -> FitResult:
    """Return a result that depends on the spec alone, as large as that of a real fit."""
    rng = np.random.default_rng(int(spec.key[:15], 16))
    true = np.arange(images) % CLASSES
    predicted = np.where(rng.random(images) < 0.9, true, rng.integers(0, CLASSES, images))
    confusion = np.zeros((CLASSES, CLASSES), dtype=int)
    np.add.at(confusion, (true, predicted), 1)
    table = tuple(tuple(map(int, row)) for row in confusion)
    digests = [hashlib.sha256(f"{spec.key}{number}".encode()).hexdigest() for number in range(EPOCHS)]
    return FitResult(
        key=spec.key,
        state="complete",
        parts_sha256=digests[0],
        initial_weights_sha256=digests[1],
        probabilities_sha256=digests[2],
        epochs=tuple(
            Epoch(
                loss=1 / (number + 1),
                accuracy=0.9,
                stop_loss=1.0,
                stop_accuracy=0.9,
                stop_f1=0.9,
                weights_sha256=digest,
            )
            for number, digest in enumerate(digests)
        ),
        best_epoch=EPOCHS,
        weights_sha256=digests[-1],
        predictions=predicted.astype("<u2").tobytes(),
        confidences=rng.random(images, dtype=np.float32).astype("<f4").tobytes(),
        confusion=table,
        f1=macro_f1(table),
    )


def prepared(trials: int, images: int, window: int) -> Prepared:
    """Return a sweep over the six architectures, ``trials`` in all."""
    rng = np.random.default_rng(1)
    data = Dataset(
        name="noise",
        images=rng.integers(0, 256, (FOLDS * images, 8, 8, 1), dtype=np.uint8),
        labels=(np.arange(FOLDS * images) % CLASSES).astype(np.int32),
        classes=tuple(map(str, range(CLASSES))),
        pixel_max=255.0,
    )
    cv, search, prune = (
        CrossValidation(folds=FOLDS, epochs=EPOCHS),
        Search(window=window),
        Prune(enabled=False),
    )
    each = -(-trials // len(BUILT_IN))
    plan = Plan(
        seed=1,
        dataset=data.fingerprint,
        trials=each,
        cv=cv,
        search=search,
        prune=prune,
        architectures=tuple(
            PlannedArchitecture(name=name, digest=name, space=complete_space(name, built_in.space, {}))
            for name, built_in in BUILT_IN.items()
        ),
    )
    spec = SweepSpec(name="simulated", trials=each, cv=cv, search=search, prune=prune)
    return Prepared(spec=spec, text="", plan=plan, loaded=Loaded(search=data), environment=environment())


@dataclass(slots=True)
class Meter:
    """Prints a row of the table whenever so many trials have ended.

    Attributes:
        scheduler: its process.
        home: of the ledger.
        every: trials between two rows.
    """

    scheduler: psutil.Process
    home: Path
    every: int
    ended: int = 0
    begun: float = 0.0
    before: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def handle(self, event: Event) -> None:
        """Count ended trials."""
        if isinstance(event, TrialEnded):
            self.ended += 1
            if self.ended % self.every == 0:
                self.row()

    def row(self) -> None:
        """Print what has been used, and by each of the last trials."""
        now = (time.monotonic() - self.begun, _cpu(psutil.Process()), _cpu(self.scheduler))
        each = [1000 * (new - old) / self.every for new, old in zip(now, self.before, strict=True)]
        memory = [process.memory_info().rss / 2**20 for process in (psutil.Process(), self.scheduler)]
        ledger = (self.home / "ledger.sqlite").stat().st_size / 2**20
        self.before = now
        print(
            f"| {self.ended:>6} | {now[0]:>6.0f} | {each[0]:>6.0f} | {each[1]:>6.0f} | {memory[0]:>6.0f} "
            f"| {each[2]:>6.0f} | {memory[1]:>6.0f} | {ledger:>6.0f} |",
            flush=True,
        )


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


HEAD = """\
| trials | s | ms a trial | coordinator: CPU ms a trial | MiB | scheduler: CPU ms a trial | MiB | ledger MiB |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""


@contextmanager
def command(arguments: Sequence[str], log: Path) -> Iterator[psutil.Process]:
    """Run a command of this Python for the time of a block."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments], stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Run the sweep and print the table."""
    address_file, home = folder / "scheduler.json", folder / "home"
    home.mkdir()
    starting = ["-m", "refold", "scheduler", "--port", "0", "--scheduler-file", str(address_file)]
    with ExitStack() as stack:
        scheduler = stack.enter_context(command(starting, folder / "scheduler.log"))
        while not address_file.exists():
            time.sleep(0.1)
        address = read_address(str(address_file), None)
        worker = ["-m", "benchmarks.cluster", "--serve", address.url, "--folder", str(folder)]
        worker += ["--seconds", str(options.seconds), "--images", str(options.images)]
        for _ in range(options.workers):
            stack.enter_context(command(worker, folder / "workers.log"))
        workers = stack.enter_context(
            cluster_workers(address, expected=options.workers, patience=600, say=print)
        )
        meter = Meter(scheduler=scheduler, home=home, every=options.every)
        print(HEAD, flush=True)
        meter.begun = time.monotonic()
        meter.before = (0.0, _cpu(psutil.Process()), _cpu(scheduler))
        with Ledger.open(home) as ledger:
            run_sweep(
                prepared(options.trials, options.images, options.window),
                home,
                ledger,
                start_workers=lambda _on_epoch: nullcontext(workers),
                workers=options.workers,
                progress=meter,
            )
        print(f"\n{meter.ended} trials, {meter.ended * FOLDS} fits in {time.monotonic() - meter.begun:.0f} s")


def serve(options: argparse.Namespace) -> None:
    """Be one worker process."""
    own = options.folder / "worker" / "datasets"
    own.mkdir(parents=True, exist_ok=True)
    equipment = Equipment(
        log=options.folder / "training.log",
        datasets=(own,),
        own=own,
        process=lambda _log: Simulated(options.seconds, options.images),  # type: ignore[arg-type, return-value]
    )
    address = ClusterAddress(options.serve)
    serve_workers(address, [equipment], folder=options.folder / "worker", patience=600, say=print)


def main() -> None:
    """Read the options and measure, or be one of the workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=64, help="worker processes (default: 64)")
    parser.add_argument("--trials", type=int, default=5000, help="in all (default: 5000)")
    parser.add_argument("--window", type=int, default=6, help="of the search (default: 6)")
    parser.add_argument("--seconds", type=float, default=1.0, help="that a fit takes (default: 1)")
    parser.add_argument("--images", type=int, default=900, help="held out in each fold (default: 900)")
    parser.add_argument("--every", type=int, default=500, help="trials between rows (default: 500)")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options)
        return
    cores, memory = len(os.sched_getaffinity(0)), psutil.virtual_memory().total / 2**30
    print(
        f"{environment().cpu.get('model name')}, {cores} cores, {memory:.0f} GiB, load "
        f"{os.getloadavg()[0]:.1f}; {options.workers} worker processes, fits of {options.seconds:g} s\n"
    )
    with tempfile.TemporaryDirectory(prefix="refold-cluster-") as folder:
        measure(options, Path(folder))


if __name__ == "__main__":
    main()

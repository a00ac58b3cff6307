"""Where fits run: the narrow interface to workers, and Dask behind it."""

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import dask
from distributed import Client, Future, LocalCluster

from sweeps.worker_process import CONFIGURATION, EPOCHS, run_job
from trainer.results import FitRun
from trainer.runtime import training_environment
from trainer.worker import Job

EpochEvent = Mapping[str, Any]


class WorkersFailed(Exception):
    """The workers cannot go on: one line that says why. What has been recorded is safe."""


class Workers(Protocol):
    """Runs jobs, each at least once, one at a time on each worker.

    A job whose worker dies is run again on another; its result is the same. Not thread-safe.
    """

    def idle(self) -> Sequence[str]:
        """Return the names of the workers that have nothing to do, in a fixed order."""
        ...

    def submit(self, job: Job, worker: str) -> None:
        """Start a job, on ``worker`` if it is still there."""
        ...

    def finished(self, timeout: float) -> Sequence[tuple[Job, FitRun]]:
        """Wait up to ``timeout`` seconds for jobs to end; return those that did, perhaps none.

        Raises:
            WorkersFailed: if a job cannot be run.
        """
        ...


class DaskWorkers:
    """Workers behind a Dask scheduler."""

    def __init__(self, client: Client, on_epoch: Callable[[EpochEvent], None]) -> None:
        self._client = client
        self._running: dict[str, tuple[Job, str, Future]] = {}
        self._ended: queue.Queue[str] = queue.Queue()
        client.subscribe_topic(EPOCHS, lambda event: on_epoch(event[1]))

    def idle(self) -> Sequence[str]:
        """See ``Workers``."""
        busy = {worker for _, worker, _ in self._running.values()}
        return sorted(w for w in self._client.scheduler_info(n_workers=-1)["workers"] if w not in busy)

    def submit(self, job: Job, worker: str) -> None:
        """See ``Workers``."""
        key = job.spec.key
        future = self._client.submit(
            run_job, job, key=f"fit-{key}", pure=False, workers=[worker], allow_other_workers=True
        )
        self._running[key] = (job, worker, future)
        future.add_done_callback(lambda _: self._ended.put(key))

    def finished(self, timeout: float) -> Sequence[tuple[Job, FitRun]]:
        """See ``Workers``."""
        keys = []
        try:
            keys.append(self._ended.get(timeout=timeout))
            while True:
                keys.append(self._ended.get_nowait())
        except queue.Empty:
            return [self._collect(key) for key in keys]

    def _collect(self, key: str) -> tuple[Job, FitRun]:
        job, _, future = self._running.pop(key)
        error = future.exception()
        if error is not None:
            spec = job.spec
            raise WorkersFailed(
                f"the fit of {spec.architecture} on fold {spec.fold} could not be run: "
                f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''} "
                "(the workers' log in the home folder says more)"
            ) from error
        run: FitRun = future.result()
        return job, run


@contextmanager
def local_workers(
    count: int, log: Path, on_epoch: Callable[[EpochEvent], None] = lambda _event: None
) -> Iterator[DaskWorkers]:
    """Start a scheduler in this process and ``count`` workers beside it, and end them on leaving.

    Args:
        count: number of worker processes, at least 1.
        log: file that takes what the workers print.
        on_epoch: told of each finished epoch: the fit's key, epoch from 1, stop-set F1, seconds.

    Raises:
        WorkersFailed: if the workers do not start.
    """
    with (
        dask.config.set(CONFIGURATION | {"distributed.comm.timeouts.connect": "60s"}),
        LocalCluster(
            n_workers=0,
            processes=False,
            protocol="tcp://",
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs=50,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
        _worker_processes(cluster.scheduler_address, count, log),
    ):
        yield DaskWorkers(client, on_epoch)


@contextmanager
def _worker_processes(address: str, count: int, log: Path) -> Iterator[None]:
    """Keep ``count`` worker processes running: one that dies is replaced."""
    ending = threading.Event()
    processes: list[subprocess.Popen[bytes]] = []

    def start(number: int) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "sweeps.worker_process", address, f"{number}-{time.time_ns()}"],
                env=training_environment(),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is the coordinator's to handle
            )

    def watch() -> None:
        while not ending.wait(0.5):
            for number, process in enumerate(processes):
                if process.poll() is not None and not ending.is_set():
                    processes[number] = start(number)

    processes += [start(number) for number in range(count)]
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ending.set()
        watcher.join()
        for process in processes:
            process.kill()
            process.wait()
            if process.stdin:
                process.stdin.close()

"""Workers behind Dask: the one file that imports it.

A Dask worker trains nothing itself: it holds a ``TrainingProcess`` and hands it one fit at a time. So on one
machine the workers are threads of the coordinator, and what costs memory are the training processes alone.
"""

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dask
from distributed import Client, Future, LocalCluster, Worker, WorkerPlugin, get_worker

from sweeps.workers import EpochEvent, WorkersFailed
from trainer.process import OutOfMemory, ProcessDied, TrainingProcess
from trainer.results import Epoch, FitRun
from trainer.worker import Job, out_of_memory

#: Dask's event topic on which finished epochs are announced.
EPOCHS = "refold-epochs"

#: A fit whose process dies so often will not do better the next time.
DEATHS_ALLOWED = 3

#: Dask's statistical profiler cost a training worker a quarter of its speed (17.2 s against 13.3 s).
CONFIGURATION = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.limit": "1h",
    # Dask starts a web server with every scheduler and worker, asked or not: it has nothing to say here.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}

#: ... and without an address of its own it listens on all interfaces.
LOOPBACK = "127.0.0.1:0"


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
            raise WorkersFailed(f"the fit of {spec.architecture} on fold {spec.fold} cannot be run: {error}")
        run: FitRun = future.result()
        return job, run


class Trainer(WorkerPlugin):  # type: ignore[misc]  # Dask has no types
    """Gives a Dask worker its training process, and another one when that dies."""

    name = "refold-trainer"

    def __init__(self, log: Path) -> None:
        self._log = log
        self._closing = False

    def setup(self, worker: Worker) -> None:
        """Start the process; it imports TensorFlow while Dask does the rest."""
        self._process = TrainingProcess(self._log)

    def teardown(self, worker: Worker) -> None:
        """End the process with its worker, whatever it is at."""
        self._closing = True
        self._process.close()

    def run(self, job: Job, on_epoch: Callable[[int, Epoch, float], None]) -> FitRun:
        """Run a fit, again if its process dies.

        Returns:
            The run; a failed one if the fit has run out of memory so often that it will again.

        Raises:
            ProcessDied: if its process dies too often for any other reason.
        """
        started_at = time.time()
        for _ in range(DEATHS_ALLOWED):
            try:
                return self._process.run(job, on_epoch)
            except ProcessDied as death:
                reason = death
                if self._closing:
                    raise
                self._process.close()
                self._process = TrainingProcess(self._log)
        if isinstance(reason, OutOfMemory):
            return out_of_memory(job.spec, str(reason), DEATHS_ALLOWED, started_at)
        raise ProcessDied(f"{reason}, {DEATHS_ALLOWED} times over")


def run_job(job: Job) -> FitRun:
    """Run one fit as a Dask task, announcing each epoch as it ends."""
    here = get_worker()

    def announce(number: int, epoch: Epoch, seconds: float) -> None:
        event = {"key": job.spec.key, "epoch": number, "f1": epoch.stop_f1, "seconds": seconds}
        here.log_event(EPOCHS, event)

    run: FitRun = here.plugins[Trainer.name].run(job, announce)
    return run


@contextmanager
def local_workers(
    count: int, log: Path, on_epoch: Callable[[EpochEvent], None] = lambda _event: None
) -> Iterator[DaskWorkers]:
    """Start a scheduler and ``count`` workers on this machine, and end them on leaving.

    Args:
        count: number of training processes, at least 1.
        log: file that takes what they print.
        on_epoch: told of each finished epoch: the fit's key, epoch from 1, stop-set F1, seconds.
    """
    with (
        dask.config.set(CONFIGURATION),
        LocalCluster(
            n_workers=0,
            processes=False,
            dashboard_address=LOOPBACK,
            worker_dashboard_address=LOOPBACK,
            memory_limit=0,
            silence_logs=50,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        # Each worker gets an object of its own, although all of them are threads of this process.
        client.register_plugin(Trainer(log))
        cluster.scale(count)
        client.wait_for_workers(count)
        yield DaskWorkers(client, on_epoch)

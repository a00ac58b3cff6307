"""Code that runs on a Dask worker: it joins the cluster, receives datasets, and runs one fit at a time.

A Dask worker trains nothing itself: it has a ``TrainingProcess`` and passes it one fit at a time. So the
workers of one machine can be threads of one process, and only the training processes need much memory.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from distributed import Worker, WorkerPlugin, get_worker

from sweeps.cluster.compatibility import Description, describe
from sweeps.diagnostics.machine import memory_for_images
from sweeps.execution.events import EpochEnded
from trainer.datasets import transfer
from trainer.errors import UsageError
from trainer.fits.results import Epoch, FitRun
from trainer.process.jobs import Job, out_of_memory, out_of_time
from trainer.process.training_process import OutOfMemory, ProcessDied, TrainingProcess

#: Dask's event topic on which finished epochs are announced.
EPOCHS = "refold-epochs"

#: How often a fit's process may die; then the fit is not tried again.
DEATHS_ALLOWED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """The settings of a machine's workers.

    Attributes:
        log: the file that takes what training processes print.
        datasets: folders to search for stored datasets; each dataset is a folder named by its fingerprint.
        own: the one of these folders that takes datasets from the coordinator; None for workers on the
            coordinator's own machine, which use its folder.
        process: function that starts a training process that prints to a log file.
        description: the worker's description.
    """

    log: Path
    datasets: tuple[Path, ...] = ()
    own: Path | None = None
    process: Callable[[Path], TrainingProcess] = TrainingProcess
    description: Description = field(default_factory=describe)

    def find(self, given: Path) -> Path | None:
        """Return this machine's folder of the dataset that the coordinator has at ``given``, or None."""
        folders = (given.parent,) if self.own is None else self.datasets
        return transfer.find(given.name, folders)


class Unwanted(Exception):
    """This fit's result is not needed any more: its coordinator has ended, or another worker has the fit."""


class Trainer(WorkerPlugin):
    """Gives a Dask worker its training process, and a new one when that dies."""

    name = "refold-trainer"

    def __init__(self, equipment: Equipment) -> None:
        self.equipment = equipment
        self._closing = False
        self._overdue = False

    def setup(self, worker: Worker) -> None:
        """Start the process; it imports TensorFlow while Dask sets up the worker."""
        self._process = self.equipment.process(self.equipment.log)
        self._lock = threading.Lock()  # two coordinators may use one worker

    def teardown(self, worker: Worker) -> None:
        """End the process with its worker, even in the middle of a fit."""
        self._closing = True
        self._process.close()

    def run(self, job: Job, neighbours: int | None, on_epoch: Callable[[int, Epoch, float], None]) -> FitRun:
        """Run a fit; if its process dies, run it again.

        Args:
            job: the fit, with the coordinator's paths.
            neighbours: number of training processes that share this machine's memory; None if the job has the
                memory limit.
            on_epoch: called for each finished epoch.

        Returns:
            The run. It is a failed one if the fit ran out of memory in each attempt, or took longer than its
            limit.

        Raises:
            CannotStart: if no training process can start here.
            ProcessDied: if its process dies ``DEATHS_ALLOWED`` times for any other reason.
        """
        with self._lock:
            return self._run(self._at_home(job, neighbours), on_epoch)

    def _run(self, job: Job, on_epoch: Callable[[int, Epoch, float], None]) -> FitRun:
        started_at = time.time()
        for _ in range(DEATHS_ALLOWED):
            try:
                with self._limit(job.seconds):
                    return self._process.run(job, on_epoch)
            except ProcessDied as death:
                reason = death
                if self._closing:
                    raise
                self._renew()
                if self._overdue:
                    return out_of_time(job, started_at)
            except Unwanted:
                self._renew()
                raise
        if isinstance(reason, OutOfMemory):
            return out_of_memory(job.spec, str(reason), DEATHS_ALLOWED, started_at)
        raise ProcessDied(f"tried {DEATHS_ALLOWED} times; at last {reason}")

    def _renew(self) -> None:
        self._process.close()
        self._process = self.equipment.process(self.equipment.log)

    @contextmanager
    def _limit(self, seconds: float | None) -> Iterator[None]:
        """End the training process if the block takes longer than ``seconds``; None for no limit."""
        self._overdue = False
        if seconds is None:
            yield
            return

        def end() -> None:
            self._overdue = True
            self._process.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _at_home(self, job: Job, neighbours: int | None) -> Job:
        """Return the job with this machine's paths and memory limit."""
        given = Path(job.dataset)
        here = self.equipment.find(given)
        if here is None:
            raise UsageError(f"the dataset {given.name[:16]} is not on this machine any more")
        memory = job.memory if neighbours is None else memory_for_images(neighbours)
        return replace(job, dataset=str(here), memory=memory)


def run_job(job: Job, neighbours: int | None) -> FitRun:
    """Run one fit as a Dask task, announcing each epoch as it ends; see ``Trainer.run``."""
    here = get_worker()
    me = here.get_current_task()

    def announce(number: int, epoch: Epoch, seconds: float) -> None:
        task = here.state.tasks.get(me)
        if task is None or task.state != "executing":  # cancelled, but Dask cannot interrupt a running task
            raise Unwanted
        event = EpochEnded(
            key=job.spec.key, epoch=number, score=epoch.stop_score, seconds=seconds, worker=here.address
        )
        here.log_event(EPOCHS, asdict(event))

    return trainer_of(here).run(job, neighbours, announce)


def trainer_of(worker: Worker) -> Trainer:
    """Return the trainer of a worker that has joined."""
    trainer = worker.plugins[Trainer.name]
    assert isinstance(trainer, Trainer)  # noqa: S101 - no other plugin has that name
    return trainer


async def join(dask_worker: Worker) -> Description:
    """Return a worker's description. A worker that ``refold worker`` did not start gets a trainer first."""
    if Trainer.name not in dask_worker.plugins:
        folder = Path(dask_worker.local_directory)
        own = folder / "datasets"
        equipment = Equipment(log=folder / "training.log", datasets=(own,), own=own)
        await dask_worker.plugin_add(Trainer(equipment), name=Trainer.name)
    return trainer_of(dask_worker).equipment.description


async def has_dataset(stored: str, dask_worker: Worker) -> bool:
    """Return whether a worker has the dataset that the coordinator has in ``stored``."""
    equipment = trainer_of(dask_worker).equipment
    return await asyncio.to_thread(equipment.find, Path(stored)) is not None


async def take_part(part: transfer.Part, fingerprint: str, sender: str, dask_worker: Worker) -> None:
    """Receive a part of a dataset."""
    await asyncio.to_thread(transfer.take, part, _own(dask_worker), fingerprint, sender)


async def complete(fingerprint: str, sender: str, dask_worker: Worker) -> None:
    """Check a dataset whose parts have all arrived, and keep it."""
    await asyncio.to_thread(transfer.complete, _own(dask_worker), fingerprint, sender)


def _own(worker: Worker) -> Path:
    own = trainer_of(worker).equipment.own
    if own is None:
        raise UsageError("this worker takes no datasets")
    return own


def scheduler_software() -> Mapping[str, str]:
    """Return the scheduler's description: it must match, because it decodes what it passes on."""
    return {name: text for name, text in describe().items() if name in ("code", "python", "distributed")}

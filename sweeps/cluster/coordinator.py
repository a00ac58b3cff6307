"""The coordinator's side of Dask: workers on this machine, or on a cluster.

A worker is given one fit at a time and keeps it. All other fits wait here, in the order of trials. So the
loss of a worker or of the scheduler costs only the fits under way.
"""

import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from logging import CRITICAL
from pathlib import Path
from typing import Any

import dask
from distributed import CancelledError, Client, Future, KilledWorker, Scheduler, SpecCluster, Worker
from distributed.client import ClosedClientError

from sweeps.cluster.address import ClusterAddress, await_scheduler
from sweeps.cluster.compatibility import Description, describe, differences
from sweeps.cluster.membership import WITHIN_PROCESS, Members
from sweeps.cluster.settings import CONFIGURATION, LOOPBACK, TEMPORARY, quiet, security
from sweeps.cluster.worker_tasks import EPOCHS, Equipment, Trainer, run_job, scheduler_software
from sweeps.execution.events import EpochEnded
from sweeps.execution.workers import OnEpoch, WorkersFailed
from trainer.errors import UsageError
from trainer.fits.results import FitRun
from trainer.process.jobs import Job
from trainer.process.training_process import CannotStart
from trainer.quantities import counted, duration
from trainer.runtime.scratch import scratch_folder

#: Seconds between two checks of which workers are there.
LOOK = 0.5

#: Seconds that a running sweep waits for a scheduler, or for the first worker, to come back.
PATIENCE = 1800.0

#: Seconds to wait for a finished result before checking whether its worker is still there.
FETCH = 1.0

#: How often a fit may lose its worker. A fit that loses more is taken for the cause.
LOSSES_ALLOWED = 10

#: Settings for schedulers and workers that are threads of this process; only this machine reaches their web
#: servers.
WITHIN = {"protocol": WITHIN_PROCESS, "dashboard": False, "dashboard_address": LOOPBACK}


@dataclass(slots=True)
class Assignment:
    """A fit that a worker was given.

    Attributes:
        job: the fit.
        worker: its address.
        losses: number of workers that were lost while they trained this fit.
        future: Dask's future; None until the worker has the dataset that the fit needs.
    """

    job: Job
    worker: str
    losses: int = 0
    future: Future[FitRun] | None = None


class DaskWorkers:
    """Workers behind a Dask scheduler; see ``Workers``.

    Args:
        connect: function that connects to the scheduler; raises OSError while there is none.
        here: the coordinator's description.
        mixed: whether workers may have other kinds of processors or GPUs.
        share_memory: whether each worker computes its share of its machine's memory itself.
        on_epoch: called for each finished epoch.
        say: called with each line that the user should know.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        here: Description,
        *,
        mixed: bool = False,
        share_memory: bool = False,
        on_epoch: OnEpoch = lambda _event: None,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._connect, self._on_epoch, self._say = connect, on_epoch, say
        self._share_memory = share_memory
        self._news: queue.Queue[Callable[[], None]] = queue.Queue()
        self._members = Members(here, mixed, self._news.put, say)
        self._given: dict[str, Assignment] = {}
        self._unassigned: list[Assignment] = []
        self._unfetched: list[Assignment] = []
        self._ended: list[tuple[Job, FitRun]] = []
        self._looked_at = self._deserted_at = 0.0
        self._numbers = iter(range(10**9))
        self._begin()

    def idle(self) -> Sequence[str]:
        """See ``Workers``."""
        self._look()
        return [self._members.called(address) for address in self._free_workers()]

    def submit(self, job: Job, worker: str) -> None:
        """See ``Workers``."""
        self._give(Assignment(job, self._members.address(worker)))

    def finished(self, timeout: float) -> Sequence[tuple[Job, FitRun]]:
        """See ``Workers``."""
        self._take_in_news(timeout, lambda: bool(self._ended))
        self._look()
        unfetched, self._unfetched = self._unfetched, []
        for given in unfetched:
            self._collect(given)
        self._free_workers()
        ended, self._ended = self._ended, []
        return ended

    def await_members(self, expected: int, patience: float) -> None:
        """Wait until ``expected`` workers have joined.

        Raises:
            UsageError: if fewer have joined after ``patience`` seconds.
        """
        deadline = time.monotonic() + patience
        while len(self._members.admitted) < expected:
            if time.monotonic() > deadline:
                raise UsageError(self._too_few(expected, patience))
            self._look()
            self._take_in_news(0.1, lambda: False)

    @property
    def count(self) -> int:
        """Number of workers that may take fits."""
        return len(self._members.admitted)

    @property
    def begun(self) -> int:
        """Number of fits under way whose worker has their dataset."""
        return sum(given.future is not None for given in self._given.values())

    @property
    def gpu(self) -> str:
        """Kind of GPU that the workers train on; empty if they train on processors."""
        return self._members.here["gpu"]

    def close(self) -> None:
        """Leave the scheduler. Each worker gives up its fit at the end of the epoch that it is training."""
        with suppress(OSError, TimeoutError, RuntimeError):
            self._client.close(timeout=5)

    def _free_workers(self) -> list[str]:
        """Assign fits that lost their worker to free workers; return the workers that are still free."""
        busy = {given.worker for given in self._given.values()}
        free = sorted(self._members.admitted.keys() - busy)
        while self._unassigned and free:
            again = self._unassigned.pop(0)
            self._give(Assignment(again.job, free.pop(0), again.losses))
        return free

    def _too_few(self, expected: int, patience: float) -> str:
        there, refused = len(self._members.admitted), self._members.refused
        named = [f"{self._members.called(each)} ({reason})" for each, reason in sorted(refused.items())]
        why = f"; not used: {'; '.join(named)}" if named else ""
        met = counted(there, "worker") if there else "no workers"
        return f"{met} of {expected} expected {self._place} after {patience:.0f} s{self._hint}{why}"

    @property
    def _is_local(self) -> bool:
        """Whether scheduler and workers are threads of this process. No other worker can join then."""
        return self._at.startswith(WITHIN_PROCESS)

    @property
    def _place(self) -> str:
        return "on this machine" if self._is_local else f"at {self._at}"

    @property
    def _hint(self) -> str:
        return "" if self._is_local else f": start them with 'refold worker {self._at}'"

    def _begin(self) -> None:
        self._client = self._connect()
        self._connection = self._client.scheduler_comm
        self._at: str = self._scheduler.address
        self._client.subscribe_topic(EPOCHS, self._hear)

    @property
    def _scheduler(self) -> Any:
        """Dask's interface to the scheduler, whose functions have no types."""
        return self._client.scheduler

    def _hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        epoch = EpochEnded(**event[1])  # announced by ``worker_tasks.run_job``
        if epoch.key in self._given:  # other coordinators may use the same scheduler
            self._on_epoch(epoch)

    def _take_in_news(self, timeout: float, enough: Callable[[], bool]) -> None:
        """Run queued news for ``timeout`` seconds; once ``enough()`` is true, only what is queued already."""
        deadline = time.monotonic() + timeout
        while True:
            left = 0.0 if enough() else deadline - time.monotonic()
            try:
                news = self._news.get(timeout=left) if left > 0 else self._news.get_nowait()
            except queue.Empty:
                return
            news()

    def _give(self, given: Assignment) -> None:
        key = given.job.spec.key
        self._given[key] = given
        if self._members.has(given.worker, given.job.dataset):
            self._hand_over(given)
            return

        def then(failure: str | None) -> None:
            if self._given.get(key) is not given:
                return
            if failure is None:
                self._hand_over(given)
            else:
                self._members.refuse(given.worker, failure)
                self._take_back(given)
                self._check_deserted()

        self._members.deliver(self._client, given.worker, given.job.dataset, then)

    def _hand_over(self, given: Assignment) -> None:
        neighbours = self._members.neighbours(given.worker) if self._share_memory else None
        # Each attempt has its own name, because two coordinators or two attempts may ask for the same fit.
        name = f"fit-{given.job.spec.key[:16]}-{next(self._numbers)}-{id(self)}"
        try:
            given.future = self._client.submit(
                run_job, given.job, neighbours, key=name, pure=False, workers=[given.worker]
            )
        except ClosedClientError:  # the next check connects again
            self._take_back(given)
            return
        given.future.add_done_callback(lambda _: self._news.put(lambda: self._collect(given)))

    def _collect(self, given: Assignment) -> None:
        key, future = given.job.spec.key, given.future
        if self._given.get(key) is not given or future is None:
            return
        try:
            run: FitRun = future.result(timeout=FETCH)
        except (TimeoutError, UnboundLocalError):
            # The result may be lost with its worker: the next check shows that. Dask 2026.8 raises
            # UnboundLocalError if its own wait is cancelled, which has happened on a very busy machine.
            self._unfetched.append(given)
        except CancelledError:  # the scheduler is gone
            self._take_back(given)
        except KilledWorker:
            self._lose(given)
        except CannotStart as error:
            self._refuse_machine(given, error)
        except Exception as error:
            worker = self._members.called(given.worker)
            raise WorkersFailed(f"{given.job.name} cannot be run: {error} ({worker})") from error
        else:
            del self._given[key]
            self._ended.append((given.job, run))

    def _refuse_machine(self, given: Assignment, error: CannotStart) -> None:
        """Give no further fit to a machine that cannot train.

        Raises:
            WorkersFailed: if no other machine is left.
        """
        if self._is_local:  # all workers are of one machine
            raise WorkersFailed(str(error)) from error
        self._members.refuse(given.worker, str(error))
        self._take_back(given)
        if not self._members.admitted:
            raise WorkersFailed(f"{self._members.called(given.worker)}: {error}") from error

    def _take_back(self, given: Assignment) -> None:
        del self._given[given.job.spec.key]
        if given.future is not None:
            with suppress(OSError, RuntimeError):
                given.future.cancel(force=True)
        self._unassigned.append(given)

    def _lose(self, given: Assignment) -> None:
        given.losses += 1
        if given.losses > LOSSES_ALLOWED:
            raise WorkersFailed(
                f"{given.job.name} has lost {given.losses} workers: the fit itself may end them; "
                "see their logs, or narrow its hyperparameters"
            )
        self._take_back(given)

    def _look(self) -> None:
        """Check which workers came and which went, at most once per ``LOOK`` seconds."""
        if time.monotonic() - self._looked_at < LOOK:
            return
        try:
            # Dask reconnects by itself, but what was sent in between is lost.
            if self._client.status != "running" or self._client.scheduler_comm is not self._connection:
                raise OSError("the connection is gone")
            # Not 'scheduler_info': it may return the answer to another thread's request, which is without
            # workers.
            identity = self._client.sync(self._scheduler.identity, n_workers=-1)
            there = list(identity["workers"])
        except (OSError, TimeoutError):
            self._reconnect()
            return
        self._looked_at = time.monotonic()
        gone = set(self._members.look(self._client, there))
        lost = [given for given in self._given.values() if given.worker in gone]
        for given in lost:
            self._lose(given)
        if gone:
            names = _some([self._members.called(address) for address in sorted(gone)])
            self._say(
                f"{counted(len(gone), 'worker')} gone ({names}), "
                f"{len(self._members.admitted)} left; {len(lost)} of the fits under way begin again elsewhere"
            )
        self._check_deserted()

    def _check_deserted(self) -> None:
        """Say once that no worker is left, and give up if none has joined after ``PATIENCE`` seconds.

        Raises:
            UsageError: if all workers that are there were refused.
            WorkersFailed: if no worker has joined in that time.
        """
        if self._members.admitted or not (self._given or self._unassigned):
            self._deserted_at = 0.0
            return
        if self._members.refused:
            raise UsageError(self._too_few(1, 0))
        now = time.monotonic()
        if not self._deserted_at:
            self._deserted_at = now
            self._say(f"no worker is left {self._place}, waiting for one{self._hint}")
        if now - self._deserted_at > PATIENCE:
            raise WorkersFailed(
                f"no worker has joined {self._place} for {duration(PATIENCE)}; finished fits are "
                "recorded: run again to go on"
            )

    def _reconnect(self) -> None:
        """Wait until the scheduler is there again; the fits under way begin again.

        Raises:
            WorkersFailed: if it has not come back after ``PATIENCE`` seconds.
        """
        self._say(f"the scheduler {self._place} is gone: waiting for it to come back")
        self.close()
        self._members.forget_all()
        for given in list(self._given.values()):
            del self._given[given.job.spec.key]
            self._unassigned.append(given)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._begin()
            except (OSError, TimeoutError):
                if time.monotonic() > deadline:
                    raise WorkersFailed(
                        f"the scheduler {self._place} has not come back for {duration(PATIENCE)}; finished "
                        "fits are recorded: start it and run again to go on"
                    ) from None
                time.sleep(1)
            else:
                self._say(f"the scheduler is back; {counted(len(self._unassigned), 'fit')} to begin again")
                return


def _some(names: Sequence[str]) -> str:
    """Return the first three of many names.

    >>> _some(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


@contextmanager
def local_workers(count: int, log: Path, on_epoch: OnEpoch = lambda _event: None) -> Iterator[DaskWorkers]:
    """Start a scheduler and ``count`` workers on this machine, and end them on leaving the context.

    Args:
        count: number of training processes, at least 1.
        log: the file that takes what they print.
        on_epoch: called with an ``EpochEnded`` for each finished epoch.
    """
    with (
        scratch_folder() as folder,
        dask.config.set(CONFIGURATION | {TEMPORARY: str(folder)}),
        SpecCluster(
            workers={number: _local_worker(log) for number in range(count)},
            scheduler={"cls": Scheduler, "options": WITHIN},
            silence_logs=CRITICAL,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        workers = DaskWorkers(lambda: client, describe(), on_epoch=on_epoch)
        workers.await_members(count, patience=60)
        yield workers


def _local_worker(log: Path) -> Mapping[str, Any]:
    trainer = Trainer(Equipment(log=log))
    return {"cls": Worker, "options": WITHIN | {"nthreads": 1, "memory_limit": 0, "plugins": (trainer,)}}


@contextmanager
def cluster_workers(
    address: ClusterAddress,
    *,
    expected: int = 1,
    patience: float = 60.0,
    mixed: bool = False,
    device: str = "cpu",
    on_epoch: OnEpoch = lambda _event: None,
    say: Callable[[str], None] = lambda _text: None,
) -> Iterator[DaskWorkers]:
    """Use the workers of a cluster, including workers that join later; leave the cluster running.

    Args:
        address: its scheduler's address.
        expected: number of workers to wait for before anything begins, at least 1.
        patience: seconds to wait for the scheduler, and then again for the workers.
        mixed: whether workers may have other kinds of processors or GPUs.
        device: the device that the sweep's fits are trained on.
        on_epoch: as for ``local_workers``.
        say: called with each line that the user should know.

    Raises:
        UsageError: if the scheduler or the workers are not there, or run other software.
    """
    here = describe(device=device)

    def connect() -> Client:
        client = Client(
            address.url, security=security(address.certificates), set_as_default=False, timeout=10
        )
        _check_scheduler(client, address, here)
        return client

    if address.warning:
        say(f"warning: {address.warning}")
    await_scheduler(address, patience)
    with dask.config.set(CONFIGURATION), quiet():
        workers = DaskWorkers(connect, here, mixed=mixed, share_memory=True, on_epoch=on_epoch, say=say)
        try:
            workers.await_members(expected, patience)
            yield workers
        finally:
            workers.close()


def _check_scheduler(client: Client, address: ClusterAddress, here: Description) -> None:
    """Refuse a scheduler with other software: it decodes the messages that it passes on."""
    try:
        there = client.run_on_scheduler(scheduler_software)
    except (OSError, TimeoutError):
        client.close(timeout=5)
        raise
    except Exception as error:  # noqa: BLE001 - another installation may raise anything
        client.close(timeout=5)
        what = f"has no refold, or another release ({type(error).__name__}: {error})"
        raise UsageError(f"the scheduler at {address.url} {what}: install the same release there") from None
    found = differences({name: here[name] for name in there}, there)
    if found:
        client.close(timeout=5)
        raise UsageError(
            f"the scheduler at {address.url} is another release: {'; '.join(found.values())}; install the "
            "same one there"
        )

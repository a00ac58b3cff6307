"""Training processes of this machine as workers, without a scheduler: for a few fits."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from sweeps.execution.workers import WorkersFailed
from trainer.fits.results import Epoch, FitRun
from trainer.process.jobs import Job
from trainer.process.training_process import ProcessDied, TrainingProcess


class ProcessWorkers:
    """See ``Workers``. A fit whose process dies is not run again: ``finished`` raises.

    Args:
        processes: the training processes; the caller closes them.
        pool: a pool with one thread per process.
    """

    def __init__(self, processes: Sequence[TrainingProcess], pool: ThreadPoolExecutor) -> None:
        self._processes = {f"process {number}": process for number, process in enumerate(processes)}
        self._pool = pool
        self._running: dict[Future[FitRun], tuple[Job, str]] = {}

    def idle(self) -> Sequence[str]:
        """See ``Workers``."""
        busy = {worker for _, worker in self._running.values()}
        return [worker for worker in self._processes if worker not in busy]

    def submit(self, job: Job, worker: str) -> None:
        """See ``Workers``."""
        self._running[self._pool.submit(self._processes[worker].run, job, _unheard)] = (job, worker)

    def finished(self, timeout: float) -> Sequence[tuple[Job, FitRun]]:
        """See ``Workers``.

        Raises:
            WorkersFailed: if a process died in the middle of a fit, or no process can run it.
            CannotStart: if no training process can start here.
        """
        ended, _ = wait(self._running, timeout=timeout, return_when=FIRST_COMPLETED)
        return [self._result(future) for future in ended]

    def _result(self, future: Future[FitRun]) -> tuple[Job, FitRun]:
        job, _ = self._running.pop(future)
        try:
            return job, future.result()
        except (ProcessDied, RuntimeError) as error:
            raise WorkersFailed(f"{job.name} could not be trained: {error}") from error


def _unheard(_number: int, _epoch: Epoch, _seconds: float) -> None:
    """Ignore an epoch: these fits show no epochs."""


@contextmanager
def training_processes(
    count: int, log: Path, start: Callable[[Path], TrainingProcess] = TrainingProcess
) -> Iterator[ProcessWorkers]:
    """Start training processes, and end them on leaving the context, also after an error.

    Args:
        count: number of processes, at least 1.
        log: the file that takes what they print.
        start: a function that starts one process.
    """
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(count))
        # The processes are closed before the pool: the pool waits for its threads, which wait for processes.
        yield ProcessWorkers([stack.enter_context(closing(start(log))) for _ in range(count)], pool)

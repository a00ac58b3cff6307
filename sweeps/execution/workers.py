"""Where fits run: the narrow interface that the loop knows."""

from collections.abc import Callable, Sequence
from typing import Protocol

from sweeps.execution.events import EpochEnded
from trainer.errors import RefoldError
from trainer.fits.results import FitRun
from trainer.process.jobs import Job

#: Told of each epoch that a worker has finished, in another thread.
OnEpoch = Callable[[EpochEnded], None]


class WorkersFailed(RefoldError):
    """The workers cannot go on: one line that says why. What has been recorded is safe."""


class Workers(Protocol):
    """Runs jobs, each at least once, one at a time on each worker.

    A job whose worker dies is run again on another; its result is the same. Not thread-safe.
    """

    def idle(self) -> Sequence[str]:
        """Return the names, as people know them, of the workers that have nothing to do, in a fixed order."""
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

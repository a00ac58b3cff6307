"""Workers, which run fits: the interface that the loop uses."""

from collections.abc import Callable, Sequence
from typing import Protocol

from sweeps.execution.events import EpochEnded
from trainer.errors import RefoldError
from trainer.fits.results import FitRun
from trainer.process.jobs import Job

#: Called in another thread for each epoch that a worker has finished.
OnEpoch = Callable[[EpochEnded], None]


class WorkersFailed(RefoldError):
    """The workers cannot go on; the message says why in one line. All recorded fits are safe."""


class Workers(Protocol):
    """Runs jobs, each at least once, one at a time on each worker.

    A job whose worker dies is run again on another; its result is the same. Not thread-safe.
    """

    def idle(self) -> Sequence[str]:
        """Return the names (as users see them) of the workers that have nothing to do, in a fixed order."""
        ...

    def submit(self, job: Job, worker: str) -> None:
        """Start a job on ``worker``, or on another one if that is gone."""
        ...

    def finished(self, timeout: float) -> Sequence[tuple[Job, FitRun]]:
        """Wait up to ``timeout`` seconds for jobs to end; return the ended jobs, perhaps none.

        Raises:
            WorkersFailed: if a job cannot be run.
        """
        ...

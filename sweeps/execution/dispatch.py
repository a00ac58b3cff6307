"""Which of the waiting fits a free worker takes. This decides only how fast a sweep is, never its results."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from sweeps.diagnostics.machine import memory_for_images
from sweeps.execution.workers import Workers
from trainer.fits.results import FitRun
from trainer.process.jobs import Job

Item = TypeVar("Item")


def choose(
    waiting: Sequence[Item],
    group: Callable[[Item], Hashable],
    *,
    worker: str,
    last: Mapping[str, Hashable],
) -> Item:
    """Choose the fit that ``worker`` takes from ``waiting`` (not empty, most urgent first).

    Fits of one trial share a compiled trace. So a worker stays with the trial of its last fit; if that has no
    waiting fit, it takes one of a trial that no other worker trains; otherwise it takes the most urgent fit.

    Args:
        waiting: fits that may run.
        group: returns the trial of a fit.
        worker: the free worker.
        last: the trial of each worker's last fit.
    """
    own = [item for item in waiting if group(item) == last.get(worker)]
    others = {trial for name, trial in last.items() if name != worker}
    untouched = [item for item in waiting if group(item) not in others]
    return (own or untouched or list(waiting))[0]


def run_all(workers: Workers, jobs: Sequence[Job]) -> Iterator[tuple[Job, FitRun]]:
    """Run fits that can all begin at once, and yield each with its result as it ends.

    Jobs that say nothing of memory get their worker's share of it for images, as in a sweep.

    Raises:
        WorkersFailed: if a fit cannot be run.
    """
    share = memory_for_images(max(1, len(workers.idle())))
    waiting = [job if job.memory is not None else replace(job, memory=share) for job in jobs]
    running = 0
    last: dict[str, str] = {}
    while waiting or running:
        for worker in workers.idle():
            if waiting:
                job = choose(waiting, lambda job: job.spec.architecture, worker=worker, last=last)
                waiting.remove(job)
                workers.submit(job, worker)
                last[worker] = job.spec.architecture
                running += 1
        for ended in workers.finished(timeout=0.5):
            running -= 1
            yield ended

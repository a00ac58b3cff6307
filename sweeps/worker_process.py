"""A training process: ``python -m sweeps.worker_process SCHEDULER``.

It is a Dask worker that holds one fit at a time. Start it with ``trainer.runtime.training_environment()``:
what decides bits must be set before Python starts, which Dask's own nanny cannot do for all of it.
It ends when its standard input does, so a coordinator that is killed leaves no orphans.
"""

import asyncio
import os
import sys
import threading

import dask
from distributed import Worker, get_worker

from trainer import runtime, worker
from trainer.results import Epoch, FitRun

#: Dask's event topic on which finished epochs are announced.
EPOCHS = "refold-epochs"

#: Dask's statistical profiler cost a training worker a quarter of its speed (17.2 s against 13.3 s).
CONFIGURATION = {"distributed.worker.profile.enabled": False, "distributed.admin.tick.limit": "1h"}


def run_job(job: worker.Job) -> FitRun:
    """Run one fit as a Dask task, announcing each epoch as it ends."""
    here = get_worker()

    def announce(number: int, epoch: Epoch, seconds: float) -> None:
        here.log_event(
            EPOCHS, {"key": job.spec.key, "epoch": number, "f1": epoch.stop_f1, "seconds": seconds}
        )

    return worker.run(job, announce)


async def serve(address: str, name: str) -> None:
    """Serve the scheduler at ``address`` until it goes away."""
    async with Worker(address, nthreads=1, name=name, memory_limit=0, dashboard=False) as dask_worker:
        await dask_worker.finished()


def main() -> None:
    """Import TensorFlow, then connect: a worker that is listed is ready to train."""
    address, name = sys.argv[1:]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    runtime.prepare()
    with dask.config.set(CONFIGURATION):
        asyncio.run(serve(address, name))
    os._exit(0)  # a fit that nobody waits for any more must not hold the process


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()

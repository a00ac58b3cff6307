"""A scheduler, and workers, as commands that run until a signal stops them.

Each listens on one address: the scheduler on the given one, a worker on the address that it reaches the
scheduler from. Nothing listens on all interfaces unless the user asks for that.
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import dask
from distributed import Scheduler, Worker

from sweeps.cluster.address import ClusterAddress, address_towards, await_scheduler
from sweeps.cluster.certificates import Certificates
from sweeps.cluster.settings import CONFIGURATION, LOOPBACK, TEMPORARY, quiet, security
from sweeps.cluster.worker_tasks import Equipment, Trainer
from trainer.errors import UsageError
from trainer.quantities import counted
from trainer.runtime import interruption
from trainer.runtime.scratch import scratch_folder

Say = Callable[[str], None]


def serve_scheduler(
    host: str, port: int, *, certificates: Certificates | None, scheduler_file: Path | None, say: Say
) -> None:
    """Run a scheduler until a signal stops this process.

    Args:
        host: name or IP address of the interface to listen on; ``0.0.0.0`` for all.
        port: the port to listen on; 0 for any free one.
        certificates: the certificates for TLS; None for plain TCP.
        scheduler_file: the file that the address is written to, for workers and coordinators to read.
        say: called with the address.

    Raises:
        UsageError: if it cannot listen on that address.
    """
    protocol = "tls" if certificates else "tcp"

    async def serve(stop: asyncio.Event) -> None:
        try:
            scheduler = await Scheduler(
                host=f"{protocol}://{host}",
                port=port,
                security=security(certificates),
                dashboard=False,
                dashboard_address=LOOPBACK,
                scheduler_file=None if scheduler_file is None else str(scheduler_file),
            )
        except (OSError, RuntimeError) as error:
            raise UsageError(
                f"no scheduler can listen at {protocol}://{host}:{port} ({error.__cause__ or error}): is the "
                "port taken, or the host another machine's? Choose with --host and --port"
            ) from None
        address = ClusterAddress(scheduler.address, certificates)
        if address.warning:
            say(f"warning: {address.warning}")
        say(f"scheduler at {address.url}; workers: refold worker {address.options}")
        try:
            await stop.wait()
        finally:
            await scheduler.close()

    _run(serve)


def serve_workers(
    address: ClusterAddress, equipments: Sequence[Equipment], *, folder: Path, patience: float, say: Say
) -> None:
    """Run workers until a signal stops this process. If the scheduler goes away, wait for it to come back.

    Args:
        address: the scheduler's address.
        equipments: the equipment of each worker.
        folder: the folder for Dask's own files.
        patience: seconds to wait for the scheduler at the beginning.
        say: called with each line that the user should know.

    Raises:
        UsageError: if no scheduler answers in that time.
    """
    if address.warning:
        say(f"warning: {address.warning}")
    await_scheduler(address, patience)
    host = address_towards(address)

    async def serve(stop: asyncio.Event) -> None:
        async def keep(equipment: Equipment, *, first: bool) -> None:
            while True:
                worker = await _worker(address, equipment, host, folder)
                try:
                    if first:
                        say(f"{counted(len(equipments), 'worker')} at {address.url}")
                    await worker.finished()
                finally:
                    await worker.close()
                if first:
                    say(f"the scheduler at {address.url} is gone: waiting for it to come back")

        kept = [asyncio.create_task(keep(each, first=each is equipments[0])) for each in equipments]
        stopping = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([stopping, *kept], return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, *kept):
            task.cancel()
        await asyncio.gather(stopping, *kept, return_exceptions=True)
        for task in done - {stopping}:
            task.result()  # raises the error that ended it

    _run(serve)


async def _worker(address: ClusterAddress, equipment: Equipment, host: str, folder: Path) -> Worker:
    worker: Worker = await Worker(
        address.url,
        nthreads=1,
        host=f"{address.url[:3]}://{host}",
        security=security(address.certificates),
        local_directory=str(folder),
        memory_limit=0,
        dashboard=False,
        dashboard_address=LOOPBACK,
        plugins=(Trainer(equipment),),
    )
    return worker


def _run(serve: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run ``serve`` until a signal stops it; ``serve`` gets an event that is set by the signal."""

    async def main() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()

        def interrupt(number: int) -> None:
            if stop.is_set() and number != signal.SIGHUP:  # a closed terminal may send several
                interruption.end_at_once(interruption.AT_ONCE)
            stop.set()

        for number in interruption.heeded():
            loop.add_signal_handler(number, interrupt, number)
        await serve(stop)

    with scratch_folder() as folder, dask.config.set(CONFIGURATION | {TEMPORARY: str(folder)}), quiet():
        asyncio.run(main())

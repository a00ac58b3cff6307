"""What the workers of this machine are given: how many there are, and what each of them trains on."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sweeps.cluster.compatibility import describe
from sweeps.cluster.worker_tasks import Equipment
from sweeps.diagnostics.machine import available_cores, gpus, visible_gpus
from trainer.errors import UsageError
from trainer.process.training_process import TrainingProcess
from trainer.runtime.determinism import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """What the user says of a machine's workers.

    Attributes:
        count: of workers, at least 1; what the machine has if None.
        per_gpu: workers that share each GPU, at least 1.
        cpu: train on processors although there are GPUs.
        folder: for logs and for datasets that are sent.
        data: a folder of stored datasets to look into first, as a home has one; None if there is none.
    """

    count: int | None = None
    per_gpu: int = 1
    cpu: bool = False
    folder: Path
    data: Path | None = None


def equip(wish: WorkerOptions, found: Sequence[tuple[str, str]] | None = None) -> list[Equipment]:
    """Return the equipment of each worker: one a core, or one for each GPU that sees no other.

    Args:
        wish: what the user says.
        found: numbers and names of this machine's GPUs; looked up if None.

    Raises:
        UsageError: if the machine does not have what is asked for, or the folder cannot be written.
    """
    seen = [] if wish.cpu else visible_gpus(os.environ, gpus()) if found is None else list(found)
    if wish.data is not None and not wish.data.is_dir():
        raise UsageError(f"--data: there is no folder {wish.data}; the home's 'datasets' is one")
    if wish.per_gpu > 1 and not seen:
        raise UsageError("--per-gpu: no GPU is found here; leave it out to train on processors")
    most = len(seen) * wish.per_gpu
    if seen and (wish.count or 0) > most:
        raise UsageError(
            f"--nworkers {wish.count}: there are {len(seen)} GPUs here for {wish.per_gpu} workers each; "
            "--per-gpu lets more share them"
        )
    own = wish.folder / "datasets"
    try:
        own.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{wish.folder} cannot be written ({error}): choose another --folder") from error
    folders = (own,) if wish.data is None else (wish.data, own)
    if not seen:
        equipment = Equipment(
            log=wish.folder / "workers.log", datasets=folders, own=own, process=TrainingProcess
        )
        return [equipment] * (wish.count or available_cores())
    return [
        Equipment(
            log=wish.folder / "workers.log",
            datasets=folders,
            own=own,
            process=partial(TrainingProcess, device=Device("gpu", number)),
            description=describe(device="gpu", gpu=name),
        )
        for number, name in (seen * wish.per_gpu)[: wish.count or most]
    ]

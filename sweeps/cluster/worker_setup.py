"""Sets up the workers of this machine: their number, and the device that each trains on."""

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
from trainer.runtime.permissions import as_folder_says, make_private


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """The user's options for a machine's workers.

    Attributes:
        count: number of workers, at least 1; one per GPU slot, or one per core, if None.
        per_gpu: number of workers that share each GPU, at least 1.
        cpu: whether to train on processors even if there are GPUs.
        folder: the folder for logs, and for datasets that the coordinator sends.
        data: a folder of stored datasets to search first, like a home's ``datasets``; None for none.
    """

    count: int | None = None
    per_gpu: int = 1
    cpu: bool = False
    folder: Path
    data: Path | None = None


def equip(options: WorkerOptions, found: Sequence[tuple[str, str]] | None = None) -> list[Equipment]:
    """Return the equipment of each worker: one worker per core, or workers that each see a single GPU.

    Args:
        options: the user's options.
        found: (number, name) of each GPU of this machine; looked up if None.

    Raises:
        UsageError: if the machine lacks what the options ask for, or the folder cannot be written.
    """
    seen = [] if options.cpu else visible_gpus(os.environ, gpus()) if found is None else list(found)
    if options.data is not None and not options.data.is_dir():
        raise UsageError(f"--data: there is no folder {options.data}; the home's 'datasets' is one")
    if options.per_gpu > 1 and not seen:
        raise UsageError("--per-gpu: no GPU is found here; leave it out to train on processors")
    most = len(seen) * options.per_gpu
    if seen and (options.count or 0) > most:
        raise UsageError(
            f"--nworkers {options.count}: there are {len(seen)} GPUs here for {options.per_gpu} workers "
            "each; --per-gpu lets more share them"
        )
    own = options.folder / "datasets"
    try:
        make_private(options.folder)
        with as_folder_says(options.folder):
            own.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"{options.folder} cannot be written ({error}): choose another --folder") from error
    folders = (own,) if options.data is None else (options.data, own)
    if not seen:
        equipment = Equipment(
            log=options.folder / "workers.log", datasets=folders, own=own, process=TrainingProcess
        )
        return [equipment] * (options.count or available_cores())
    return [
        Equipment(
            log=options.folder / "workers.log",
            datasets=folders,
            own=own,
            process=partial(TrainingProcess, device=Device("gpu", number)),
            description=describe(device="gpu", gpu=name),
        )
        for number, name in (seen * options.per_gpu)[: options.count or most]
    ]

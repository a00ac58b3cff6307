"""Training on several machines: ``refold scheduler``, ``worker``, ``certificates``."""

import argparse
import os
import shlex
from pathlib import Path

from sweeps.cli.options import Arguments, Verbs, certificates_option, port, up_to
from sweeps.cli.output import put, say
from trainer.limits import DAYS, SECONDS, WORKERS
from trainer.quantities import counted


def add_verbs(verbs: Verbs) -> None:
    """Add ``scheduler``, ``worker`` and ``certificates``."""
    _scheduler_options(verbs.add(scheduler, "scheduler --host 10.0.0.5 --certificates certificates"))
    _worker_options(verbs.add(worker, "worker tls://10.0.0.5:8786 --certificates certificates"))
    making = verbs.add(certificates, "certificates certificates")
    making.add_argument("folder", type=Path, help="folder for ca.pem, cert.pem and key.pem")
    making.add_argument(
        "--days", type=up_to(DAYS), default=825, help="days that they are valid (default: 825)"
    )
    making.add_argument("--if-missing", action="store_true", help="keep certificates that are there already")


def _scheduler_options(added: argparse.ArgumentParser) -> None:
    added.add_argument(
        "--host", default="127.0.0.1", help="interface to listen on, 0.0.0.0 for all (default: 127.0.0.1)"
    )
    added.add_argument(
        "--port", type=port, default=8786, help="port to listen on, 0 for any free one (default: 8786)"
    )
    added.add_argument("--scheduler-file", type=Path, metavar="FILE", help="file to write the address to")
    certificates_option(added)


def scheduler(options: Arguments) -> int:
    """Start a scheduler, which connects sweeps with workers on several machines."""
    from sweeps.cluster.certificates import Certificates
    from sweeps.cluster.services import serve_scheduler

    folder = options.certificates or os.environ.get("REFOLD_CERTIFICATES")
    serve_scheduler(
        options.host,
        options.port,
        certificates=Certificates(Path(folder).resolve()).checked() if folder else None,
        scheduler_file=options.scheduler_file,
        say=say,
    )
    return 0


def _worker_options(added: argparse.ArgumentParser) -> None:
    added.add_argument(
        "address", help="address of the scheduler: tcp://HOST:PORT, tls://HOST:PORT or a scheduler file"
    )
    added.add_argument(
        "--nworkers",
        type=up_to(WORKERS),
        help="training processes (default: one per GPU; without GPUs, one per core)",
    )
    added.add_argument(
        "--per-gpu", type=up_to(WORKERS), default=1, metavar="N", help="workers that share a GPU (default: 1)"
    )
    added.add_argument("--cpu", action="store_true", help="do not use GPUs")
    added.add_argument(
        "--folder",
        type=Path,
        default=Path("refold-worker"),
        help="folder for logs and datasets (default: refold-worker)",
    )
    added.add_argument(
        "--data", type=Path, metavar="FOLDER", help="folder of stored datasets, like a home's 'datasets'"
    )
    added.add_argument(
        "--cluster-wait",
        type=up_to(SECONDS),
        default=60,
        metavar="SECONDS",
        help="wait this long for the scheduler (default: 60)",
    )
    certificates_option(added)


def worker(options: Arguments) -> int:
    """Start workers on this machine, which train the fits of sweeps."""
    from sweeps.cluster.address import read_address
    from sweeps.cluster.services import serve_workers
    from sweeps.cluster.worker_setup import WorkerOptions, equip
    from trainer.datasets.store import in_use, remove_partial
    from trainer.runtime.permissions import as_folder_says

    address = read_address(options.address, options.certificates)
    wanted = WorkerOptions(
        count=options.nworkers,
        per_gpu=options.per_gpu,
        cpu=options.cpu,
        folder=options.folder.resolve(),
        data=None if options.data is None else options.data.resolve(),
    )
    equipment, datasets = equip(wanted), wanted.folder / "datasets"
    remove_partial(datasets)
    with as_folder_says(wanted.folder), in_use(datasets):
        serve_workers(address, equipment, folder=wanted.folder, patience=options.cluster_wait, say=say)
    return 0


def certificates(options: Arguments) -> int:
    """Make the TLS certificates that scheduler, workers and sweeps need to trust each other."""
    from sweeps.cluster.certificates import Certificates, make_certificates

    folder: Path = options.folder
    if options.if_missing and Certificates(folder).key.exists():
        Certificates(folder).checked()
        return 0
    made = make_certificates(folder, days=options.days)
    put(f"{folder}: {made.authority.name}, {made.certificate.name}, {made.key.name}")
    put(f"valid for {counted(options.days, 'day')}; a copy of {made.key.name} gives control of the cluster")
    put("", "next, with a copy of the folder on each machine:")
    for command in (
        f"refold scheduler --host HOST --certificates {shlex.quote(str(folder))}",
        f"refold worker tls://HOST:8786 --certificates {shlex.quote(str(folder))}",
        f"refold run SWEEP.toml --cluster tls://HOST:8786 --certificates {shlex.quote(str(folder))}",
    ):
        put(f"  {command}")
    return 0

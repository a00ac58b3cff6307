"""Everything a person does with sweeps, as functions: the command line and notebooks are thin layers over it.

>>> from refold import SweepSpec, run
>>> outcome = run(SweepSpec(name="digits", trials=3))  # doctest: +SKIP
>>> outcome.trials().sort_values("f1")  # doctest: +SKIP
>>> outcome.export()  # doctest: +SKIP
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from sweeps.definition.prepare import Prepared, on_other_machines, prepare
from sweeps.definition.spec import SweepSpec
from sweeps.definition.sweep_file import read_sweep_file, sweep_text
from sweeps.diagnostics.machine import available_cores
from sweeps.execution.events import Notice
from sweeps.execution.loop import StartWorkers, run_sweep
from sweeps.execution.progress import LiveProgress, PlainProgress, Progress, Silent
from sweeps.export.selection import find_trial
from sweeps.home import Home
from sweeps.mlflow_record import check_tracking_uri, mlflow_view
from sweeps.outcome import Outcome
from tracking.ledger.ledger import Ledger
from tracking.mlflow.recorder import Recorder
from tracking.records import FoldRecord, SweepRecord
from trainer.errors import UsageError

if TYPE_CHECKING:
    from sweeps.verification.verify import FitSelection, Report
    from tracking.mlflow.view import MlflowView

#: Seconds to wait for a cluster's scheduler, and then for its workers.
PATIENCE = 60.0

#: How MLflow names its runs.
RUN_ID = re.compile("[0-9a-f]{32}")

#: Seconds that the end of a sweep waits for MLflow, and after how many it says so; what is missing then can
#: be completed later.
MLFLOW_PATIENCE, MLFLOW_SILENCE = 600.0, 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Machines to train on.

    Attributes:
        address: of a Dask scheduler, ``tcp://host:port`` or ``tls://host:port``, or a scheduler file's path.
        certificates: their folder, for TLS; ``REFOLD_CERTIFICATES`` if None.
        mixed: whether workers with other kinds of processors or GPUs than this machine's, or than the first
            worker's, are welcome. Their bits may differ; each fit records what it ran on.
        patience: seconds to wait for the scheduler, and then for workers.
    """

    address: str
    certificates: str | None = None
    mixed: bool = False
    patience: float = PATIENCE


def load(path: Path | str) -> SweepSpec:
    """Read a sweep file.

    Raises:
        UsageError: saying what is wrong with it.
    """
    return read_sweep_file(Path(path))[0]


def ready(sweep: SweepSpec | Path | str) -> Prepared:
    """Read a sweep's file and data and check that all of it can be trained; write nothing.

    Raises:
        UsageError: for the first thing that is wrong.
    """
    if isinstance(sweep, SweepSpec):
        return prepare(sweep, sweep_text(sweep))
    return prepare(*read_sweep_file(Path(sweep)))


def run(
    sweep: SweepSpec | Path | str | Prepared,
    *,
    home: Path | str | None = None,
    workers: int | None = None,
    cluster: Cluster | str | None = None,
    tracking_uri: str | None = None,
    progress: bool | Progress = True,
    console: Console | None = None,
) -> Outcome:
    """Run a sweep, or what is missing of it.

    Args:
        sweep: a sweep file's path, a spec, or what ``ready`` returned.
        home: folder for everything it leaves behind; ``REFOLD_HOME`` or ``refold-runs`` if None.
        workers: processes that train side by side; one a core if None. Never changes the outcome. On a
            cluster: how many workers to wait for before anything begins; one if None.
        cluster: where to train if not on this machine; see ``Cluster``.
        tracking_uri: MLflow's store; ``MLFLOW_TRACKING_URI``, or SQLite in the home, if None.
        progress: show what happens (live on a terminal), or hear of it yourself.
        console: where to show it.

    Raises:
        UsageError: if something about the input is wrong; nothing has changed then.
        WorkersFailed: if a fit cannot be run; run again to go on.
    """
    prepared = sweep if isinstance(sweep, Prepared) else ready(sweep)
    place = Home.chosen(None if home is None else str(home))
    uri = place.tracking_uri(tracking_uri)
    with _shown(progress, console or Console(stderr=True)) as shown:
        if cluster is None:
            _run_here(prepared, place, uri, workers or available_cores(), shown)
        else:
            where = Cluster(address=cluster) if isinstance(cluster, str) else cluster
            _run_there(prepared, place, uri, where, workers or 1, shown)
    return Outcome(place, prepared.spec.name)


def _run_here(prepared: Prepared, place: Home, uri: str, count: int, shown: Progress) -> None:
    from sweeps.cluster.coordinator import local_workers

    if prepared.spec.device != "cpu":
        raise UsageError(
            "device = 'gpu' needs workers with GPUs: start 'refold scheduler', and 'refold worker' where the "
            "GPUs are, and give --cluster ADDRESS"
        )

    def start_workers(on_epoch: Any) -> Any:
        return local_workers(count, place.worker_log, on_epoch)

    run_recorded(prepared, place, uri, start_workers=start_workers, workers=count, progress=shown)


def _run_there(
    prepared: Prepared, place: Home, uri: str, cluster: Cluster, expected: int, shown: Progress
) -> None:
    """Run a sweep on a cluster, which has to be there before anything changes here."""
    from sweeps.cluster.address import read_address
    from sweeps.cluster.coordinator import cluster_workers

    address = read_address(cluster.address, cluster.certificates)
    with cluster_workers(
        address,
        expected=expected,
        patience=cluster.patience,
        mixed=cluster.mixed,
        device=prepared.spec.device,
        on_epoch=shown.handle,
        say=lambda text: shown.handle(Notice(text)),
    ) as workers:
        there = on_other_machines(prepared, mixed=cluster.mixed, gpu=workers.gpu)
        run_recorded(
            there,
            place,
            uri,
            start_workers=lambda _on_epoch: nullcontext(workers),
            workers=workers.count,
            progress=shown,
        )


def run_recorded(
    prepared: Prepared,
    home: Home,
    tracking_uri: str,
    *,
    start_workers: StartWorkers,
    workers: int,
    progress: Progress,
) -> SweepRecord:
    """Run a sweep with the ledger locked and MLflow following it."""
    name = prepared.spec.name
    experiment = prepared.spec.experiment or name

    known: dict[str, FoldRecord] = {}

    def read() -> SweepRecord:
        with Ledger.read(home.path, known) as reader:
            return reader.sweep(name)

    def view() -> "MlflowView":
        return mlflow_view(home, tracking_uri, experiment)

    check_tracking_uri(tracking_uri)
    with Ledger.open(home.path) as ledger:
        recorder = Recorder(read, view, lambda text: progress.handle(Notice(text)))
        try:
            record = run_sweep(
                prepared,
                home.path,
                ledger,
                start_workers=start_workers,
                workers=workers,
                progress=progress,
                on_change=recorder.nudge,
            )
        except UsageError:  # nothing has changed, so there is nothing to record
            raise
        except BaseException:
            recorder.close(timeout=5)
            raise
        if not _completed(recorder, progress):
            progress.handle(Notice(f"MLflow does not have all of it yet: 'refold sync {name}' completes it"))
        return record


def _completed(recorder: Recorder, progress: Progress) -> bool:
    """Wait until MLflow has all of a sweep that has ended; return whether it has."""
    try:
        if recorder.close(timeout=MLFLOW_SILENCE):
            return True
        progress.handle(
            Notice("the sweep has ended; waiting for MLflow to take the rest (Ctrl-C leaves it for later)")
        )
        return recorder.close(timeout=MLFLOW_PATIENCE)
    except KeyboardInterrupt:
        return False


def verify(
    home: Home,
    name: str,
    wanted: "FitSelection",
    *,
    workers: int | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> "Report":
    """Verify a recorded sweep in fresh processes; see ``sweeps.verification.verify.verify``."""
    from sweeps.cluster.coordinator import local_workers
    from sweeps.verification.verify import verify

    count = workers or available_cores()
    return verify(home.path, name, wanted, start_workers=lambda log: local_workers(count, log), say=say)


def named(
    home: Home, text: str, trial: str | None, tracking_uri: str | None
) -> tuple[str, str | None, int | None]:
    """Return the sweep, and the architecture and number of the trial, that a user names.

    Args:
        home: where the ledger is.
        text: name of a sweep, or the id of a run in MLflow.
        trial: ``"resnet/3"``, or None.
        tracking_uri: MLflow's store, where ``text`` is a run id; as in ``run``.

    Raises:
        UsageError: if there is no such sweep, run or trial.
    """
    with Ledger.read(home.path) as ledger:
        if RUN_ID.fullmatch(text) and text not in ledger.sweep_names():
            text, found = mlflow_view(home, home.tracking_uri(tracking_uri), text).names_of(text)
            trial = trial or found
        record = ledger.sweep(text)
    if trial is None:
        return text, None, None
    known = find_trial(record, trial)
    return text, known.architecture, known.number


@contextmanager
def _shown(progress: bool | Progress, console: Console) -> Iterator[Progress]:
    if not isinstance(progress, bool):
        yield progress
    elif not progress:
        yield Silent()
    elif console.is_terminal:
        with LiveProgress(console) as live:
            yield live
    else:
        yield PlainProgress(console)

"""A sweep read, checked and run: here, or on the workers of a cluster."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from sweeps import account
from sweeps.definition.exam import exam_in_words
from sweeps.definition.prepare import Prepared, on_other_machines, prepare
from sweeps.definition.spec import SweepSpec
from sweeps.definition.sweep_file import read_sweep_file, sweep_text
from sweeps.diagnostics.machine import worker_count
from sweeps.execution.events import Notice
from sweeps.execution.loop import StartWorkers, run_sweep
from sweeps.execution.notebook import NotebookProgress, notebook_display
from sweeps.execution.progress import LiveProgress, PlainProgress, Progress, Silent
from sweeps.execution.workers import OnEpoch, Workers
from sweeps.home import Home
from sweeps.inspection.inspect import quick_lines
from sweeps.mlflow_record import entries_of, mlflow_view
from sweeps.outcome import Outcome
from sweeps.tracking_place import TrackingPlace, completing, kept_place, place_of, said_of
from tracking.ledger.entry import SweepEntry
from tracking.ledger.ledger import Ledger
from tracking.ledger.lock import Turn, turn
from tracking.mlflow.recorder import Recorder
from tracking.records import FoldRecord, SweepRecord
from trainer.datasets.loading import Progress as ReadProgress
from trainer.errors import UsageError
from trainer.names import rule_for_recorded

if TYPE_CHECKING:
    from tracking.mlflow.view import MlflowView

#: Seconds to wait for a cluster's scheduler, and then for its workers.
PATIENCE = 60.0

#: At the end of a sweep: seconds to wait for MLflow, and seconds after which a line says that it waits. What
#: MLflow lacks then can be completed later.
MLFLOW_PATIENCE, MLFLOW_SILENCE = 600.0, 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Machines to train on.

    Attributes:
        address: a Dask scheduler's, ``tcp://host:port`` or ``tls://host:port``, or the path of a scheduler
            file.
        certificates: the folder of TLS certificates; ``REFOLD_CERTIFICATES`` if None.
        mixed: whether workers may have another kind of processor than this machine, or another kind of GPU
            than the first worker. Their bits may differ; each fit records what it ran on.
        patience: seconds to wait for the scheduler, and then again for workers.
    """

    address: str
    certificates: str | None = None
    mixed: bool = False
    patience: float = PATIENCE


def load(path: Path | str) -> SweepSpec:
    """Read a sweep file.

    Raises:
        UsageError: if something is wrong with the file; the message says what.
    """
    return read_sweep_file(Path(path))[0]


def ready(
    sweep: SweepSpec | Path | str, home: Home | None = None, progress: ReadProgress | None = None
) -> Prepared:
    """Read a sweep's file and data, and check that all of it can be trained; write nothing.

    Args:
        sweep: a sweep file's path, or a spec.
        home: where the sweep may have been begun: its class names are then taken as they were, and it has no
            exam if it began before there were exams.
        progress: called now and then with the number of image files that are decoded, and of all.

    Raises:
        UsageError: if anything is wrong; the message names the first such thing.
    """
    spec, text = (sweep, sweep_text(sweep)) if isinstance(sweep, SweepSpec) else read_sweep_file(Path(sweep))
    entry = None if home is None else _begun(spec.name, home)
    if entry is None:
        return prepare(spec, text, progress=progress)
    rule = rule_for_recorded(entry.dataset.classes)
    return prepare(spec.gone_on(entry.details.dataset), text, rule, progress)


def _begun(name: str, home: Home) -> SweepEntry | None:
    """Return the entry of a sweep that was begun, perhaps by an earlier version."""
    try:
        with Ledger.read(home.path) as ledger:
            return ledger.entry(name)
    except UsageError:  # there is no ledger; or it is damaged, which is said when it is written
        return None


def run(  # noqa: PLR0913 - as many as the command line's
    sweep: SweepSpec | Path | str | Prepared,
    *,
    home: Path | str | None = None,
    workers: int | None = None,
    cluster: Cluster | str | None = None,
    tracking_uri: str | None = None,
    progress: bool | Progress = True,
    console: Console | None = None,
    wait: bool = False,
) -> Outcome:
    """Run a sweep, or the part of it that is not recorded yet.

    Args:
        sweep: a sweep file's path, a spec, or what ``ready`` returned.
        home: folder for everything it leaves behind; ``REFOLD_HOME`` or ``refold-runs`` if None.
        workers: number of processes that train side by side; one per core if None. It never changes the
            outcome. On a cluster: number of workers to wait for before anything begins; one if None.
        cluster: the cluster to train on; this machine if None. See ``Cluster``.
        tracking_uri: MLflow's store, kept with the sweep without its password. If None, the store that was
            kept with the sweep; for a new sweep ``MLFLOW_TRACKING_URI``, or SQLite in the home.
        progress: whether to show progress (one changing line in a notebook, a live table on a terminal); or
            an object of yours that handles the events.
        console: where to show progress; not used in a notebook.
        wait: whether to wait for another command that holds the home, instead of giving up. Who came first
            has the first turn.

    Raises:
        UsageError: if something about the input is wrong; nothing was changed.
        WorkersFailed: if a fit cannot be run; run again to go on.
    """
    place = Home.chosen(None if home is None else str(home))
    prepared = sweep if isinstance(sweep, Prepared) else ready(sweep, place)
    with _shown(progress, console or Console(stderr=True)) as shown:
        on_wait = (lambda text: shown.handle(Notice(text))) if wait else None
        with turn(place.path, on_wait) as mine:  # before a cluster is asked, which others may need meanwhile
            if cluster is None:
                record = _run_here(prepared, place, tracking_uri, worker_count(workers), shown, mine)
            else:
                where = Cluster(address=cluster) if isinstance(cluster, str) else cluster
                count = 1 if workers is None else worker_count(workers)
                record = _run_there(prepared, place, tracking_uri, where, count, shown, mine)
    return Outcome(place, record)


def _run_here(
    prepared: Prepared, place: Home, uri: str | None, count: int, shown: Progress, mine: Turn
) -> SweepRecord:
    from sweeps.cluster.coordinator import local_workers

    if prepared.spec.device != "cpu":
        raise UsageError(
            "device = 'gpu' needs workers with GPUs: start 'refold scheduler', and 'refold worker' where the "
            "GPUs are, and give --cluster ADDRESS"
        )

    def start_workers(on_epoch: OnEpoch) -> AbstractContextManager[Workers]:
        return local_workers(count, place.worker_log, on_epoch)

    return run_recorded(
        prepared, place, uri, start_workers=start_workers, workers=count, progress=shown, mine=mine
    )


def _run_there(
    prepared: Prepared,
    place: Home,
    uri: str | None,
    cluster: Cluster,
    expected: int,
    shown: Progress,
    mine: Turn,
) -> SweepRecord:
    """Run a sweep on a cluster; nothing changes here until the cluster has answered."""
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
        return run_recorded(
            there,
            place,
            uri,
            start_workers=lambda _on_epoch: nullcontext(workers),
            workers=workers.count,
            progress=shown,
            mine=mine,
        )


def run_recorded(
    prepared: Prepared,
    home: Home,
    tracking_uri: str | None,
    *,
    start_workers: StartWorkers,
    workers: int,
    progress: Progress,
    mine: Turn = Turn(),  # noqa: B008 - it is frozen
) -> SweepRecord:
    """Run a sweep with the ledger locked and MLflow kept up to date; record MLflow's place. See ``run``."""
    name = prepared.spec.name
    place, kept = _tracking_place(home, name, tracking_uri, progress)
    experiment = prepared.spec.experiment or name

    known: dict[str, FoldRecord] = {}

    def read() -> SweepRecord:
        with Ledger.read(home.path, known) as reader:
            return reader.sweep(name)

    def view() -> "MlflowView":
        return mlflow_view(home, place.uri, experiment)

    with Ledger.open(home.path, mine) as ledger:
        if ledger.created and (note := account.claim(home.path)):
            progress.handle(Notice(note))
        if not _finished(ledger, name):
            _say_beforehand(prepared, progress)
        recorder = Recorder(read, view, lambda text: progress.handle(Notice(text)))
        try:
            record = run_sweep(
                replace(prepared, tracking=kept),
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
            missing = completing(home, name, place.uri, unusable=recorder.unusable)
            progress.handle(Notice(f"MLflow does not have all of it yet; to complete it: {missing}"))
        return record


def _finished(ledger: Ledger, name: str) -> bool:
    """Whether a sweep is recorded and finished: then nothing is said of its images and networks again."""
    return name in ledger.sweep_names() and ledger.sweep(name).finished


def _say_beforehand(prepared: Prepared, progress: Progress) -> None:
    """Say what is set aside, what can be seen at once in the images, and what of the users' networks."""
    lines = [exam_in_words(prepared.dataset_record), *prepared.loaded.notes, *quick_lines(prepared.loaded)]
    lines += prepared.remarks
    for line in dict.fromkeys(lines):
        progress.handle(Notice(line))


def _tracking_place(
    home: Home, name: str, option: str | None, progress: Progress
) -> tuple[TrackingPlace, str]:
    """Return where MLflow's record of a sweep goes, and the part of that which the ledger keeps.

    Raises:
        UsageError: if the URI can never work.
    """
    entry = next((entry for entry in entries_of(home) if entry.name == name), None)
    place = place_of(home, entry, option)
    kept = kept_place(home, place.uri)
    before = entry.details.tracking if entry else None
    for note in place.notes:
        progress.handle(Notice(note))
    if option and before not in (None, kept):
        was, now = said_of(home, before), said_of(home, kept)
        progress.handle(Notice(f"MLflow's record of {name} was {was}; from now on it is {now}"))
    return place, kept


def _completed(recorder: Recorder, progress: Progress) -> bool:
    """Wait until MLflow has all of a sweep that has ended; return False if it was given up."""
    try:
        if recorder.close(timeout=MLFLOW_SILENCE):
            return True
        progress.handle(
            Notice("the sweep has ended; waiting for MLflow to take the rest (Ctrl-C leaves it for later)")
        )
        return recorder.close(timeout=MLFLOW_PATIENCE)
    except KeyboardInterrupt:
        return False


@contextmanager
def _shown(progress: bool | Progress, console: Console) -> Iterator[Progress]:
    if not isinstance(progress, bool):
        yield progress
    elif not progress:
        yield Silent()
    elif (display := notebook_display()) is not None:
        with NotebookProgress(display) as line:
            yield line
    elif console.is_terminal:
        with LiveProgress(console) as live:
            yield live
    else:
        yield PlainProgress(console)

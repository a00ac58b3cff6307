"""What comparisons and variance analyses have in common: where they run, training with progress, MLflow."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from rich.console import Console

from sweeps.analysis import extra_fits
from sweeps.analysis.extra_fits import ExtraFits, StartWorkers
from sweeps.diagnostics.machine import worker_count
from sweeps.execution import fit_progress
from sweeps.home import Home
from sweeps.mlflow_record import mlflow_view
from sweeps.retraining.recorded_code import admit
from sweeps.retraining.recorded_fits import check_trainable
from sweeps.tracking_place import completing, place_of
from tracking.errors import StoreUnusable, ViewUnavailable
from tracking.ledger.entry import SweepEntry
from tracking.ledger.ledger import Ledger
from tracking.ledger.lock import Turn, turn
from tracking.mlflow.uri import check_uri
from tracking.records import Purpose, SweepRecord
from tracking.reports.text_table import wrapped
from trainer.escaping import for_terminal
from trainer.fits.names import fit_name
from trainer.fits.specs import FitSpec
from trainer.quantities import counted, duration


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisContext:
    """Where a comparison or variance analysis runs.

    Attributes:
        home: the folder that holds the ledger.
        workers: number of training processes; one per core if None.
        tracking_uri: MLflow's store; if None, the store that has the sweep's record.
        console: where to show progress.
        start_workers: function that starts the workers; processes behind Dask if None.
        wait: whether to wait for another process that holds the ledger.
        trust_code: whether recorded code may run; see ``recorded_code.admit``.
    """

    home: Home
    workers: int | None = None
    tracking_uri: str | None = None
    console: Console | None = None
    start_workers: StartWorkers | None = None
    wait: bool = False
    trust_code: bool = False

    @property
    def count(self) -> int:
        """Number of training processes."""
        return worker_count(self.workers)

    @property
    def shown_on(self) -> Console:
        """The console to show progress on."""
        return self.console or Console(stderr=True)

    def turn(self) -> AbstractContextManager[Turn]:
        """Return one's turn to write to the home; with ``wait``, after all who came before."""
        return turn(self.home.path, self.say if self.wait else None)

    def say(self, text: str) -> None:
        """Print a line for the user."""
        console = self.shown_on
        for part in wrapped(for_terminal(text), console.width if console.is_terminal else None):
            console.print(part, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def starter(self) -> StartWorkers:
        """Return the function that starts the workers."""
        if self.start_workers is not None:
            return self.start_workers
        from sweeps.cluster.coordinator import local_workers

        return lambda: local_workers(self.count, self.home.worker_log)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The cost of a comparison or variance analysis.

    Attributes:
        architectures: number of architectures that have fits in it.
        fits: number of all its fits.
        recorded: number of fits that are recorded already.
        missing: number of fits to train.
        seconds: expected seconds of training the missing fits, from the times of the search's fits.
        workers: number of workers that train side by side.
    """

    architectures: int
    fits: int
    recorded: int
    missing: int
    seconds: float
    workers: int

    def __str__(self) -> str:
        """Return the cost as a line."""
        return (
            f"{counted(self.fits, 'fit')} of {counted(self.architectures, 'architecture')}, "
            f"{self.recorded} recorded already, {self.missing} to train: about {duration(self.seconds)} with "
            f"{counted(self.workers, 'worker')}"
        )


def cost_of(where: AnalysisContext, wanted: Sequence[ExtraFits]) -> Cost:
    """Return the cost of training these fits now."""
    with Ledger.read(where.home.path) as ledger:
        return _cost(wanted, extra_fits.missing(ledger, wanted), where.count)


def check_option(where: AnalysisContext) -> None:
    """Check the tracking URI before anything is read."""
    if where.tracking_uri:
        check_uri(where.tracking_uri)


def tracking_uri_of(where: AnalysisContext, entry: SweepEntry) -> str:
    """Return MLflow's store for a sweep, and say what there is to say of it."""
    place = place_of(where.home, entry, where.tracking_uri)
    for note in place.notes:
        where.say(note)
    return place.uri


def train(
    where: AnalysisContext,
    ledger: Ledger,
    entry: SweepEntry,
    purpose: Purpose,
    wanted: Sequence[ExtraFits],
    before: Callable[[], None] = lambda: None,
) -> None:
    """Say what the missing fits cost, and train them.

    Args:
        where: the home and the workers.
        ledger: open for writing.
        entry: the sweep's.
        purpose: of the fits.
        wanted: the fits; those that are recorded are not trained again.
        before: called once it is sure that they can be trained, before the first one is.

    Raises:
        UsageError: if they cannot be trained here.
        WorkersFailed: if a fit cannot be run.
    """
    lacking = extra_fits.missing(ledger, wanted)
    if lacking:
        check_trainable(entry)
    architectures = [spec.architecture for spec in lacking]
    code = admit(where.home.path, entry, architectures, trust_code=where.trust_code)
    before()
    for further in wanted:
        trial = further.trial
        ledger.add_further_fits(entry.name, purpose, trial.architecture, trial.number, further.specs)
    if not lacking:
        return
    where.say(str(_cost(wanted, lacking, where.count)))
    trials = {spec.key: further.trial.number for further in wanted for spec in further.specs.values()}
    names = {spec.key: fit_name(spec, trials[spec.key]) for spec in lacking}
    with fit_progress.shown(where.shown_on, names) as on_fit:
        extra_fits.train(
            where.home.path,
            ledger,
            entry,
            lacking,
            code=code,
            start_workers=where.starter(),
            on_fit=on_fit,
        )


def _cost(wanted: Sequence[ExtraFits], lacking: Sequence[FitSpec], workers: int) -> Cost:
    fits = sum(len(further.specs) for further in wanted)
    return Cost(
        architectures=len(wanted),
        fits=fits,
        recorded=fits - len(lacking),
        missing=len(lacking),
        seconds=extra_fits.expected_seconds(wanted, lacking, workers),
        workers=workers,
    )


def write_view(where: AnalysisContext, uri: str, entry: SweepEntry, record: SweepRecord) -> None:
    """Bring MLflow up to date. If it cannot be reached, nothing is lost: the ledger has everything."""
    try:
        mlflow_view(where.home, uri, entry.details.experiment).write(record)
    except ViewUnavailable as problem:
        unusable = isinstance(problem, StoreUnusable)
        command = completing(where.home, record.name, uri, unusable=unusable)
        where.say(f"{problem}; to complete MLflow's record: {command}")

"""Comparisons and variance analyses of a finished sweep, with their effects: training, ledger, MLflow.

Their conclusions come from pure functions of the record, in other modules.
"""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from rich.console import Console

from sweeps.analysis import comparison, extra_fits, variance_components, wording
from sweeps.analysis.claims import Claim
from sweeps.analysis.comparison import Comparison, ComparisonSettings
from sweeps.analysis.extra_fits import ExtraFits, StartWorkers
from sweeps.analysis.page import page
from sweeps.analysis.variance_components import Variances
from sweeps.definition.identity import plan_of
from sweeps.diagnostics.machine import worker_count
from sweeps.execution import fit_progress
from sweeps.home import Home
from sweeps.mlflow_record import mlflow_view
from sweeps.retraining.recorded_code import admit
from sweeps.retraining.recorded_fits import check_trainable, dataset_of
from sweeps.tracking_place import completing, place_of
from tracking.errors import StoreUnusable, ViewUnavailable
from tracking.ledger.entry import SweepEntry
from tracking.ledger.ledger import Ledger
from tracking.ledger.lock import Turn, turn
from tracking.mlflow.uri import check_uri
from tracking.records import Purpose, ReportRecord, SweepRecord
from tracking.reports.text_table import wrapped
from trainer.errors import UsageError
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


def compare(
    where: AnalysisContext,
    name: str,
    *,
    repeats: int | None = None,
    rope: float = 0.005,
    claim: Claim = "new-data",
) -> Comparison:
    """Train each architecture's winner on fresh repeats and compare the winners.

    Args:
        where: the home, the workers and MLflow.
        name: the name of a finished sweep.
        repeats: number of repeats of each winner, at least 2; if None, 5 or the recorded number, if that is
            higher.
        rope: half the width of the region of practical equivalence.
        claim: the claim that the answer makes.

    Raises:
        UsageError: if something is missing or wrong; fits that were trained before the error stay recorded.
        WorkersFailed: if a fit cannot be run; run again to go on.
    """
    comparison.check(ComparisonSettings(repeats=2 if repeats is None else repeats, rope=rope, claim=claim))
    _check_option(where)
    with where.turn() as mine:
        record, entry = extra_fits.read_finished(where.home.path, name)
        uri = _tracking_uri(where, entry)
        if not record.winners:
            raise UsageError(f"no architecture of {name!r} has a complete trial: there is nothing to compare")
        if repeats is None:
            repeats = max(ComparisonSettings().repeats, comparison.recorded_repeats(record))
        asked = ComparisonSettings(repeats=repeats, rope=rope, claim=claim)
        wanted = comparison.further_fits(record, plan_of(entry), repeats)
        with Ledger.open(where.home.path, mine) as ledger:
            _train(where, ledger, entry, Purpose.COMPARISON, wanted)
            data = dataset_of(where.home.path, entry)
            found = comparison.compare(ledger.sweep(name), data, asked)
            report = ReportRecord(content=json.dumps(wording.to_json(found)), page=page(found))
            ledger.add_report(name, Purpose.COMPARISON, report)
            _write_view(where, uri, entry, ledger.sweep(name))
    return found


def variance(
    where: AnalysisContext, name: str, *, architecture: str | None = None, rows: int = 16
) -> Variances:
    """Measure how much of the variance of a trial's score comes from each source.

    Args:
        where: the home, the workers and MLflow.
        name: the name of a finished sweep.
        architecture: take the best trial of this architecture; the best of all architectures if None.
        rows: number of rows of the design, at least 4; each row takes 6 fits.

    Raises:
        UsageError: if something is missing or wrong; fits that were trained before the error stay recorded.
        WorkersFailed: if a fit cannot be run; run again to go on.
    """
    _check_option(where)
    with where.turn() as mine:
        record, entry, wanted = variance_fits(where, name, architecture, rows)
        uri = _tracking_uri(where, entry)
        trial = wanted.trial
        with Ledger.open(where.home.path, mine) as ledger:
            _train(where, ledger, entry, Purpose.VARIANCE, [wanted])
            fits = ledger.further_fits(name, Purpose.VARIANCE)[trial.architecture, trial.number]
            found = variance_components.variances(record, trial, fits, rows)
            report = ReportRecord(content=json.dumps(variance_components.to_json(found)), page="")
            ledger.add_report(name, f"{Purpose.VARIANCE}-{trial.architecture}", report)
            _write_view(where, uri, entry, ledger.sweep(name))
    return found


def variance_fits(
    where: AnalysisContext, name: str, architecture: str | None, rows: int
) -> tuple[SweepRecord, SweepEntry, ExtraFits]:
    """Return a sweep and the design's fits; train nothing.

    Raises:
        UsageError: if something is missing or wrong.
    """
    record, entry = extra_fits.read_finished(where.home.path, name)
    trial = variance_components.chosen(record, architecture)
    plan, planned = extra_fits.planned(entry, trial.architecture)
    return record, entry, variance_components.further_fits(plan, planned, trial, rows)


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


def _check_option(where: AnalysisContext) -> None:
    """Check the tracking URI before anything is read."""
    if where.tracking_uri:
        check_uri(where.tracking_uri)


def _tracking_uri(where: AnalysisContext, entry: SweepEntry) -> str:
    place = place_of(where.home, entry, where.tracking_uri)
    for note in place.notes:
        where.say(note)
    return place.uri


def _train(
    where: AnalysisContext, ledger: Ledger, entry: SweepEntry, purpose: Purpose, wanted: Sequence[ExtraFits]
) -> None:
    """Say what the missing fits cost, and train them."""
    lacking = extra_fits.missing(ledger, wanted)
    if lacking:
        check_trainable(entry)
    architectures = [spec.architecture for spec in lacking]
    code = admit(where.home.path, entry, architectures, trust_code=where.trust_code)
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


def _write_view(where: AnalysisContext, uri: str, entry: SweepEntry, record: SweepRecord) -> None:
    """Bring MLflow up to date. If it cannot be reached, nothing is lost: the ledger has everything."""
    try:
        mlflow_view(where.home, uri, entry.details.experiment).write(record)
    except ViewUnavailable as problem:
        unusable = isinstance(problem, StoreUnusable)
        command = completing(where.home, record.name, uri, unusable=unusable)
        where.say(f"{problem}; to complete MLflow's record: {command}")

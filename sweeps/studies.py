"""Studies of a finished sweep, with everything they do: training, ledger, MLflow.

What they conclude is worked out elsewhere, by pure functions of the record.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from sweeps import comparing, comparison_page, comparison_words, fit_progress, further_fits, variances
from sweeps.comparing import Asked, Comparison
from sweeps.differences import plan_of
from sweeps.further_fits import Further, StartWorkers
from sweeps.home import Home
from sweeps.progress import duration
from sweeps.sessions import available_cores, check_tracking_uri, mlflow_view
from sweeps.variances import Variances
from tracking.errors import ViewUnavailable
from tracking.ledger import Ledger, SweepEntry
from tracking.records import ReportRecord, SweepRecord
from trainer.errors import UsageError
from trainer.specs import FitSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where a study takes place.

    Attributes:
        home: of the ledger.
        workers: training processes; one a core if None.
        tracking_uri: MLflow's store; ``MLFLOW_TRACKING_URI``, or SQLite in the home, if None.
        console: where to show progress.
        start_workers: what trains; processes behind Dask if None.
    """

    home: Home
    workers: int | None = None
    tracking_uri: str | None = None
    console: Console | None = None
    start_workers: StartWorkers | None = None

    @property
    def count(self) -> int:
        """How many training processes there will be."""
        return self.workers or available_cores()

    @property
    def shown_on(self) -> Console:
        """Where to show progress."""
        return self.console or Console(stderr=True)

    def say(self, text: str) -> None:
        """Tell the user something, one line."""
        self.shown_on.print(text, markup=False, highlight=False, soft_wrap=True)

    def starter(self) -> StartWorkers:
        """Return what starts the workers."""
        if self.start_workers is not None:
            return self.start_workers
        from sweeps.dask_workers import local_workers

        return lambda: local_workers(self.count, self.home.worker_log)


def compare(
    where: Surroundings,
    name: str,
    *,
    repeats: int | None = None,
    rope: float = 0.005,
    claim: comparing.Claim = "new-data",
) -> Comparison:
    """Confirm each architecture's winner on fresh repeats and compare them.

    Args:
        where: home, workers, MLflow.
        name: of a finished sweep.
        repeats: of each winner, at least 2; 5 if None, or as many as are recorded where there are more.
        rope: half the width of the region of practical equivalence.
        claim: what the answer is about.

    Raises:
        UsageError: if something is missing or wrong; what was trained until then is recorded.
        WorkersFailed: if a fit cannot be run; run again to go on.
    """
    comparing.check(Asked(repeats=2 if repeats is None else repeats, rope=rope, claim=claim))
    uri = _checked_uri(where)
    record, entry = further_fits.read_finished(where.home.path, name)
    if not record.winners:
        raise UsageError(f"no architecture of {name!r} has a complete trial: there is nothing to compare")
    if repeats is None:
        repeats = max(Asked().repeats, comparing.recorded_repeats(record))
    asked = Asked(repeats=repeats, rope=rope, claim=claim)
    wanted = comparing.further_fits(record, plan_of(entry), repeats)
    with Ledger.open(where.home.path) as ledger:
        _train(where, ledger, entry, comparing.PURPOSE, wanted)
        labels = further_fits.dataset_of(where.home.path, entry).labels
        found = comparing.compare(ledger.sweep(name), labels, asked)
        report = ReportRecord(
            content=json.dumps(comparison_words.to_json(found)), page=comparison_page.page(found)
        )
        ledger.add_report(name, comparing.PURPOSE, report)
        _write_view(where, uri, entry, ledger.sweep(name))
    return found


def variance(where: Surroundings, name: str, *, architecture: str | None = None, rows: int = 16) -> Variances:
    """Measure where the variance of a trial's score comes from.

    Args:
        where: home, workers, MLflow.
        name: of a finished sweep.
        architecture: whose best trial is taken; the best of all if None.
        rows: of the design, at least 4; each takes 6 fits.

    Raises:
        UsageError: if something is missing or wrong; what was trained until then is recorded.
        WorkersFailed: if a fit cannot be run; run again to go on.
    """
    uri = _checked_uri(where)
    record, entry, wanted = variance_fits(where, name, architecture, rows)
    trial = wanted.trial
    with Ledger.open(where.home.path) as ledger:
        _train(where, ledger, entry, variances.PURPOSE, [wanted])
        fits = ledger.further_fits(name, variances.PURPOSE)[trial.architecture, trial.number]
        found = variances.variances(record, trial, fits, rows)
        report = ReportRecord(content=json.dumps(variances.to_json(found)), page="")
        ledger.add_report(name, f"{variances.PURPOSE}-{trial.architecture}", report)
        _write_view(where, uri, entry, ledger.sweep(name))
    return found


def variance_fits(
    where: Surroundings, name: str, architecture: str | None, rows: int
) -> tuple[SweepRecord, SweepEntry, Further]:
    """Return a sweep and the design's fits; train nothing.

    Raises:
        UsageError: if something is missing or wrong.
    """
    record, entry = further_fits.read_finished(where.home.path, name)
    trial = variances.chosen(record, architecture)
    plan, planned = further_fits.planned(entry, trial.architecture)
    return record, entry, variances.further_fits(plan, planned, trial, rows)


def expected_cost(where: Surroundings, wanted: Sequence[Further]) -> str:
    """Return what a study would cost now, in a line."""
    with Ledger.read(where.home.path) as ledger:
        return cost(wanted, further_fits.missing(ledger, wanted), where.count)


def _checked_uri(where: Surroundings) -> str:
    uri = where.home.tracking_uri(where.tracking_uri)
    check_tracking_uri(uri)
    return uri


def _train(
    where: Surroundings, ledger: Ledger, entry: SweepEntry, purpose: str, wanted: Sequence[Further]
) -> None:
    """Train what the ledger does not hold, and say before what it will cost."""
    lacking = further_fits.missing(ledger, wanted)
    if lacking:
        further_fits.check_trainable(entry)
    for further in wanted:
        trial = further.trial
        ledger.add_further_fits(entry.name, purpose, trial.architecture, trial.number, further.specs)
    if not lacking:
        return
    where.say(cost(wanted, lacking, where.count))
    with fit_progress.shown(where.shown_on, len(lacking)) as on_fit:
        further_fits.train(
            where.home.path, ledger, entry, lacking, start_workers=where.starter(), on_fit=on_fit
        )


def cost(wanted: Sequence[Further], lacking: Sequence[FitSpec], workers: int) -> str:
    """Return what a study costs, in a line."""
    fits = sum(len(further.specs) for further in wanted)
    seconds = further_fits.expected_seconds(wanted, lacking, workers)
    return (
        f"{fits} fits of {len(wanted)} architecture{'' if len(wanted) == 1 else 's'}, "
        f"{fits - len(lacking)} recorded already, {len(lacking)} to train: about {duration(seconds)} with "
        f"{workers} worker{'' if workers == 1 else 's'}"
    )


def _write_view(where: Surroundings, uri: str, entry: SweepEntry, record: SweepRecord) -> None:
    """Bring MLflow up to date; the ledger has everything if MLflow cannot be reached."""
    try:
        mlflow_view(where.home, uri, entry.details["experiment"]).write(record)
    except ViewUnavailable as problem:
        where.say(f"{problem}; 'refold sync {record.name}' completes MLflow's record")

"""Extra fits: trials of a finished sweep with other seeds, for a comparison or a variance analysis.

They are ordinary fits, recorded under their keys. After an interrupt the same request continues.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from sweeps.definition.identity import plan_of
from sweeps.definition.plan import Plan, PlannedArchitecture
from sweeps.execution.dispatch import run_all
from sweeps.execution.workers import Workers
from sweeps.retraining.recorded_code import RecordedCode
from sweeps.retraining.recorded_fits import check_trainable, dataset_of, job_of
from tracking.ledger.entry import SweepEntry
from tracking.ledger.ledger import Ledger
from tracking.records import SweepRecord, TrialRecord
from trainer.datasets import store
from trainer.errors import UsageError
from trainer.escaping import for_shell
from trainer.fits.results import FitRun
from trainer.fits.specs import FitSpec

#: Starts workers that print to their log, and ends them on leaving the context.
StartWorkers = Callable[[], AbstractContextManager[Workers]]

#: Called with each fit that was trained.
OnFit = Callable[[FitSpec, FitRun], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraFits:
    """The extra fits of one trial.

    Attributes:
        trial: the trial whose hyperparameters they have.
        specs: their specs, by position in the design.
    """

    trial: TrialRecord
    specs: Mapping[int, FitSpec]


def read_finished(home: Path, name: str) -> tuple[SweepRecord, SweepEntry]:
    """Return a sweep's record.

    Raises:
        UsageError: if there is no such sweep, it is not finished, or its recorded rows were changed.
    """
    with Ledger.read(home) as ledger:
        record, entry = ledger.sweep(name), ledger.entry(name)
        changed = ledger.changed_fits(name)
    if entry is None or not record.finished:
        ended, asked = record.progress
        raise UsageError(
            f"the sweep {name!r} is not finished ({ended} of {asked} trials), and its winners may still "
            "change: 'refold run' continues it"
        )
    if changed:
        raise UsageError(
            f"the record of {len(changed)} of the fits of {name!r} was changed after it was written: "
            f"'refold verify {for_shell(name)}' says which; restore the ledger from a copy"
        )
    return record, entry


def planned(entry: SweepEntry, architecture: str) -> tuple[Plan, PlannedArchitecture]:
    """Return the sweep's recorded plan, and one of its architectures."""
    plan = plan_of(entry)
    return plan, next(a for a in plan.architectures if a.name == architecture)


def missing(ledger: Ledger, wanted: Sequence[ExtraFits]) -> list[FitSpec]:
    """Return the fits that the ledger does not have yet."""
    specs = [spec for further in wanted for spec in further.specs.values()]
    return [spec for spec in specs if ledger.run_of(spec.key) is None]


def expected_seconds(wanted: Sequence[ExtraFits], lacking: Sequence[FitSpec], workers: int) -> float:
    """Return the expected seconds that the missing fits take, from the times of the search's fits."""
    each = {spec.key: _expected(further, spec) for further in wanted for spec in further.specs.values()}
    return sum(each[spec.key] for spec in lacking) / workers


def _expected(further: ExtraFits, spec: FitSpec) -> float:
    """Return the expected seconds of one fit: a refit has other epochs than the folds, and more images."""
    runs = [fold.run for fold in further.trial.folds]
    if spec.fold is not None:
        return fmean(run.timing.seconds for run in runs)
    an_epoch = fmean(run.timing.seconds / max(1, len(run.result.epochs)) for run in runs)
    return an_epoch * spec.epochs * spec.folds / (spec.folds - 1)


def train(
    home: Path,
    ledger: Ledger,
    entry: SweepEntry,
    lacking: Sequence[FitSpec],
    *,
    code: RecordedCode,
    start_workers: StartWorkers,
    on_fit: OnFit,
) -> None:
    """Train fits and record each as it ends.

    Raises:
        UsageError: if the fits could not be compared with the recorded ones.
        WorkersFailed: if a fit cannot be run.
    """
    check_trainable(entry)
    stored = store(dataset_of(home, entry), home / "datasets")
    with start_workers() as workers:
        for job, run in run_all(workers, [job_of(code, spec, stored) for spec in lacking]):
            ledger.add_run(job.spec, run)
            on_fit(job.spec, run)

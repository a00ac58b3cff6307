"""Fits beside the search: trials of a finished sweep under other seeds, for a comparison or a design.

They are ordinary fits, recorded under their keys. Going on after a stop is asking for them again.
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
from sweeps.verification.retraining import check_trainable, dataset_of, job_of
from tracking.ledger.ledger import Ledger, SweepEntry
from tracking.records import SweepRecord, TrialRecord
from trainer.datasets import store
from trainer.errors import UsageError
from trainer.fits.results import FitRun
from trainer.fits.specs import FitSpec

#: Starts workers that print to their log, and ends them on leaving.
StartWorkers = Callable[[], AbstractContextManager[Workers]]

#: Told of each fit that was trained.
OnFit = Callable[[FitSpec, FitRun], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraFits:
    """The further fits of one trial.

    Attributes:
        trial: whose hyperparameters they have.
        specs: by position in the design.
    """

    trial: TrialRecord
    specs: Mapping[int, FitSpec]


def read_finished(home: Path, name: str) -> tuple[SweepRecord, SweepEntry]:
    """Return a sweep's record.

    Raises:
        UsageError: if there is no such sweep, it is not finished, or rows of it were changed.
    """
    with Ledger.read(home) as ledger:
        record, entry = ledger.sweep(name), ledger.entry(name)
        changed = ledger.changed_fits(name)
    if entry is None or not record.finished:
        ended, asked = record.progress
        raise UsageError(
            f"the sweep {name!r} is not finished ({ended} of {asked} trials), and its winners may still "
            "change: 'refold run' goes on with it"
        )
    if changed:
        raise UsageError(
            f"the record of {len(changed)} of the fits of {name!r} was changed after it was written: "
            f"'refold verify {name}' says which; restore the ledger from a copy"
        )
    return record, entry


def planned(entry: SweepEntry, architecture: str) -> tuple[Plan, PlannedArchitecture]:
    """Return the sweep's plan as recorded, and an architecture of it."""
    plan = plan_of(entry)
    return plan, next(a for a in plan.architectures if a.name == architecture)


def missing(ledger: Ledger, wanted: Sequence[ExtraFits]) -> list[FitSpec]:
    """Return the fits that the ledger does not hold yet."""
    specs = [spec for further in wanted for spec in further.specs.values()]
    return [spec for spec in specs if ledger.run_of(spec.key) is None]


def expected_seconds(wanted: Sequence[ExtraFits], lacking: Sequence[FitSpec], workers: int) -> float:
    """Return how long the missing fits will take, going by the fits of the search."""
    each = {
        spec.key: fmean(fold.run.timing.seconds for fold in further.trial.folds)
        for further in wanted
        for spec in further.specs.values()
    }
    return sum(each[spec.key] for spec in lacking) / workers


def train(
    home: Path,
    ledger: Ledger,
    entry: SweepEntry,
    lacking: Sequence[FitSpec],
    *,
    start_workers: StartWorkers,
    on_fit: OnFit,
) -> None:
    """Train fits and record each as it ends.

    Raises:
        UsageError: if they could not be set beside the recorded ones.
        WorkersFailed: if a fit cannot be run.
    """
    check_trainable(entry)
    stored = store(dataset_of(home, entry), home / "datasets")
    with start_workers() as workers:
        for job, run in run_all(workers, [job_of(entry, spec, stored) for spec in lacking]):
            ledger.add_run(job.spec, run)
            on_fit(job.spec, run)

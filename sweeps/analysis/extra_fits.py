"""Fits beside the search: trials of a finished sweep under other seeds, for a comparison or a design.

They are ordinary fits, recorded under their keys. Going on after a stop is asking for them again.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from sweeps.definition.changes import changes
from sweeps.definition.identity import check_device, plan_of, procedure_differences
from sweeps.definition.prepare import MIXED
from sweeps.definition.spec import Plan, PlannedArchitecture
from sweeps.execution.dispatch import run_all
from sweeps.execution.workers import Workers
from sweeps.verification.differences import dataset_differences
from sweeps.verification.verify import architecture_differences, job_of, load_again
from tracking.ledger.ledger import Ledger, SweepEntry
from tracking.records import SweepRecord, TrialRecord
from trainer.datasets import Dataset, open_stored, store
from trainer.errors import UsageError
from trainer.fits.results import FitRun
from trainer.fits.specs import FitSpec
from trainer.runtime.environment import environment

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


def dataset_of(home: Path, entry: SweepEntry) -> Dataset:
    """Return the sweep's dataset: the stored one, or loaded again from where it came from.

    Raises:
        UsageError: if it is gone or was changed.
    """
    stored = home / "datasets" / entry.dataset.fingerprint
    if stored.exists():
        return open_stored(stored)
    dataset = load_again(home, entry)
    for difference in dataset_differences(entry, dataset):
        raise UsageError(f"the dataset is not the one that was swept: {difference}")
    return dataset


def check_trainable(entry: SweepEntry) -> None:
    """Refuse to train fits that could not be set beside the recorded ones.

    Raises:
        UsageError: if versions, the kind of processor, refold's procedure of training or an architecture's
            source are others now, or GPUs trained the sweep.
    """
    check_device(entry)
    changed = [
        f"{change.name} {change.said('then', 'here')}"
        for change in changes(dict(entry.environment.platform), dict(environment().platform))
        if change.before != MIXED
    ]
    if changed:
        raise UsageError(
            f"the sweep {entry.name!r} was run with other versions or on another kind of processor: "
            f"{'; '.join(changed)}. Train there, or run the sweep again under another name"
        )
    for difference in procedure_differences(entry):
        raise UsageError(f"{difference}, or run the sweep again under another name")
    for difference in architecture_differences(entry):
        raise UsageError(f"{difference}; undo that, or run the sweep again under another name")


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

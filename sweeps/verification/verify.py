"""Verifies a record: derives, proposes and trains again from it alone; reports differences in order.

The home is not changed: training again uses a copy of the dataset in a temporary folder.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeps.definition import identity
from sweeps.definition.identity import Difference
from sweeps.execution.dispatch import run_all
from sweeps.retraining import recorded_code
from sweeps.retraining.differences import dataset_differences, fit_differences
from sweeps.retraining.recorded_code import RecordedCode
from sweeps.retraining.recorded_fits import StartWorkers, architecture_differences, job_of, load_again
from sweeps.verification import differences
from tracking.ledger.ledger import Ledger, SweepEntry
from tracking.ledger.seal_check import SealCheck
from tracking.records import FoldRecord, SweepRecord, TrialRecord
from trainer.datasets import Dataset, store
from trainer.errors import UsageError
from trainer.fits.names import fit_name
from trainer.runtime.environment import environment, of_training
from trainer.runtime.scratch import scratch_folder

Chosen = tuple[TrialRecord, FoldRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSelection:
    """Which fits to train again: all, those of one trial or one fold; by default a sample."""

    everything: bool = False
    architecture: str | None = None
    trial: int | None = None
    fold: int | None = None

    @property
    def sample(self) -> bool:
        """Whether a sample is drawn."""
        return not self.everything and self.architecture is None and self.fold is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was compared, and what differs.

    Attributes:
        sweep: the sweep's name.
        same_kind: whether it was recorded on this kind of machine, for which identical bytes are promised.
        proposed: number of trials that were proposed again.
        trained: number of fits that were trained again.
        recorded: number of fits in the record.
        differences: the differences, causes before effects; empty if everything matches.
        not_sealed: why the sweep's seal does not cover all rows of the record, in one line; None if it does.
    """

    sweep: str
    same_kind: bool
    proposed: int
    trained: int
    recorded: int
    differences: tuple[Difference, ...]
    not_sealed: str | None = None


def choose_fits(record: SweepRecord, changed: Sequence[str], wanted: FitSelection) -> list[Chosen]:
    """Choose the fits to train again.

    A sample is one fit of each architecture, drawn at random each time, and every fit whose record was
    changed.

    Args:
        record: the sweep.
        changed: the keys of fits whose checksum does not match.
        wanted: the user's selection.

    Raises:
        UsageError: if no fit matches the selection.
    """
    everything = [
        (trial, fold)
        for trial in record.trials
        for fold in trial.folds
        if fold.run.stopped_for is None or fold.spec.key in changed
    ]
    if wanted.sample:
        suspicious = [(trial, fold) for trial, fold in everything if fold.spec.key in changed]
        drawn = [
            random.SystemRandom().choice(mine)
            for name in record.architectures
            if (mine := [(trial, fold) for trial, fold in everything if trial.architecture == name])
        ]
        return list({fold.spec.key: (trial, fold) for trial, fold in suspicious + drawn}.values())
    chosen = [
        (trial, fold)
        for trial, fold in everything
        if wanted.architecture in (None, trial.architecture)
        and wanted.trial in (None, trial.number)
        and wanted.fold in (None, fold.spec.fold)
    ]
    if not chosen:
        raise UsageError(f"the sweep {record.name!r} has no such trial or fold")
    return chosen


def verify(
    home: Path,
    name: str,
    wanted: FitSelection,
    *,
    start_workers: StartWorkers,
    say: Callable[[str], None] = lambda _text: None,
    trust_code: bool = False,
) -> Report:
    """Verify a finished sweep.

    Args:
        home: the folder that holds its ledger.
        name: the sweep's name.
        wanted: which fits to train again.
        start_workers: see ``StartWorkers``.
        say: called with each line about the progress.
        trust_code: whether recorded code may run; see ``recorded_code.admit``.

    Raises:
        UsageError: if the record cannot be verified: it is unfinished, damaged or trained on GPUs, its
            dataset is gone, or its code is not trusted.
    """
    with Ledger.read(home) as ledger:
        ledger.check_integrity()
        seal = ledger.check_seal(name) if name in ledger.sweep_names() else SealCheck()
        try:
            record, entry = ledger.sweep(name), ledger.entry(name)
        except UsageError:
            if not seal.differences:
                raise
            return _unreadable(name, seal)  # the seal names the rows without reading what they say
        changed = ledger.changed_fits(name)
    if entry is None or not record.finished:
        if seal.differences:  # rows are missing, so trials are
            return _unreadable(name, seal)
        ended, asked = record.progress
        raise UsageError(
            f"the sweep {name!r} is not finished ({ended} of {asked} trials): verify it when it is; "
            "'refold run' continues an interrupted sweep"
        )
    identity.check_device(entry)
    chosen = choose_fits(record, changed, wanted)
    dataset = load_again(home, entry)
    found = _without_training(record, entry, dataset, changed)
    trained = 0
    if not found:
        architectures = [trial.architecture for trial, _ in chosen]
        code = recorded_code.admit(home, entry, architectures, trust_code=trust_code)
        say(f"training {len(chosen)} of {len(list(differences.fits(record)))} fits again")
        found = _trained_again(code, dataset, chosen, start_workers)
        trained = len(chosen)
        found += _unexplained(chosen, changed, found)
        found += _changed_beside(record, changed)
        if changed:
            found += differences.proposal_differences(record, identity.plan_of(entry))
    return Report(
        sweep=name,
        same_kind=differences.same_machine_kind(record, environment()),
        proposed=len(record.trials),
        trained=trained,
        recorded=len(list(differences.fits(record))),
        differences=(*found, *_seal_differences(seal)),
        not_sealed=seal.why,
    )


def _seal_differences(seal: SealCheck) -> list[Difference]:
    """Return what the seal says of the rows, reported last: it does not say what was changed in a row."""
    return [Difference(subject="seal", where=each.row, what=each.what) for each in seal.differences]


def _unreadable(name: str, seal: SealCheck) -> Report:
    """Return the report on a record of which only the seal can be compared: its rows do not fit together."""
    return Report(
        sweep=name,
        same_kind=True,
        proposed=0,
        trained=0,
        recorded=0,
        differences=tuple(_seal_differences(seal)),
        not_sealed=seal.why,
    )


def _without_training(
    record: SweepRecord, entry: SweepEntry, dataset: Dataset, changed: Sequence[str]
) -> list[Difference]:
    if older := identity.procedure_differences(entry):
        return older
    plan = identity.plan_of(entry)
    found = differences.environment_differences(record, of_training())
    found += differences.identity_differences(entry)
    found += dataset_differences(entry, dataset)
    found += architecture_differences(entry)
    if not found:
        found += differences.spec_differences(record, plan)
        found += differences.score_differences(record)
        if not found and not changed:  # causes first: training again shows what was changed in a fit
            found += differences.proposal_differences(record, plan)
    return found


def _trained_again(
    code: RecordedCode, dataset: Dataset, chosen: Sequence[Chosen], start_workers: StartWorkers
) -> list[Difference]:
    by_key = {fold.spec.key: (trial, fold) for trial, fold in chosen}
    found: dict[str, list[Difference]] = {}
    with scratch_folder() as folder:
        stored = store(dataset, folder)
        jobs = [job_of(code, fold.spec, stored, trial.number) for trial, fold in chosen]
        with start_workers(folder / "workers.log") as workers:
            for job, again in run_all(workers, jobs):
                trial, fold = by_key[job.spec.key]
                found[job.spec.key] = fit_differences(fold, trial.number, again)
    return [difference for key in by_key for difference in found[key]]


def _changed_beside(record: SweepRecord, changed: Sequence[str]) -> list[Difference]:
    """Report changed records of extra fits (of comparisons, of variance analyses): not trained again."""
    of_trials = {fold.spec.key for fold in differences.fits(record)}
    what = "its record was changed after it was written"
    return [
        Difference(subject="checksum", where=f"fit {key[:16]} beside the search", what=what)
        for key in changed
        if key not in of_trials
    ]


def _unexplained(
    chosen: Sequence[Chosen], changed: Sequence[str], found: Sequence[Difference]
) -> list[Difference]:
    """Report fits whose record was changed in something that training again does not show: times, hosts."""
    named = {difference.where for difference in found}
    places = [fit_name(fold.spec, trial.number) for trial, fold in chosen if fold.spec.key in changed]
    what = "its record was changed after it was written, in parts like times or the host"
    return [Difference(subject="checksum", where=p, what=what) for p in places if p not in named]

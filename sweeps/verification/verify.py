"""Verifies a record: derives again all that follows from it, and trains fits again; reports what differs.

The home is not changed: training again uses a copy of the dataset in a temporary folder.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sweeps.analysis.exam.comparison import exam_of
from sweeps.definition import identity
from sweeps.definition.identity import Difference
from sweeps.definition.plan import Plan
from sweeps.execution.dispatch import run_all
from sweeps.retraining import recorded_code
from sweeps.retraining.differences import dataset_differences, fit_differences
from sweeps.retraining.recorded_code import RecordedCode
from sweeps.retraining.recorded_fits import (
    StartWorkers,
    architecture_differences,
    check_not_stopped,
    job_of,
    load_again,
)
from sweeps.verification import circumstances, differences, exports, reports, results, sweep_text, trials
from sweeps.verification.asked_fits import AskedFit, asked_fits
from sweeps.verification.report import Report
from sweeps.verification.selection import FitSelection, choose_fits
from tracking.ledger.contents import SweepContents
from tracking.ledger.entry import SweepEntry
from tracking.ledger.file import reading
from tracking.ledger.ledger import Ledger
from tracking.ledger.seal_check import SealCheck
from tracking.records import Opening, Purpose, SweepRecord
from trainer.datasets import Loaded, store
from trainer.errors import UsageError
from trainer.runtime.environment import environment, of_training
from trainer.runtime.scratch import scratch_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a caller of ``verify`` asks for; see there."""

    home: Path
    wanted: FitSelection
    start_workers: StartWorkers
    say: Callable[[str], None]
    trust_code: bool


@dataclass(slots=True, kw_only=True)
class _Verification:
    """One verification: the record as it was read, and what was found so far."""

    entry: SweepEntry
    record: SweepRecord
    contents: SweepContents
    changed: Collection[str]
    seal: SealCheck
    openings: Sequence[Opening] = ()
    asked: Sequence[AskedFit] = ()
    found: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def recorded(self) -> int:
        """Number of recorded fits."""
        return len({fit.key for fit in self.asked if fit.fold is not None})

    def report(self, *, proposed: int = 0, trained: Sequence[AskedFit] = ()) -> Report:
        """Return what was found."""
        return Report(
            sweep=self.entry.name,
            same_kind=differences.same_machine_kind(self.record, environment()),
            proposed=proposed,
            trained=len(trained),
            recorded=self.recorded,
            differences=(*self.found, *_checksums(self, trained), *_of_seal(self.seal)),
            notes=tuple(self.notes),
            not_sealed=self.seal.why,
        )


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
        made = _read(ledger, name)
        openings = ledger.damaged_openings()
    if isinstance(made, Report):
        return made
    if openings is not None:
        made.found.append(Difference(subject="openings", where="the exams of this home", what=openings))
    asked = _Asked(home=home, wanted=wanted, start_workers=start_workers, say=say, trust_code=trust_code)
    return _verified(made, asked)


def _read(ledger: Ledger, name: str) -> "_Verification | Report":
    """Read a record. If its rows do not fit together, report what differs in those that can be read.

    Raises:
        UsageError: if there is no such sweep, or its record is damaged in a way that nothing else explains.
    """
    seal = ledger.check_seal(name) if name in ledger.sweep_names() else SealCheck()
    found: tuple[Difference, ...] = ()
    try:
        entry = ledger.entry(name)
        found = () if entry is None else _of_entry(entry)
        record = ledger.sweep(name)  # raises if there is no such sweep
        assert entry is not None  # noqa: S101
        return _Verification(
            entry=entry,
            record=record,
            contents=ledger.contents(name),
            changed=ledger.changed_fits(name),
            seal=seal,
            openings=() if record.dataset.exam is None else ledger.openings(record.dataset.exam.fingerprint),
            found=list(found),
        )
    except UsageError:
        if not found and not seal.differences:
            raise
        differ = (*found, *_of_seal(seal))
        return Report(sweep=name, same_kind=True, differences=differ, not_sealed=seal.why)


def _of_seal(seal: SealCheck) -> list[Difference]:
    """Return what the seal says of the rows, reported last: it does not say what was changed in a row."""
    return [Difference(subject="seal", where=each.row, what=each.what) for each in seal.differences]


def _verified(made: _Verification, asked: _Asked) -> Report:
    """Compare a record from its causes to its effects; stop where what is left would only follow."""
    plan = None if made.found else _trials(made)
    if not made.record.finished:
        if made.found or made.seal.differences:  # rows are missing, so trials are
            return made.report()
        raise _unfinished(made.record)
    identity.check_device(made.entry)
    if identity.procedure_differences(made.entry):
        return made.report()
    loaded = _compared_with_here(made, asked.home)
    if made.found or plan is None or loaded is None:
        return made.report()
    with reading(f"the sweep {made.entry.name!r}"):
        made.found += _derived(made, plan, loaded)
        effects = [] if made.found else _effects(made, plan, loaded)
    # Differences of outcomes are effects. Training again names their cause: where a record was changed.
    if made.found or (effects and not made.changed and not asked.wanted.everything):
        made.found += effects
        return made.report(proposed=len(made.record.trials))
    return _with_training(made, asked, loaded, effects)


def _with_training(
    made: _Verification, asked: _Asked, loaded: Loaded, effects: Sequence[Difference]
) -> Report:
    """Train the chosen fits again; what differs in them comes before the effects of the outcomes."""
    proposed = len(made.record.trials)
    chosen = choose_fits(made.entry.name, made.asked, made.changed, asked.wanted)
    architectures = [fit.architecture for fit in chosen]
    try:
        code = recorded_code.admit(asked.home, made.entry, architectures, trust_code=asked.trust_code)
    except UsageError as refused:
        if not effects:
            raise
        made.found += effects
        made.notes.append(str(refused))
        return made.report(proposed=proposed)
    asked.say(f"training {len(chosen)} of {made.recorded} fits again")
    _train_again(made, code, loaded, chosen, asked.start_workers)
    made.found += effects
    return made.report(proposed=proposed, trained=chosen)


def _trials(made: _Verification) -> Plan:
    """Rebuild the plan, and compare the trials with it."""
    plan = identity.plan_of(made.entry)
    with reading(f"the sweep {made.entry.name!r}"):
        made.asked = asked_fits(made.record, made.contents, plan)
        made.found += trials.trial_differences(made.record, plan)
    return plan


def _unfinished(record: SweepRecord) -> UsageError:
    ended, asked = record.progress
    return UsageError(
        f"the sweep {record.name!r} is not finished ({ended} of {asked} trials): verify it when it is; "
        "'refold run' continues an interrupted sweep"
    )


def _of_entry(entry: SweepEntry) -> tuple[Difference, ...]:
    """Compare the parts of a sweep's entry with each other."""
    if older := identity.procedure_differences(entry):
        return tuple(older)
    with reading(f"the sweep {entry.name!r}"):
        return (*differences.identity_differences(entry), *sweep_text.text_differences(entry))


def _compared_with_here(made: _Verification, home: Path) -> Loaded | None:
    """Compare software, dataset and sources with those here; return the images.

    Raises:
        UsageError: if the dataset or a user's architecture file is gone, and nothing else was found.
    """
    try:
        with reading(f"the sweep {made.entry.name!r}"):
            of_software = differences.environment_differences(made.asked, of_training())
            made.found = of_software + made.found
            loaded = load_again(home, made.entry)
            made.found += dataset_differences(made.entry, loaded)
            made.found += architecture_differences(made.entry)
    except UsageError:
        if made.found or made.seal.differences:
            return None
        raise
    return loaded


def _derived(made: _Verification, plan: Plan, loaded: Loaded) -> list[Difference]:
    """Derive again what the plan and the dataset say of each fit.

    A refit's number of epochs follows from the outcomes of its trial, so its spec comes with the effects.
    """
    planned = [fit for fit in made.asked if fit.purpose != Purpose.EXAM]
    made.notes += circumstances.limit_notes(made.asked, sweep_text.fit_minutes(made.entry))
    return [
        *differences.held_out_differences(plan, made.entry.name, loaded.search),
        *differences.spec_differences(planned),
        *results.result_differences(made.asked, loaded),
        *circumstances.circumstance_differences(made.asked),
        *trials.asked_differences(planned, made.contents.unasked),
    ]


def _effects(made: _Verification, plan: Plan, loaded: Loaded) -> list[Difference]:
    """Compare what follows from the outcomes of fits: proposals, fits beside the search, models, reports."""
    exported, of_exports = exports.export_differences(made.record, made.entry, made.contents.cards, loaded)
    made.notes += of_exports
    refits = [fit for fit in made.asked if fit.purpose == Purpose.EXAM]
    found = [
        *trials.beside_differences(made.record, made.contents),
        *differences.spec_differences(refits),
        *trials.asked_differences(refits, ()),
        *differences.proposal_differences(made.record, plan),
        *exported,
    ]
    if not found:  # reports take the longest, and would differ with the outcomes
        told, metric = made.record.dataset.exam, made.record.metric
        exam = None
        if told is not None and loaded.exam is not None:
            exam = exam_of(made.entry, told, loaded.exam, metric, made.openings)
        found, of_reports = reports.report_differences(made.record, made.contents, loaded.search, exam)
        made.notes += of_reports
    return found


def _train_again(
    made: _Verification,
    code: RecordedCode,
    loaded: Loaded,
    chosen: Sequence[AskedFit],
    start_workers: StartWorkers,
) -> None:
    """Train fits again, and add what differs in their order."""
    by_key = {fit.key: fit for fit in chosen}
    found: dict[str, list[Difference]] = {}
    with scratch_folder() as folder:
        stored = store(loaded.search, folder)
        if loaded.exam is not None and any(fit.purpose == Purpose.EXAM for fit in chosen):
            store(loaded.exam, folder)
        jobs = [job_of(code, f.fold.spec, stored, f.number) for f in chosen if f.fold is not None]
        with start_workers(folder / "workers.log") as workers:
            for job, again in run_all(workers, jobs):
                fit = by_key[job.spec.key]
                assert fit.fold is not None  # noqa: S101 - chosen fits are recorded
                if fit.stopped:
                    found[job.spec.key], explained = circumstances.stopped_again(fit, again, made.changed)
                    made.notes += explained
                    continue
                check_not_stopped(fit.where, again)
                differ = fit_differences(fit.fold, fit.number, again)
                found[job.spec.key] = [replace(each, where=fit.where) for each in differ]
    made.found += [difference for fit in chosen for difference in found[fit.key or ""]]


def _checksums(made: _Verification, chosen: Sequence[AskedFit]) -> list[Difference]:
    """Report fits whose record was changed in something that nothing else has shown."""
    named, trained = {difference.where for difference in made.found}, {fit.key for fit in chosen}
    found = []
    for fit in made.asked:
        if fit.key in made.changed and fit.where not in named:
            what = "its record was changed after it was written"
            what += ", in parts like times or the host" if fit.key in trained else ""
            found.append(Difference(subject="checksum", where=fit.where, what=what))
    return found

"""Recorded fits trained again: what that needs, whether this machine can do it, and proof of the result."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path

from sweeps.definition.changes import changes
from sweeps.definition.identity import Difference, check_device, identity_of, procedure_differences
from sweeps.definition.prepare import MIXED
from sweeps.definition.requirements import to_go_on
from sweeps.execution.workers import Workers
from sweeps.retraining.differences import dataset_differences, fit_differences
from sweeps.retraining.recorded_code import RecordedCode
from tracking.ledger.entry import SweepEntry
from tracking.records import FoldRecord
from trainer.architectures import source_digest
from trainer.datasets import Dataset, Loaded, fingerprint_of, load, open_stored, stored_at
from trainer.errors import Mismatch, UsageError
from trainer.fits.names import fit_name
from trainer.fits.results import FitRun
from trainer.fits.specs import FitSpec
from trainer.names import rule_for_recorded
from trainer.process.jobs import Job
from trainer.runtime.environment import environment

#: Starts workers in fresh processes that print to a log file, and ends them on leaving the context.
StartWorkers = Callable[[Path], AbstractContextManager[Workers]]


#: What only a refit that is scored on an exam has, and what names it.
_OF_EXAM = (
    "key", "probabilities_sha256", "predictions", "confidences", "confusion", "f1", "parameters", "metric",
    "probabilities",
)  # fmt: skip


def load_again(home: Path, entry: SweepEntry) -> Loaded:
    """Load the sweep's dataset from its source again; arrays have no source but the home.

    Raises:
        UsageError: if the source is gone or cannot be read any more.
    """
    if fingerprint_of(entry.details.dataset) is not None:
        return _stored_arrays(home, entry)
    rule = rule_for_recorded(entry.dataset.classes)
    return load(entry.details.dataset, base=Path(entry.details.folder), class_name=rule)


def _stored_arrays(home: Path, entry: SweepEntry) -> Loaded:
    """Return the dataset of a sweep on arrays."""
    exam, folder = entry.dataset.exam, home / "datasets"
    try:
        return Loaded(
            search=open_stored(stored_at(folder, entry.dataset.fingerprint)),
            exam=None if exam is None else open_stored(stored_at(folder, exam.fingerprint)),
            exam_from="" if exam is None else exam.origin,
        )
    except UsageError as error:
        raise UsageError(f"{error} with the same arrays: they came from a notebook or script") from None


def dataset_of(home: Path, entry: SweepEntry) -> Dataset:
    """Return the images of the sweep's search: the stored ones, or loaded again from their source.

    Raises:
        UsageError: if the dataset is gone or was changed.
    """
    stored = stored_at(home / "datasets", entry.dataset.fingerprint)
    if stored.exists():
        return open_stored(stored)
    loaded = load_again(home, entry)
    for difference in dataset_differences(entry, loaded):
        raise UsageError(f"the dataset is not the one that was swept: {difference}")
    return loaded.search


def job_of(code: RecordedCode, spec: FitSpec, stored: Path, trial: int | None = None) -> Job:
    """Return the job for a fit of a recorded sweep.

    Args:
        code: the sweep's recorded code that may run.
        spec: the fit.
        stored: the folder of the stored dataset. If the fit is scored on an exam, that is stored beside it.
        trial: number of the fit's trial, for its name.
    """
    exam = None if spec.exam is None else str(stored_at(stored.parent, spec.exam))
    source = code.sources.get(spec.architecture)
    return Job(spec=spec, dataset=str(stored), source=source, trial=trial, exam=exam)


def check_trainable(entry: SweepEntry) -> None:
    """Refuse to train fits that could not be compared with the recorded ones.

    Raises:
        UsageError: if package versions, the kind of processor, refold's training procedure or an
            architecture's source have changed, or GPUs trained the sweep.
    """
    check_device(entry)
    for difference in procedure_differences(entry):
        raise UsageError(f"{difference}, or run the sweep again under another name")
    changed = [
        f"{change.name} {change.said('then', 'here')}"
        for change in changes(dict(entry.environment.platform), dict(environment().platform))
        if change.before != MIXED
    ]
    if changed:
        raise UsageError(
            f"the sweep {entry.name!r} was run with other versions or on another kind of processor: "
            f"{'; '.join(changed)}. Train {to_go_on(entry.environment, environment())}, or run the sweep "
            "again under another name"
        )
    for difference in architecture_differences(entry):
        raise UsageError(f"{difference}; undo that, or run the sweep again under another name")


def architecture_differences(entry: SweepEntry) -> list[Difference]:
    """Compare each architecture's present source with the recorded digest. The source is not run.

    A user's file that is gone, or is no text any more, is no difference: its text is recorded.
    """
    found, recorded = [], identity_of(entry)
    for name in entry.architectures:
        then = recorded.digest_of(name)
        for now, explanation in _digests_now(entry, name):
            if now != then:
                what = f"digest {then[:16]} recorded, {now[:16]} {explanation}"
                found.append(Difference(subject="architecture source", where=name, what=what))
                break
    return found


def _digests_now(entry: SweepEntry, name: str) -> list[tuple[str, str]]:
    """Return the digests of an architecture's source now, each with the meaning of a difference."""
    recorded = entry.details.sources.get(name)
    if recorded is None:
        return [(source_digest(name), "here: its source was edited")]
    digests = [(recorded.digest, "of the recorded text: the record was changed")]
    with suppress(UsageError):
        now = recorded.read_again(Path(entry.details.folder))
        changed = ", ".join(recorded.changed(now))
        digests.append((now.digest, f"here: {changed} was changed"))
    return digests


def prove(fold: FoldRecord, number: int, again: FitRun) -> None:
    """Check that a fit trained again is the recorded one, bit for bit.

    Args:
        fold: the recorded fit.
        number: its trial's number.
        again: the fit trained again.

    Raises:
        Mismatch: if something differs; the message names the first difference and what may explain it.
        UsageError: if the fit was stopped here.
    """
    check_not_stopped(fit_name(fold.spec, number), again)
    for difference in fit_differences(fold, number, again):
        raise Mismatch(f"trained again, {difference}{_cause(fold)}")


def prove_without_exam(fold: FoldRecord, number: int, again: FitRun) -> None:
    """Check that a refit trained again without its exam has the weights of the recorded one, at every epoch.

    Args:
        fold: the recorded refit, which was scored on an exam.
        number: its trial's number.
        again: the refit trained again, which was not.

    Raises:
        Mismatch, UsageError: as for ``prove``.
    """
    of_training = {name: getattr(again.result, name) for name in _OF_EXAM}
    prove(replace(fold, run=replace(fold.run, result=replace(fold.run.result, **of_training))), number, again)


def check_not_stopped(where: str, again: FitRun) -> None:
    """Check that a fit was trained again to its end: otherwise it shows nothing about the record.

    Args:
        where: the fit's name.
        again: the fit trained again.

    Raises:
        UsageError: if it was stopped.
    """
    if again.stopped_for is not None:
        raise UsageError(
            f"{where} could not be trained again here, so nothing is shown about its record: it "
            f"{again.result.reason}"
        )


def _cause(recorded: FoldRecord) -> str:
    """Say what may explain a difference: other software or another processor than at recording."""
    then, now = dict(recorded.spec.platform), dict(environment().platform)
    changed = [f"{change.name} {change.said('then', 'now')}" for change in changes(then, now)]
    if not changed:
        return ""
    return f" ({'; '.join(changed)}: train {to_go_on(recorded.run.environment, environment())})"

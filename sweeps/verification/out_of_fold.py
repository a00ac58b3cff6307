"""Held-out predictions of any recorded trial: from the record, or trained again and proven by its digests."""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sweeps.execution.dispatch import run_all
from sweeps.verification.retraining import StartWorkers, check_trainable, job_of, prove
from tracking.ledger.ledger import SweepEntry
from tracking.records import FoldRecord, TrialRecord
from tracking.reports.out_of_fold import HeldOut, OutOfFold
from trainer.datasets import open_stored
from trainer.errors import Mismatch, UsageError
from trainer.fits.names import fit_name, trial_name
from trainer.fits.results import FitResult

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Again:
    """What a fit gave when it was trained again, proven to be what it gave first."""

    result: FitResult
    probabilities: Probabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutSource:
    """Where a recorded sweep's held-out predictions come from.

    Attributes:
        entry: the sweep.
        stored: folder of its stored dataset.
        start_workers: starts training processes of this machine, which write what they predict to files here.
    """

    entry: SweepEntry
    stored: Path
    start_workers: StartWorkers

    def predictions(self, trial: TrialRecord) -> OutOfFold:
        """Return which class a trial's fits gave each held-out image, and how sure they were.

        They come from the record. A fit whose record does not hold them is trained again.

        Args:
            trial: of the sweep; of one that is running, pruned or failed, the folds that it completed.

        Raises:
            UsageError: if no image was held out, the stored dataset is gone, or fits that lack predictions
                cannot be repeated here: other software, kind of processor, procedure or code.
            Mismatch: if training again gives something else than the record's digests.
            WorkersFailed: if a fit cannot be run.
        """
        held_out = HeldOut(open_stored(self.stored))
        lacking = [fold for fold in trial.folds if held_out.lacks(fold)]
        again = self._train(trial, lacking) if lacking else {}
        return _joined(held_out, trial, again)

    def probabilities(self, trial: TrialRecord) -> OutOfFold:
        """Return the same with the probabilities of all classes: the record has only their digest.

        Raises:
            UsageError, Mismatch, WorkersFailed: like ``predictions``.
        """
        held_out = HeldOut(open_stored(self.stored))
        complete = [fold for fold in trial.folds if fold.run.result.state == "complete"]
        again = self._train(trial, complete) if complete else {}
        found = _joined(held_out, trial, again)
        ordered = [again[fold.spec.key].probabilities for fold in complete]
        return replace(found, probabilities=np.concatenate(ordered))

    def _train(self, trial: TrialRecord, folds: Sequence[FoldRecord]) -> Mapping[str, _Again]:
        """Train fits again; return by key what they gave."""
        check_trainable(self.entry)
        records, found = {fold.spec.key: fold for fold in folds}, {}
        with tempfile.TemporaryDirectory(prefix="refold-held-out-") as folder:
            files = {key: Path(folder) / f"{key}.npy" for key in records}
            jobs = [
                replace(job_of(self.entry, fold.spec, self.stored, trial.number), held_out=str(files[key]))
                for key, fold in records.items()
            ]
            with self.start_workers(Path(folder) / "workers.log") as workers:
                for job, run in run_all(workers, jobs):
                    key = job.spec.key
                    prove(_with_predictions(records[key], run.result), trial.number, run)
                    found[key] = _Again(run.result, _proven(files[key], records[key], trial.number))
        return found


def _with_predictions(fold: FoldRecord, again: FitResult) -> FoldRecord:
    """Return a record with the predictions that it lacks; the digest of what they follow from is in it."""
    then = fold.run.result
    if then.predictions and then.confidences:
        return fold
    known = replace(then, predictions=again.predictions, confidences=again.confidences)
    return replace(fold, run=replace(fold.run, result=known))


def _proven(file: Path, fold: FoldRecord, number: int) -> Probabilities:
    """Read the probabilities that a fit wrote, if they are those that the record has the digest of."""
    probabilities: Probabilities = np.load(file).astype("<f4")
    digest = hashlib.sha256(probabilities.tobytes()).hexdigest()
    recorded = fold.run.result.probabilities_sha256
    if digest != recorded:
        raise Mismatch(
            f"{fit_name(fold.spec, number)}: probabilities: {recorded[:16]} recorded, {digest[:16]} written "
            "by the process that trained again"
        )
    return probabilities


def _joined(held_out: HeldOut, trial: TrialRecord, again: Mapping[str, _Again]) -> OutOfFold:
    """Join predictions with the images, those that were trained again in place of those that were missing."""
    folds = tuple(
        replace(fold, run=replace(fold.run, result=again[fold.spec.key].result))
        if fold.spec.key in again
        else fold
        for fold in trial.folds
    )
    found = held_out.of(replace(trial, folds=folds))
    if found is None:
        why = f": {trial.reason}" if trial.reason else ""
        raise UsageError(
            f"{trial_name(trial.architecture, trial.number)} has predicted no held-out image{why}"
        )
    return found

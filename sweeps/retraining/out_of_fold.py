"""Held-out predictions of recorded trials: from the record, or from fits trained again and proven."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sweeps.execution.dispatch import run_all
from sweeps.retraining.recorded_code import admit
from sweeps.retraining.recorded_fits import StartWorkers, check_trainable, job_of, prove
from tracking.ledger.entry import SweepEntry
from tracking.records import FoldRecord, TrialRecord
from tracking.reports.out_of_fold import HeldOut, OutOfFold
from trainer.datasets import open_stored
from trainer.errors import Mismatch, UsageError
from trainer.fits.names import fit_name, trial_name
from trainer.fits.results import FitResult
from trainer.runtime.scratch import scratch_folder

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Again:
    """The result of a fit that was trained again, proven equal to the recorded one."""

    result: FitResult
    probabilities: Probabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutSource:
    """Gives the held-out predictions of a recorded sweep's trials.

    Attributes:
        home: the folder that holds the ledger.
        entry: the sweep.
        stored: the folder of its stored dataset.
        start_workers: starts training processes on this machine; they write their predictions to files here.
        trust_code: whether recorded code may run; see ``recorded_code.admit``.
    """

    home: Path
    entry: SweepEntry
    stored: Path
    start_workers: StartWorkers
    trust_code: bool = False

    def predictions(self, trial: TrialRecord) -> OutOfFold:
        """Return the class that a trial's fits predicted for each held-out image, with its probability.

        Predictions come from the record. A fit whose record lacks them is trained again.

        Args:
            trial: a trial of the sweep. If it is running, pruned or failed, its completed folds are used.

        Raises:
            UsageError: if the trial has predicted no held-out image, the stored dataset is gone, or fits that
                lack predictions cannot be repeated here because software, kind of processor, training
                procedure or code differ.
            Mismatch: if a fit trained again does not have the record's digests.
            WorkersFailed: if a fit cannot be run.
        """
        held_out = HeldOut(open_stored(self.stored))
        lacking = [fold for fold in trial.folds if held_out.lacks(fold)]
        again = self._train(trial, lacking) if lacking else {}
        return _joined(held_out, trial, again)

    def probabilities(self, trial: TrialRecord) -> OutOfFold:
        """Return the predictions with the probabilities of all classes.

        If the record does not keep them, fits are trained again.

        Raises:
            UsageError, Mismatch, WorkersFailed: as for ``predictions``.
        """
        held_out = HeldOut(open_stored(self.stored))
        if (kept := held_out.of(trial)) is not None and kept.probabilities is not None:
            return kept
        complete = [fold for fold in trial.folds if fold.run.result.state == "complete"]
        again = self._train(trial, complete) if complete else {}
        found = _joined(held_out, trial, again)
        ordered = [again[fold.spec.key].probabilities for fold in complete]
        return replace(found, probabilities=np.concatenate(ordered))

    def _train(self, trial: TrialRecord, folds: Sequence[FoldRecord]) -> Mapping[str, _Again]:
        """Train fits again; return their results by key."""
        check_trainable(self.entry)
        code = admit(self.home, self.entry, [trial.architecture], trust_code=self.trust_code)
        records, found = {fold.spec.key: fold for fold in folds}, {}
        with scratch_folder() as folder:
            files = {key: folder / f"{key}.npy" for key in records}
            jobs = [
                replace(job_of(code, fold.spec, self.stored, trial.number), held_out=str(files[key]))
                for key, fold in records.items()
            ]
            with self.start_workers(folder / "workers.log") as workers:
                for job, run in run_all(workers, jobs):
                    key = job.spec.key
                    prove(_with_predictions(records[key], run.result), trial.number, run)
                    found[key] = _Again(run.result, _proven(files[key], records[key], trial.number))
        return found


def _with_predictions(fold: FoldRecord, again: FitResult) -> FoldRecord:
    """Return a recorded fit with the predictions that it lacks; its recorded digest has proven them."""
    then = fold.run.result
    if then.predictions and then.confidences:
        return fold
    known = replace(then, predictions=again.predictions, confidences=again.confidences)
    return replace(fold, run=replace(fold.run, result=known))


def _proven(file: Path, fold: FoldRecord, number: int) -> Probabilities:
    """Read the probabilities that a fit wrote, and check them against the record's digest."""
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
    """Join predictions with the images; missing predictions come from the fits trained again."""
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

"""Trains recorded fits again to keep their models, and compares each fit with its record."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sweeps.definition import identity
from sweeps.definition.requirements import version_of_refold
from sweeps.execution.dispatch import run_all
from sweeps.execution.training_processes import training_processes
from sweeps.export.request import ExportRequest
from sweeps.export.selection import ModelSelection
from sweeps.retraining.recorded_fits import job_of, prove, prove_without_exam
from tracking.ledger.entry import SweepEntry
from tracking.records import FoldRecord
from trainer.architectures import source_digest
from trainer.errors import Mismatch
from trainer.fits.results import FitRun
from trainer.process.jobs import Job, Keep
from trainer.quantities import counted, duration
from trainer.user_code import check_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A fit that was trained again, with its model.

    Attributes:
        run: the result of the fit.
        weights: the ``.npz`` file of its weights; see ``trainer.process.jobs.Keep``.
        probabilities: the ``.npy`` file of its probabilities for the evaluation images.
    """

    run: FitRun
    weights: Path
    probabilities: Path


def check_code(entry: SweepEntry, choice: ModelSelection) -> None:
    """Check that refold's and the architecture's code is the recorded one.

    Raises:
        Mismatch: if it was changed.
        UsageError: if GPUs trained the sweep, as its fits cannot be repeated here.
    """
    identity.check_device(entry)
    for difference in identity.procedure_differences(entry):
        raise Mismatch(str(difference))
    name = choice.trial.architecture
    recorded = choice.specs[0].architecture_digest
    if (source := entry.details.sources.get(name)) is not None:
        check_digest(source, name=name, digest=recorded)
    elif (now := source_digest(name)) != recorded:
        raise Mismatch(
            f"the architecture {name} is not the recorded one any more (digest {recorded[:16]} recorded, "
            f"{now[:16]} here): use the version of refold that ran the sweep "
            f"({version_of_refold(entry.environment)}, as it was then)"
        )


def retrain(request: ExportRequest, work: Path) -> list[Member]:
    """Train the model's fits side by side, each in its own process, and keep weights and probabilities.

    Args:
        request: the export request.
        work: the folder with ``images.npy``, the evaluation images; takes the kept files.

    Raises:
        Mismatch: if a fit fails, or differs from its record.
        WorkersFailed: if a fit cannot be run.
    """
    choice = request.choice
    jobs = [
        replace(
            job_of(request.code, spec, request.dataset, choice.trial.number),
            keep=Keep(
                weights=str(work / f"{index}.npz"),
                images=str(work / "images.npy"),
                probabilities=str(work / f"{index}.npy"),
            ),
        )
        for index, spec in enumerate(choice.specs)
    ]
    runs = _train(jobs, request)
    for recorded, run in zip(choice.recorded, runs, strict=True):
        _check(recorded, choice.twin, choice.trial.number, run)
    return [
        Member(run=run, weights=work / f"{index}.npz", probabilities=work / f"{index}.npy")
        for index, run in enumerate(runs)
    ]


def _train(jobs: Sequence[Job], request: ExportRequest) -> list[FitRun]:
    """Run the jobs side by side; return their results in the order of the jobs."""
    runs: dict[str, FitRun] = {}
    with training_processes(min(request.processes, len(jobs)), request.log) as workers:
        for job, run in run_all(workers, jobs):
            epochs = counted(len(run.result.epochs), "epoch")
            request.say(f"trained {job.name}: {epochs} in {duration(run.timing.seconds)}")
            runs[job.spec.key] = run
    return [runs[job.spec.key] for job in jobs]


def _check(recorded: FoldRecord | None, twin: FoldRecord | None, number: int, run: FitRun) -> None:
    """Compare a fit with its record, if there is one; a refit with the one that was scored on the exam."""
    try:
        if recorded is not None:
            prove(recorded, number, run)
        elif twin is not None and twin.run.stopped_for is None:
            prove_without_exam(twin, number, run)
    except Mismatch as different:
        raise Mismatch(f"{different}; nothing was exported") from None
    if run.result.state != "complete":
        raise Mismatch(f"the refit failed where the folds did not: {run.result.reason}")

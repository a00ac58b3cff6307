"""Trains fits again so that their models can be kept, and compares each with its record."""

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from sweeps.definition import identity
from sweeps.definition.changes import changes
from sweeps.export.request import ExportRequest
from sweeps.export.selection import ModelSelection
from sweeps.verification import differences
from tracking.ledger.ledger import SweepEntry
from tracking.records import FoldRecord
from trainer.architectures import source_digest
from trainer.errors import Mismatch
from trainer.fits.results import FitRun
from trainer.process.jobs import Job, Keep
from trainer.process.training_process import ProcessDied, TrainingProcess
from trainer.quantities import counted, duration
from trainer.runtime.environment import environment
from trainer.user_code import check_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A model that was trained again.

    Attributes:
        run: its fit.
        weights: ``.npz`` of its weights, see ``trainer.process.jobs.Keep``.
        probabilities: ``.npy`` of what it gave for the images to compare.
    """

    run: FitRun
    weights: Path
    probabilities: Path


def check_code(entry: SweepEntry, choice: ModelSelection) -> None:
    """Check that the code is the one that was recorded: refold's own, and the architecture's.

    Raises:
        Mismatch: if it is not.
        UsageError: if GPUs trained the sweep: its fits cannot be repeated here.
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
            f"{now[:16]} here): use the version of refold that ran the sweep"
        )


def retrain(request: ExportRequest, work: Path) -> list[Member]:
    """Train the model's fits, side by side in processes of their own, and keep what they give.

    Args:
        request: what to make.
        work: folder with ``images.npy``, which every model is asked about; takes what is kept.

    Raises:
        Mismatch: if a fit fails, or is not what was recorded.
    """
    choice = request.choice
    jobs = [
        Job(
            spec=spec,
            dataset=str(request.dataset),
            trial=choice.trial.number,
            source=request.source,
            keep=Keep(
                weights=str(work / f"{index}.npz"),
                images=str(work / "images.npy"),
                probabilities=str(work / f"{index}.npy"),
            ),
        )
        for index, spec in enumerate(choice.specs)
    ]
    runs = _train(jobs, request.log, request.processes, request.say)
    for recorded, run in zip(choice.recorded, runs, strict=True):
        _check(recorded, choice.trial.number, run)
    return [
        Member(run=run, weights=work / f"{index}.npz", probabilities=work / f"{index}.npy")
        for index, run in enumerate(runs)
    ]


def _train(jobs: Sequence[Job], log: Path, processes: int, say: Callable[[str], None]) -> list[FitRun]:
    """Run the jobs; whatever interrupts that ends the processes too."""
    count = min(processes, len(jobs))
    free: queue.Queue[TrainingProcess] = queue.Queue()

    def run(job: Job) -> FitRun:
        process = free.get()
        try:
            done = process.run(job, lambda _number, _epoch, _seconds: None)
        except (ProcessDied, RuntimeError) as error:
            raise Mismatch(f"{job.name} could not be trained: {error}") from error
        finally:
            free.put(process)
        epochs = counted(len(done.result.epochs), "epoch")
        say(f"trained {job.name}: {epochs} in {duration(done.timing.seconds)}")
        return done

    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(count))
        for _ in range(count):  # closed before the pool, which waits for those who wait for them
            free.put(stack.enter_context(closing(TrainingProcess(log))))
        return list(pool.map(run, jobs))


def _check(recorded: FoldRecord | None, number: int, run: FitRun) -> None:
    """Compare a fit with its record, if it has one."""
    if recorded is None:
        if run.result.state != "complete":
            raise Mismatch(f"the refit failed where the folds did not: {run.result.reason}")
        return
    found = differences.fit_differences(recorded, number, run)
    if found:
        raise Mismatch(f"trained again, {found[0]}{_cause(recorded)}; nothing was exported")


def _cause(recorded: FoldRecord) -> str:
    """Say what may explain a difference: other software or another processor than then."""
    then, now = dict(recorded.spec.platform), dict(environment().platform)
    changed = [f"{change.name} {change.said('then', 'now')}" for change in changes(then, now)]
    return f" ({'; '.join(changed)})" if changed else ""

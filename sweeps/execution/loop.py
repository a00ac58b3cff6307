"""Runs a sweep, or continues one: the loop between schedule, workers and ledger.

Continuing is running again: a fit that the ledger has returns at once, so there is no second code path.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sweeps.definition.changes import Change, changes
from sweeps.definition.identity import procedure_differences
from sweeps.definition.plan import Plan, PlannedArchitecture
from sweeps.definition.prepare import Prepared
from sweeps.definition.requirements import to_go_on, version_of_refold
from sweeps.diagnostics.machine import memory_for_images
from sweeps.execution.dispatch import choose
from sweeps.execution.events import (
    FitEnded,
    FitStarted,
    Interrupted,
    Notice,
    Origin,
    SweepBegan,
    TrainingBegan,
    TrialEnded,
)
from sweeps.execution.progress import Progress
from sweeps.execution.stragglers import Stragglers
from sweeps.execution.window_advice import window_advice
from sweeps.execution.workers import OnEpoch, Workers
from sweeps.search.proposals import Observation, propose
from sweeps.search.schedule import Schedule, Trial
from tracking.errors import DiskFull
from tracking.ledger.details import SweepDetails
from tracking.ledger.disk_space import check as check_room
from tracking.ledger.entry import SweepEntry
from tracking.ledger.ledger import Ledger
from tracking.ledger.lock import note_interrupt
from tracking.records import SweepRecord
from trainer.datasets import store
from trainer.datasets.dataset import OFFICIAL
from trainer.errors import UsageError
from trainer.fits.environment import Environment
from trainer.fits.names import fit_name
from trainer.fits.results import FitRun
from trainer.fits.seeds import proposal_seed
from trainer.fits.specs import FitSpec
from trainer.hyperparameters import Hyperparameters, Value
from trainer.process.jobs import Job

#: Starts workers that call the given function for each epoch, and ends them on leaving the context.
StartWorkers = Callable[[OnEpoch], AbstractContextManager[Workers]]


def run_sweep(
    prepared: Prepared,
    home: Path,
    ledger: Ledger,
    *,
    start_workers: StartWorkers,
    workers: int,
    progress: Progress,
    on_change: Callable[[], None] = lambda: None,
) -> SweepRecord:
    """Run the fits of a sweep that the ledger does not have.

    Args:
        prepared: the sweep.
        home: the home in which its dataset is stored for the workers.
        ledger: the ledger, open for writing.
        start_workers: starts the workers; called once, and only if there are fits to train.
        workers: number of workers; used for the time left and for each worker's share of the memory.
        progress: receives all events.
        on_change: called after each change of the ledger.

    Returns:
        The record of the finished sweep.

    Raises:
        UsageError: if the ledger has a different sweep of this name.
        WorkersFailed: if a fit cannot be run.
        DiskFull: if the disk has no space to record another fit.
    """
    if enter(prepared, ledger):
        progress.handle(Notice("the sweep was finished before: nothing is trained"))
        return ledger.sweep(prepared.spec.name)
    progress.handle(SweepBegan(plan=prepared.plan, workers=workers))
    loop = _Loop(prepared, home, ledger, progress, on_change, workers)
    loop.open_trials()
    progress.handle(TrainingBegan())
    if not loop.schedule.finished:
        dataset = store(prepared.dataset, home / "datasets")
        if prepared.loaded.exam is not None:  # kept for the day when it is opened: sources change
            store(prepared.loaded.exam, home / "datasets")
        with start_workers(progress.handle) as running:
            loop.train(running, dataset)
    return ledger.sweep(prepared.spec.name)


def enter(prepared: Prepared, ledger: Ledger) -> bool:
    """Enter the sweep in the ledger; if the ledger has one of its name, check that it is the same.

    Returns:
        Whether the sweep is finished already.

    Raises:
        UsageError: if it is another; the message lists what differs.
    """
    name, plan = prepared.spec.name, prepared.plan
    entry = ledger.entry(name)
    if entry is None:
        ledger.add_sweep(_entry(prepared))
        return False
    differences = _differences(entry.identity, plan.identity())
    if differences:
        differences += _changed_files(entry, prepared)
    if plan.trials < entry.trials:
        differences.append(
            f"trials: {entry.trials} before, {plan.trials} now (the number can only be raised)"
        )
    experiment = prepared.spec.experiment or name
    if experiment != entry.details.experiment:
        differences.append(f"mlflow.experiment: {entry.details.experiment} before, {experiment} now")
    differences += _of_exam(entry, prepared)
    if procedure_differences(entry):
        version = version_of_refold(entry.environment)
        raise UsageError(
            f"the sweep {name!r} was begun with a version of refold that trains differently: "
            f"{'; '.join(differences)}. Continue with that version "
            f"({version}, as it was then), or give this sweep another name"
        )
    if differences:
        raise UsageError(
            f"a sweep called {name!r} is recorded with other contents: {'; '.join(differences)}. "
            "Give this sweep another name, or remove the recorded one with 'refold rm'"
        )
    finished = plan.trials == entry.trials and ledger.sweep(name).finished
    if not finished:
        _check_platform(name, entry.environment, prepared.environment)
    order = [architecture.name for architecture in plan.architectures]
    details = entry.details.updated(_details(prepared))
    ledger.update_sweep(name, plan.trials, prepared.text, details, order)
    return finished


def _of_exam(entry: SweepEntry, prepared: Prepared) -> list[str]:
    """Compare the exam with the recorded one; sweeps recorded before there were exams have none."""
    if entry.details.dataset.exam == OFFICIAL:
        return []
    before, now = entry.dataset.exam, prepared.dataset_record.exam
    told = [each and f"{each.samples} images, {each.fingerprint[:16]}" for each in (before, now)]
    return [] if before == now else [f"dataset.exam: {Change('exam', *told).said('before', 'now')}"]


def _check_platform(name: str, then: Environment, now: Environment) -> None:
    if changed := _differences(dict(then.platform), dict(now.platform)):
        raise UsageError(
            f"the sweep {name!r} was begun with other versions or on another kind of processor, and its bits "
            f"would not match: {'; '.join(changed)}. Go on {to_go_on(then, now)}, or give the sweep another "
            "name"
        )


def _entry(prepared: Prepared) -> SweepEntry:
    plan = prepared.plan
    return SweepEntry(
        name=prepared.spec.name,
        key=plan.key,
        identity=plan.identity(),
        toml=prepared.text,
        seed=plan.seed,
        dataset=prepared.dataset_record,
        architectures=tuple(architecture.name for architecture in plan.architectures),
        trials=plan.trials,
        fits=plan.cv.folds,
        environment=prepared.environment,
        git_commit=prepared.git_commit,
        details=_details(prepared),
        created_at=time.time(),
    )


def _details(prepared: Prepared) -> SweepDetails:
    return SweepDetails(
        folder=str(prepared.spec.folder.resolve()),
        dataset=prepared.spec.source,
        experiment=prepared.spec.experiment or prepared.spec.name,
        sources={a.name: a.source for a in prepared.plan.architectures if a.source is not None},
        tracking=prepared.tracking,
        rope=prepared.spec.compare.rope,
    )


def _differences(before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    return [f"{change.name}: {change.said('before', 'now')}" for change in changes(before, now)]


def _changed_files(entry: SweepEntry, prepared: Prepared) -> list[str]:
    """Name the files of users' architectures that are others now: their digest alone does not say which."""
    changed = entry.details.changed_files(_details(prepared))
    return [f"{', '.join(names)} of {architecture} was changed" for architecture, names in changed.items()]


class _Loop:
    """One run of a sweep: passes fits and results between the schedule, the ledger and the workers."""

    def __init__(
        self,
        prepared: Prepared,
        home: Path,
        ledger: Ledger,
        progress: Progress,
        on_change: Callable[[], None],
        workers: int,
    ) -> None:
        self._name, self._home = prepared.spec.name, home
        self._sources = {a.name: a.source for a in prepared.plan.architectures}
        self._ledger, self._progress, self._on_change = ledger, progress, on_change
        self._memory = memory_for_images(workers)
        self._advice = window_advice(prepared.plan, workers)
        minutes = prepared.spec.limits.fit_minutes
        self._seconds = None if minutes is None else 60 * minutes
        self._announced: set[tuple[str, int]] = set()
        self._held_out = -(-len(prepared.dataset.labels) // prepared.plan.cv.folds)
        self._full: DiskFull | None = None
        self._under_way: set[str] = set()
        before = ledger.proposals(self._name)
        self._opened_before = frozenset(before)
        self.schedule = Schedule(prepared.plan, _proposer(prepared.plan, before))

    def open_trials(self) -> None:
        """Open each trial that may begin and take in its recorded fits, until no new trial opens."""
        while opened := self.schedule.open_trials():
            for trial in opened:
                with self._noting_a_full_disk():
                    self._ledger.add_proposal(
                        self._name, trial.architecture.name, trial.number, trial.specs, time.time()
                    )
                again = (trial.architecture.name, trial.number) in self._opened_before
                for spec in trial.specs:
                    held = self._ledger.run_of(spec.key)
                    if held is not None:
                        self._take_in(spec, held, "earlier run" if again else "another sweep")
        self._on_change()

    def train(self, workers: Workers, dataset: Path) -> None:
        """Keep every worker busy until all trials have ended.

        If the disk is full, no further fit begins, and the fits under way are recorded before the error is
        raised.
        """
        try:
            self._train(workers, dataset)
        except KeyboardInterrupt:  # said before the workers are stopped, which may take a while
            note_interrupt(self._home)
            self._progress.handle(Interrupted(under_way=len(self._under_way)))
            raise

    def _train(self, workers: Workers, dataset: Path) -> None:
        last: dict[str, tuple[str, int]] = {}
        stragglers = Stragglers()
        while not self.schedule.finished:
            if self._full and not self._under_way:
                raise self._full
            waiting = [item for item in self.schedule.waiting() if item[1].key not in self._under_way]
            for worker in workers.idle():
                with self._noting_a_full_disk():
                    check_room(self._home, len(self._under_way) + 1, self._held_out)
                if not waiting or self._full:
                    break
                trial, spec = choose(waiting, _group, worker=worker, last=last)
                waiting = [item for item in waiting if item[1].key != spec.key]
                workers.submit(self._job(trial.number, spec, dataset), worker)
                self._under_way.add(spec.key)
                last[worker] = _group((trial, spec))
                self._progress.handle(FitStarted(trial=trial.number, spec=spec))
                name = fit_name(spec, trial.number)
                stragglers.begin(spec.key, spec.architecture, name, worker, time.monotonic())
            for job, run in workers.finished(timeout=0.5):
                self._under_way.discard(job.spec.key)
                stragglers.end(job.spec.key, time.monotonic())
                with self._noting_a_full_disk():
                    self._ledger.add_run(job.spec, run)
                self._take_in(job.spec, run, "now")
                self._advise()
                self.open_trials()
            for line in stragglers.late(time.monotonic()):
                self._progress.handle(Notice(line))

    def _advise(self) -> None:
        """Say once, after the first fit, which window would keep more workers busy."""
        if self._advice:
            self._progress.handle(Notice(self._advice))
            self._advice = None

    @contextmanager
    def _noting_a_full_disk(self) -> Iterator[None]:
        try:
            yield
        except DiskFull as error:
            self._full = self._full or error

    def _job(self, trial: int, spec: FitSpec, dataset: Path) -> Job:
        source = self._sources[spec.architecture]
        return Job(
            spec=spec,
            dataset=str(dataset),
            source=source,
            memory=self._memory,
            seconds=self._seconds,
            trial=trial,
        )

    def _take_in(self, spec: FitSpec, run: FitRun, origin: Origin) -> None:
        trial = self.schedule.record(run.result)
        self._progress.handle(FitEnded(trial=trial.number, spec=spec, run=run, origin=origin))
        name = (trial.architecture.name, trial.number)
        if trial.ended and name not in self._announced:
            self._announced.add(name)
            score = trial.ended.score if trial.state == "complete" else None
            ended = TrialEnded(architecture=name[0], number=name[1], state=trial.state, score=score)
            self._progress.handle(ended)


def _group(item: tuple[Trial, FitSpec]) -> tuple[str, int]:
    trial, _ = item
    return trial.architecture.name, trial.number


def _proposer(
    plan: Plan, recorded: Mapping[tuple[str, int], Mapping[str, Value]]
) -> Callable[
    [PlannedArchitecture, int, Sequence[Observation], Sequence[Hyperparameters]], Mapping[str, Value]
]:
    """Return a proposal function: recorded trials come from the ledger, others from TPE. Both agree."""

    def proposal(
        architecture: PlannedArchitecture,
        number: int,
        observed: Sequence[Observation],
        pending: Sequence[Hyperparameters],
    ) -> Mapping[str, Value]:
        held = recorded.get((architecture.name, number))
        if held is not None:
            return held
        seed = proposal_seed(plan.seed, architecture.name, number)
        return propose(
            architecture.space,
            observed,
            pending,
            seed=seed,
            startup=plan.search.startup,
            direction=plan.metric.direction,
            given=architecture.given(number),
        )

    return proposal

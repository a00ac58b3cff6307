"""Training processes as workers: side by side, one fit each, and none outlives the work."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeps.execution.dispatch import run_all
from sweeps.execution.training_processes import training_processes
from sweeps.execution.workers import WorkersFailed
from tests.closed_formula import FormulaProcess, plan, prepared, run_of
from trainer.datasets import store
from trainer.fits.results import Epoch, FitRun
from trainer.process.jobs import Job
from trainer.process.training_process import ProcessDied

PLAN = plan(folds=3)


class CountedProcess(FormulaProcess):
    """Remembers how many were closed, and how many fits were under way at once."""

    closed = 0
    at_once = 0
    most = 0
    lock = threading.Lock()

    def run(self, job: Job, on_epoch: Callable[[int, Epoch, float], None]) -> FitRun:
        """See ``TrainingProcess``."""
        kind = type(self)
        with self.lock:
            kind.at_once += 1
            kind.most = max(kind.most, kind.at_once)
        try:
            return super().run(job, on_epoch)
        finally:
            with self.lock:
                kind.at_once -= 1

    def close(self) -> None:
        """See ``TrainingProcess``."""
        type(self).closed += 1
        super().close()


class DyingProcess(CountedProcess):
    """Dies in the second fold."""

    def run(self, job: Job, on_epoch: Callable[[int, Epoch, float], None]) -> FitRun:
        """See ``TrainingProcess``."""
        if job.spec.fold == 1:
            raise ProcessDied("it was killed by signal 9")
        return super().run(job, on_epoch)


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    """The fits of two trials."""
    stored = store(prepared(PLAN).dataset, tmp_path / "datasets")
    values = [{"learning_rate": rate, "batch_size": 32} for rate in (1e-3, 1e-2)]
    specs = [spec for n, each in enumerate(values) for spec in PLAN.fit_specs(PLAN.architectures[0], n, each)]
    return [Job(spec=spec, dataset=str(stored)) for spec in specs]


def test_every_fit_is_trained_once_by_processes_side_by_side(tmp_path: Path, jobs: list[Job]) -> None:
    """Two processes have two fits under way; the results are those of the fits, and both are closed."""
    CountedProcess.closed = CountedProcess.most = 0
    start = lambda log: CountedProcess(log, seconds=0.05)  # noqa: E731
    with training_processes(2, tmp_path / "log", start=start) as workers:  # type: ignore[arg-type]
        done = dict(run_all(workers, jobs))
    assert {job.spec.key: run.result for job, run in done.items()} == {
        job.spec.key: run_of(job.spec).result for job in jobs
    }
    assert (CountedProcess.closed, CountedProcess.most, CountedProcess.at_once) == (2, 2, 0)


def test_a_process_that_dies_ends_the_work_and_the_others(tmp_path: Path, jobs: list[Job]) -> None:
    """One line says which fit, and why; a fit that would take an hour is not waited for."""
    DyingProcess.closed = 0
    start = lambda log: DyingProcess(log, seconds=3600.0)  # noqa: E731
    said = "alpha fold 1 could not be trained: it was killed"
    with (
        pytest.raises(WorkersFailed, match=said),
        training_processes(2, tmp_path / "log", start=start) as workers,  # type: ignore[arg-type]
    ):
        list(run_all(workers, jobs))
    assert (DyingProcess.closed, DyingProcess.at_once) == (2, 0)

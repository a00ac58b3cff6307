"""Dispatch: a worker stays with its trial, begins one that nobody is at, or helps."""

from dataclasses import replace

import pytest

from sweeps.execution import dispatch
from sweeps.execution.dispatch import choose, run_all
from tests.closed_formula import InlineWorkers, plan
from trainer.process.jobs import Job

WAITING = [("a", 0), ("a", 1), ("b", 0), ("b", 1)]


class TwoWorkers(InlineWorkers):
    """Remembers the memory that jobs were given."""

    def __init__(self) -> None:
        super().__init__(2)
        self.memory: list[int | None] = []

    def submit(self, job: Job, worker: str) -> None:
        """See ``Workers``."""
        self.memory.append(job.memory)
        super().submit(job, worker)


def test_fits_that_are_trained_again_share_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a sweep: otherwise each would take a large dataset into memory as a whole."""
    monkeypatch.setattr(dispatch, "memory_for_images", lambda workers: 1000 // workers)
    made = plan()
    specs = made.fit_specs(
        made.architectures[0], 0, {"learning_rate": 1e-3, "batch_size": 32, "dropout": 0.1}
    )
    jobs = [Job(spec=each, dataset="d") for each in specs]
    jobs[1] = replace(jobs[1], memory=7)
    workers = TwoWorkers()
    assert {job.spec.key for job, _ in run_all(workers, jobs)} == {each.key for each in specs}
    assert sorted(each or 0 for each in workers.memory) == [7] + [500] * (len(jobs) - 1)


def chosen(worker: str, last: dict[str, str], waiting: list[tuple[str, int]] = WAITING) -> tuple[str, int]:
    """Choose among (trial, fold) pairs."""
    return choose(waiting, lambda item: item[0], worker=worker, last=last)


def test_a_fresh_worker_takes_the_most_urgent() -> None:
    """Nothing speaks against the first."""
    assert chosen("w1", {}) == ("a", 0)


def test_a_worker_stays_with_its_trial() -> None:
    """It has the trace already."""
    assert chosen("w1", {"w1": "b", "w2": "a"}) == ("b", 0)


def test_a_worker_begins_a_trial_that_nobody_is_at() -> None:
    """Two workers on one trial would both trace it."""
    assert chosen("w2", {"w1": "a"}) == ("b", 0)


def test_a_worker_helps_rather_than_wait() -> None:
    """Tracing once more is better than doing nothing."""
    assert chosen("w3", {"w1": "a", "w2": "b"}) == ("a", 0)

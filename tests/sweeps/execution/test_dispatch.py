"""Dispatch: a worker stays with its trial, begins one that nobody is at, or helps."""

from sweeps.execution.dispatch import choose

WAITING = [("a", 0), ("a", 1), ("b", 0), ("b", 1)]


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

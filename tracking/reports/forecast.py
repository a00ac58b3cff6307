"""Estimates the remaining time of a sweep from the recorded times."""

from collections.abc import Sequence
from statistics import fmean

from tracking.records import SweepRecord, TrialRecord


def time_left(record: SweepRecord) -> tuple[float, float] | None:
    """Return the expected seconds until a sweep ends, and the POSIX time from which they count.

    A trial that has not begun is expected to take the mean time of the ended trials of its architecture, or
    of all architectures if it has none. A running trial is expected to take the rest of that time. As many
    fits are expected to run side by side as have so far; times when the sweep was not running do not count.

    Returns:
        None before the first trial has ended.
    """
    timings = [fold.run.timing for trial in record.trials for fold in trial.folds]
    intervals = [(timing.started_at, timing.ended_at) for timing in timings]
    costs = {name: _costs(record, name) for name in record.architectures}
    known = [cost for each in costs.values() for cost in each]
    busy = _union(intervals)
    if not known or not busy:
        return None
    left = 0.0
    for name, own in costs.items():
        mean = fmean(own or known)
        under_way = [t for t in record.trials if t.architecture == name and t.state == "running"]
        begun = len(own) + len(under_way)
        left += mean * (record.trials_per_architecture - begun)
        left += sum(max(mean - trial.training_seconds, 0.0) for trial in under_way)
    side_by_side = sum(end - start for start, end in intervals) / busy
    return left / side_by_side, max(end for _, end in intervals)


def _costs(record: SweepRecord, architecture: str) -> list[float]:
    """Return the training seconds of each ended trial of an architecture."""
    own: Sequence[TrialRecord] = [t for t in record.trials if t.architecture == architecture]
    return [trial.training_seconds for trial in own if trial.state != "running"]


def _union(intervals: Sequence[tuple[float, float]]) -> float:
    """Return the seconds that are in at least one of the intervals."""
    total, until = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(end - max(start, until), 0.0)
        until = max(until, end)
    return total

"""What the recorded times say: how long a sweep still takes, and what pruning has saved."""

from collections.abc import Sequence
from statistics import fmean

from tracking.records import SweepRecord, TrialRecord


def time_left(record: SweepRecord) -> tuple[float, float] | None:
    """Return the expected seconds until a sweep ends, and the POSIX time they count from.

    A trial that has not begun is expected to cost what the ended trials of its architecture did (those of all
    where it has none), one that runs what is missing to that. So many fits run side by side as have so far:
    pauses, when the sweep was not running, do not count.

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


def pruning_saved(record: SweepRecord) -> tuple[int, int, float] | None:
    """Return how many trials were pruned, how many fits they were spared, and how many seconds that is about.

    A fit that was not trained is expected to cost what the complete fits of its architecture did; without any
    the seconds are 0.

    Returns:
        None if nothing was pruned.
    """
    pruned = [trial for trial in record.trials if trial.state == "pruned"]
    if not pruned:
        return None
    whole: dict[str, list[float]] = {name: [] for name in record.architectures}
    for trial in record.trials:
        fits = (fold.run for fold in trial.folds if fold.run.result.state == "complete")
        whole[trial.architecture] += [run.timing.seconds for run in fits]
    spared = [(trial.architecture, record.fits_per_trial - len(trial.folds)) for trial in pruned]
    seconds = sum(count * fmean(whole[name]) for name, count in spared if whole[name])
    return len(pruned), sum(count for _, count in spared), seconds


def _costs(record: SweepRecord, architecture: str) -> list[float]:
    """Return the training seconds of each ended trial of an architecture."""
    own: Sequence[TrialRecord] = [t for t in record.trials if t.architecture == architecture]
    return [trial.training_seconds for trial in own if trial.state != "running"]


def _union(intervals: Sequence[tuple[float, float]]) -> float:
    """Return how many seconds lie in at least one of the intervals."""
    total, until = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(end - max(start, until), 0.0)
        until = max(until, end)
    return total

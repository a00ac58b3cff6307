"""The metric points of a run, with the times at which they happened, so that writing them again adds nothing.

For MLflow two points are the same if key, step, value and time stamp agree, and it never removes a point. So
a point is returned only when it is final: a fold's points once every earlier fold has ended, a best score
once every earlier trial has ended.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tracking.records import FoldRecord, SweepRecord, TrialRecord
from trainer.metrics.metric import MACRO_F1, Metric

#: The metric of an epoch that only fits with a schedule have.
RATE = "learning_rate"

#: Most metric keys of a run: more make MLflow's pages slow and unreadable.
MAX_KEYS = 60


@dataclass(frozen=True, slots=True)
class Point:
    """One value of one metric. ``step`` is an epoch from 1, or for a sweep a trial number."""

    key: str
    value: float
    timestamp_ms: int
    step: int


def legal_name(name: str) -> str:
    """Return a parameter or metric name with ``_`` for all that MLflow does not allow.

    Its names are paths too: no part of one may be empty or lead to another folder.
    """
    allowed = re.sub(r"^\.\.|[^\w\-./: ]", "_", name)[:250]
    return "/".join("_" if part in ("", ".", "..") else part for part in allowed.split("/"))


def milliseconds(posix_seconds: float) -> int:
    """Return a time in MLflow's unit, POSIX milliseconds."""
    return round(posix_seconds * 1000)


def settled_folds(trial: TrialRecord) -> tuple[FoldRecord, ...]:
    """Return the folds that are final: those before the first one that has not ended.

    A later fold may be dropped when an earlier one fails (``records.sequence``).
    """
    if trial.state != "running":
        return trial.folds
    for position, fold in enumerate(trial.folds):
        if fold.spec.repeat * fold.spec.folds + (fold.spec.fold or 0) != position:
            return trial.folds[:position]
    return trial.folds


def fold_label(fold: FoldRecord) -> str:
    """Return the last part of a fold's metric keys; the first repeat is not named in it."""
    label = f"fold_{fold.spec.fold}"
    return label if fold.spec.repeat == 0 else f"repeat_{fold.spec.repeat}_{label}"


def kept_metrics(fits: int, metric: Metric = MACRO_F1) -> tuple[str, ...]:
    """Return the metrics of an epoch that are written, so that a run has at most ``MAX_KEYS`` keys.

    Args:
        fits: number of fits of a complete trial.
        metric: the sweep's metric.
    """
    room = (MAX_KEYS - len(_summary(metric))) // fits
    return (held_out_key(metric), *epoch_metrics(metric))[: max(room, 0)]


def left_out_metrics(fits: int, metric: Metric = MACRO_F1, *, scheduled: bool = False) -> tuple[str, ...]:
    """Return the metrics of an epoch that ``kept_metrics`` leaves out.

    Args:
        fits: number of fits of a complete trial.
        metric: the sweep's metric.
        scheduled: whether the trial has a schedule, and so a learning rate in each epoch.
    """
    left_out = (held_out_key(metric), *epoch_metrics(metric))[len(kept_metrics(fits, metric)) :]
    return tuple(name for name in left_out if scheduled or name != RATE)


def held_out_key(metric: Metric) -> str:
    """Return the first part of the metric key of a held-out fold's score, before the fold's name."""
    return f"heldout_{metric.key}"


def epoch_metrics(metric: Metric) -> tuple[str, ...]:
    """Return the names of the metrics of each epoch, the most useful first."""
    others = () if metric == MACRO_F1 else ("stop_f1",)
    names = (f"stop_{metric.key}", "stop_loss", "loss", "stop_accuracy", *others, "accuracy", RATE)
    return tuple(dict.fromkeys(names))  # the metric may be accuracy


def _summary(metric: Metric) -> tuple[str, str, str]:
    """Return the metric keys of a trial's score, and of mean and standard deviation of its folds."""
    score = f"cv/{metric.key}"
    return score, f"{score}_mean", f"{score}_std"


def trial_points(trial: TrialRecord, fits: int) -> tuple[Point, ...]:
    """Return all points of a trial so far; a later record of the trial gives the same ones and more.

    Args:
        trial: the trial.
        fits: number of fits of a complete trial.
    """
    kept = kept_metrics(fits, trial.metric)
    points = [point for fold in settled_folds(trial) for point in _fold_points(fold, kept)]
    if trial.score is not None:
        at = milliseconds(ended_at(trial))
        scores = zip(_summary(trial.metric), (trial.score, trial.score_mean, trial.score_std), strict=True)
        points += [Point(key, value, at, 0) for key, value in scores if value is not None]
    return tuple(points)


def sweep_points(record: SweepRecord, best: TrialRecord | None) -> tuple[Point, ...]:
    """Return the best score up to each trial number: over all architectures, and for each architecture.

    A number gets its point once every trial up to it has ended; before that its best could still change. The
    keys begin with ``best``: with ``cv/f1`` the sweep's own run would be ranked among its trials.

    Args:
        record: the sweep.
        best: its best trial; None while no trial is complete.
    """
    rounds = _rounds(record)
    metric, score = record.metric, f"best/cv_{record.metric.key}"
    points = list(_best_points(rounds, record.architectures, score, metric))
    if len(record.architectures) <= MAX_KEYS - 3:
        for name in record.architectures:
            points += _best_points(rounds, (name,), legal_name(f"best_of/{name}"), metric)
    if record.finished and best is not None:
        at = milliseconds(max(ended_at(trial) for trial in record.trials))
        scores = ((f"{score}_mean", best.score_mean), (f"{score}_std", best.score_std))
        points += [Point(key, value, at, best.number) for key, value in scores if value is not None]
    return tuple(points)


def ended_at(trial: TrialRecord) -> float:
    """Return when the last fit of a trial ended, in POSIX seconds; never before the trial began."""
    return max([trial.proposed_at, *(fold.run.timing.ended_at for fold in trial.folds)])


def _fold_points(fold: FoldRecord, kept: tuple[str, ...]) -> Iterator[Point]:
    """Yield a fold's points: its epochs in order, then its held-out score at its best epoch."""
    result, timing, label = fold.run.result, fold.run.timing, fold_label(fold)
    held_out = held_out_key(fold.spec.metric)
    at = timing.started_at
    for index, epoch in enumerate(result.epochs):
        at = at + timing.epoch_seconds[index] if index < len(timing.epoch_seconds) else timing.ended_at
        values = {f"stop_{fold.spec.metric.key}": epoch.stop_score}
        for metric in epoch_metrics(fold.spec.metric):
            value = values[metric] if metric in values else getattr(epoch, metric)
            if metric in kept and value is not None:
                yield Point(f"{metric}/{label}", float(value), milliseconds(at), index + 1)
    if held_out in kept and result.score is not None:
        yield Point(f"{held_out}/{label}", result.score, milliseconds(timing.ended_at), result.best_epoch)


def _rounds(record: SweepRecord) -> list[dict[str, tuple[float | None, float]]]:
    """Return for each trial number the score and the end of every architecture's trial that has ended."""
    rounds: list[dict[str, tuple[float | None, float]]] = [{} for _ in range(record.trials_per_architecture)]
    for trial in record.trials:
        if trial.state != "running" and trial.number < len(rounds):
            rounds[trial.number][trial.architecture] = trial.score, ended_at(trial)
    return rounds


def _best_points(
    rounds: list[dict[str, tuple[float | None, float]]], names: tuple[str, ...], key: str, metric: Metric
) -> Iterator[Point]:
    """Yield the best score of the named architectures up to each trial number that all of them have ended."""
    best: float | None = None
    at = 0.0
    for number, ended in enumerate(rounds):
        if any(name not in ended for name in names):
            return
        outcomes = [ended[name] for name in names]
        at = max(at, *(end for _, end in outcomes))
        scores = [score for score in (best, *(score for score, _ in outcomes)) if score is not None]
        if scores:
            best = metric.best(scores)
            yield Point(key, best, milliseconds(at), number)

"""The command line's tables of a record, and the lines below them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tracking.records import SweepRecord, TrialRecord, begin_alike
from tracking.reports.doubts import trial_notes
from tracking.reports.savings import savings
from tracking.reports.text_table import Column, Table
from trainer.quantities import counted, duration
from trainer.recipe.table import SCHEDULE


def leaderboard(record: SweepRecord) -> Table:
    """Return a row for each architecture's best trial, best first."""
    rows = [
        [
            str(place),
            trial.name,
            f"{trial.score:.4f}",
            _spread(trial),
            _epochs(trial),
            duration(trial.training_seconds),
            f"{len(_ended(record, trial.architecture))}/{record.trials_per_architecture}",
        ]
        for place, trial in enumerate(record.winners, start=1)
    ]
    columns = (
        Column(title="", right=True),
        Column(title="trial"),
        Column(title=record.metric.title, right=True),
        Column(title="folds: mean ± std", right=True, rank=2),
        Column(title="epochs", right=True, rank=4),
        Column(title="time", right=True, rank=3),
        Column(title="trials", right=True, rank=1),
    )
    return Table(columns=columns, rows=rows)


def without_winner(record: SweepRecord) -> list[str]:
    """Return a line for each architecture without a complete trial, with the reason."""
    lines = []
    winners = {trial.architecture for trial in record.winners}
    for name in record.architectures:
        ended = _ended(record, name)
        if name not in winners and ended:
            reasons = "; ".join(dict.fromkeys(str(trial.reason) for trial in ended))
            lines.append(f"{name}: none of its {counted(len(ended), 'trial')} is complete: {reasons}")
        elif name not in winners:
            lines.append(f"{name}: no trial has ended yet")
    return lines


def beginning_alike(record: SweepRecord) -> list[str]:
    """Return a line for each architecture whose fits of a trial have all begun with the same weights."""
    lines = []
    for name in record.architectures:
        trials = [trial for trial in record.trials if trial.architecture == name]
        count = sum(begin_alike(trial.folds) for trial in trials)
        if count:
            lines.append(
                f"{name}: in {counted(count, 'trial')} all fits began with the same weights, though their "
                "seeds differ: its code sets seeds of its own, or loads weights"
            )
    return lines


def what_pruning_saved(record: SweepRecord) -> list[str]:
    """Return a line about the savings; no line if no trial was pruned."""
    saved = savings(record)
    return [f"{saved}"] if saved.pruned else []


def notes_on_winners(record: SweepRecord) -> list[str]:
    """Return a line for each note on an architecture's best trial."""
    classes = record.dataset.classes
    return [
        f"note on {trial.name}: {note}" for trial in record.winners for note in trial_notes(trial, classes)
    ]


def trials_table(record: SweepRecord, *, live: bool) -> Table:
    """Return a row for each trial, in order.

    Args:
        record: the sweep.
        live: whether the sweep may be running now; if not, trials that have not ended were interrupted.
    """
    rows = [
        [
            trial.name,
            state(trial, live=live),
            "" if trial.score is None else f"{trial.score:.4f}",
            _spread(trial),
            _epochs(trial),
            trial.reason or _values(trial),
        ]
        for trial in record.trials
    ]
    columns = (
        Column(title="trial"),
        Column(title="state"),
        Column(title=record.metric.title, right=True),
        Column(title="folds: mean ± std", right=True, rank=1),
        Column(title="epochs", right=True, rank=2),
        Column(title="hyperparameters", words=True),
    )
    return Table(columns=columns, rows=rows)


def learning_rates(trial: TrialRecord) -> list[str]:
    """Return a line about the schedule with the first and the last learning rate of fold 0; none without."""
    kind = SCHEDULE.of(trial.hyperparameters)
    first = [fold.run.result for fold in trial.folds if fold.spec.fold == 0][:1]
    rates = [epoch.learning_rate for result in first for epoch in result.epochs]
    if kind == "none" or not rates:
        return []
    first_and_last = f"{rates[0]} in epoch 1, {rates[-1]} in epoch {len(rates)}"
    return [f"schedule {kind}: learning rate of fold 0: {first_and_last}"]


def folds_table(trial: TrialRecord) -> Table:
    """Return a row for each fold of a trial: score, epochs, seeds and the digest of the weights."""
    rows = [
        [
            str(fold.spec.fold),
            fold.run.result.state if fold.run.result.score is None else f"{fold.run.result.score:.4f}",
            f"{fold.run.result.best_epoch} of {len(fold.run.result.epochs)}",
            duration(fold.run.timing.seconds),
            str(fold.spec.seeds.initialisation),
            str(fold.spec.seeds.order),
            fold.run.result.weights_sha256[:16],
        ]
        for fold in trial.folds
    ]
    columns = (
        Column(title="fold", right=True),
        Column(title=trial.metric.title, right=True),
        Column(title="best epoch", right=True),
        Column(title="time", right=True, rank=1),
        Column(title="initialisation seed", right=True, rank=3),
        Column(title="order seed", right=True, rank=4),
        Column(title="weights", rank=2),
    )
    return Table(columns=columns, rows=rows)


def mistakes_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return a row for each wrong prediction; see ``OutOfFold.columns``."""
    columns = (
        Column(title="image"),
        Column(title="true"),
        Column(title="predicted"),
        Column(title="probability", right=True),
        Column(title="fold", right=True, rank=1),
    )
    return Table(
        columns=columns,
        rows=[
            [
                str(row.get("path", row["image"])),
                row["true"],
                row["predicted"],
                f"{row['confidence']:.4f}",
                str(row["fold"]),
            ]
            for row in rows
        ],
    )


def sweeps_table(records: Sequence[SweepRecord]) -> Table:
    """Return a row for each sweep of a home."""
    titles = [record.metric.title for record in records]
    several = len(set(titles)) > 1
    columns = (
        Column(title="sweep"),
        Column(title="dataset", rank=2),
        Column(title="begun", rank=3),
        Column(title="trials", right=True),
        Column(title="best score", right=True) if several else Column(title=f"best {titles[0]}", right=True),
        *([Column(title="metric", rank=1)] if several else []),
        Column(title="trial", rank=1),
        Column(title="digest", rank=4),
    )
    return Table(columns=columns, rows=[_sweep_row(record, several=several) for record in records])


def _sweep_row(record: SweepRecord, *, several: bool) -> list[str]:
    best = record.ranking[:1]
    ended, asked = record.progress
    begun = datetime.fromtimestamp(record.created_at).astimezone()
    return [
        record.name,
        record.dataset.name,
        begun.strftime("%Y-%m-%d %H:%M"),
        f"{ended}/{asked}",
        f"{best[0].score:.4f}" if best else "",
        *([record.metric.title] if several else []),
        best[0].name if best else "",
        record.digest[:16] if record.finished else "not finished",
    ]


def state(trial: TrialRecord, *, live: bool) -> str:
    """Return a trial's state; one that has not ended was interrupted unless its sweep is running."""
    return trial.state if live or trial.state != "running" else "interrupted"


def _ended(record: SweepRecord, architecture: str) -> list[TrialRecord]:
    return [t for t in record.trials if t.architecture == architecture and t.state != "running"]


def _spread(trial: TrialRecord) -> str:
    if trial.score_mean is None:
        return ""
    return f"{trial.score_mean:.4f}" + (f" ± {trial.score_std:.4f}" if trial.score_std is not None else "")


def _epochs(trial: TrialRecord) -> str:
    return "+".join(str(len(fold.run.result.epochs)) for fold in trial.folds)


def _values(trial: TrialRecord) -> str:
    return " ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in sorted(trial.hyperparameters.items())
    )

"""Any metric of recorded trials: from the record, or from fits that are trained again and proven."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeps.retraining.out_of_fold import HeldOutSource
from tracking.records import SweepRecord, TrialRecord
from tracking.reports.text_table import Column, Table
from trainer.metrics.metric import Metric
from trainer.quantities import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialScore:
    """What a metric makes of a trial.

    Attributes:
        trial: its name.
        score: of its pooled held-out predictions; for a metric of probabilities the mean of its folds.
        folds: the value of each fold.
    """

    trial: str
    score: float
    folds: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Trials of a sweep as a metric sees them.

    Attributes:
        sweep: the sweep's name.
        metric: the metric.
        trials: the best first.
        trained: number of fits that were trained again, each proven by the digests of its record.
    """

    sweep: str
    metric: Metric
    trials: tuple[TrialScore, ...]
    trained: int

    def to_json(self) -> dict[str, Any]:
        """Return the data that ``refold score --json`` prints."""
        return {
            "sweep": self.sweep,
            "metric": self.metric.name,
            "fits_trained_again": self.trained,
            "trials": [
                {"trial": each.trial, "score": each.score, "folds": list(each.folds)} for each in self.trials
            ],
        }

    def table(self) -> Table:
        """Return a row for each trial, the best first."""
        columns = (
            Column(title="", right=True),
            Column(title="trial"),
            Column(title=self.metric.title, right=True),
            Column(title="folds", rank=1),
        )
        rows = [
            [str(place), each.trial, f"{each.score:.4f}", " ".join(f"{value:.4f}" for value in each.folds)]
            for place, each in enumerate(self.trials, start=1)
        ]
        return Table(columns=columns, rows=rows)


def scored(
    source: HeldOutSource,
    record: SweepRecord,
    metric: Metric,
    trials: Sequence[TrialRecord],
    say: Callable[[str], None],
) -> Scored:
    """Score complete trials by any metric.

    Args:
        source: gives probabilities that the record lacks.
        record: the sweep.
        metric: the metric.
        trials: complete ones.
        say: told before fits are trained again.

    Raises:
        UsageError, Mismatch, WorkersFailed: as ``HeldOutSource.probabilities``.
    """
    lacking = [] if metric.counts else [trial for trial in trials if not _keeps_probabilities(trial)]
    trained = sum(len(trial.folds) for trial in lacking)
    if trained:
        say(
            f"{metric.name} needs probabilities, which the record does not keep: {counted(trained, 'fit')} "
            "are trained again, and proven by their digests"
        )
    found = [_of_trial(source, metric, trial) for trial in trials]
    best_first = sorted(found, key=lambda each: -metric.oriented(each.score))
    return Scored(sweep=record.name, metric=metric, trials=tuple(best_first), trained=trained)


def _keeps_probabilities(trial: TrialRecord) -> bool:
    return all(fold.run.result.probabilities for fold in trial.folds)


def _of_trial(source: HeldOutSource, metric: Metric, trial: TrialRecord) -> TrialScore:
    confusions = [fold.run.result.confusion for fold in trial.folds]
    if metric.counts:
        values = tuple(map(metric.of, confusions))
        return TrialScore(trial=trial.name, score=metric.over_folds(values, confusions), folds=values)
    found = source.probabilities(trial)
    assert found.probabilities is not None  # noqa: S101 - that is what was asked for
    places = [(found.repeat == fold.spec.repeat) & (found.fold == fold.spec.fold) for fold in trial.folds]
    values = tuple(metric.score(found.true[place], found.probabilities[place]) for place in places)
    return TrialScore(trial=trial.name, score=float(np.mean(values)), folds=values)

"""A recorded sweep as another metric sees it: the same fits, other scores."""

from dataclasses import replace

from tracking.records import FoldRecord, SweepRecord, TrialRecord
from trainer.metrics.metric import MACRO_F1, Metric


def scored_by(record: SweepRecord, metric: Metric) -> SweepRecord:
    """Return a sweep whose trials are scored, and ranked, by a metric of counts.

    The sweep's own digest is not that of what is returned.
    """
    return replace(record, trials=tuple(_trial(trial, metric) for trial in record.trials))


def _trial(trial: TrialRecord, metric: Metric) -> TrialRecord:
    folds = [_fold(fold, metric) for fold in trial.folds]
    if folds and trial.reason:  # it was pruned by the sweep's own metric
        result = replace(folds[-1].run.result, reason=trial.reason)
        folds[-1] = replace(folds[-1], run=replace(folds[-1].run, result=result))
    return replace(trial, folds=tuple(folds))


def _fold(fold: FoldRecord, metric: Metric) -> FoldRecord:
    result = fold.run.result
    value = None if metric == MACRO_F1 or not result.confusion else metric.of(result.confusion)
    run = replace(fold.run, result=replace(result, metric=value))
    return replace(fold, spec=replace(fold.spec, metric_name=metric.recorded), run=run)

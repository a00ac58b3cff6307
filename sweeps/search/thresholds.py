"""Thresholds for the next trial, from the outcomes of observed trials: trials that cannot win end early.

Two rules, both per architecture. Across epochs of the first fold: a trial stops at a rung if its score is
among the worst that observed trials had reached there (the idea of successive halving, Jamieson & Talwalkar,
AISTATS 2016, with observed trials in place of a cohort). Across folds: a trial stops if it could not reach
the incumbent even with the best score of any observed trial, plus a margin, on each remaining fold.
``docs/performance.md`` has the replays that chose the defaults.
"""

import math
from collections.abc import Sequence

from sweeps.definition.spec import Prune
from sweeps.search.outcomes import Ended, best_on_stop_set
from trainer.fits.results import FitResult
from trainer.fits.specs import Rung, Thresholds
from trainer.metrics.metric import MACRO_F1, Metric


def thresholds(
    rule: Prune,
    observed: Sequence[Ended],
    *,
    folds: int,
    epochs: int,
    metric: Metric = MACRO_F1,
    held_out: tuple[tuple[int, ...], ...] = (),
) -> Thresholds | None:
    """Return the scores that the next trial has to reach; None if nothing is pruned.

    Args:
        rule: the sweep's pruning rule.
        observed: observed trials of the architecture.
        folds: number of folds of the cross-validation.
        epochs: maximum number of epochs of a fit.
        metric: the metric of the scores.
        held_out: see ``Thresholds``.
    """
    if not rule.enabled:
        return None
    complete = [trial for trial in observed if trial.state == "complete"]
    rungs = _rungs(rule, [trial.results[0] for trial in observed if trial.results], epochs, metric)
    if not complete:
        return Thresholds(rungs=rungs)
    return Thresholds(
        rungs=rungs,
        ceilings=tuple(_ceiling(observed, fold, rule.margin_of(metric), metric) for fold in range(folds)),
        incumbent_mean=metric.best(trial.mean for trial in complete),
        incumbent_f1=metric.best(trial.score for trial in complete),
        held_out=held_out,
    )


def reached(first_fold: FitResult, epoch: int, metric: Metric = MACRO_F1) -> float | None:
    """Return the best stop-set score of a trial's first ``epoch`` epochs; None if it was pruned before.

    If early stopping ended the fit before, its best score counts at every later epoch.
    """
    if first_fold.state == "failed" or (first_fold.state == "pruned" and len(first_fold.epochs) < epoch):
        return None
    return best_on_stop_set(first_fold.epochs[:epoch], metric)


def _rungs(rule: Prune, first_folds: Sequence[FitResult], epochs: int, metric: Metric) -> tuple[Rung, ...]:
    found = []
    for epoch in rule.rungs_within(epochs):
        values = [value for fold in first_folds if (value := reached(fold, epoch, metric)) is not None]
        if len(values) >= rule.startup:
            kept = math.ceil(rule.keep * len(values))
            found.append(Rung(epoch=epoch, f1=metric.best_first(values)[kept - 1]))
    return tuple(found)


def _ceiling(observed: Sequence[Ended], fold: int, margin: float, metric: Metric) -> float:
    scores = [trial.results[fold].score for trial in observed if len(trial.results) > fold]
    return metric.improved(metric.best(score for score in scores if score is not None), by=margin)

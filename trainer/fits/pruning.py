"""Decides whether a trial goes on to its next fold, from its thresholds and its own results alone.

``sweeps.search.thresholds`` computes the thresholds from observed trials. Every fit's record has them, so the
same decision can be made again from the record.
"""

from collections.abc import Sequence

from trainer.fits.specs import Thresholds
from trainer.metrics.confusion import Confusion
from trainer.metrics.metric import MACRO_F1, Metric


def shortfall(
    thresholds: Thresholds | None,
    scores: Sequence[float],
    confusions: Sequence[Confusion],
    folds: int,
    metric: Metric = MACRO_F1,
) -> str | None:
    """Return why a trial can no longer win after its first folds, or None while it can.

    A trial cannot win if the mean of its folds' scores stays below the incumbent's even with the ceiling as
    the score of each remaining fold. If every remaining ceiling is perfect, and trials are ranked by pooled
    counts, a second condition has to hold too: the pooled score stays below the incumbent's even if all
    remaining predictions are right. Then no winner can be lost. Where that bounds nothing, as with Matthews
    correlation, such a trial goes on.

    Args:
        thresholds: what the trial has to reach; None if nothing is pruned.
        scores: of the folds that have ended, in order.
        confusions: the confusion matrices of these folds.
        folds: number of folds of a complete trial.
        metric: the metric of the scores.
    """
    done = len(scores)
    if thresholds is None or not thresholds.ceilings or done in (0, folds):
        return None
    remaining = thresholds.ceilings[done:]
    best = (sum(scores) + sum(remaining)) / folds
    if not metric.better(thresholds.incumbent_mean, best):
        return None
    certain = not any(metric.better(metric.perfect, ceiling) for ceiling in remaining)
    if certain and metric.counts and not _beaten(thresholds, confusions, folds, metric):
        return None
    return (
        f"after {done} of {folds} folds its mean {metric.label} could reach {best:.4f} at best, "
        f"the incumbent has {thresholds.incumbent_mean:.4f}"
    )


def _beaten(thresholds: Thresholds, confusions: Sequence[Confusion], folds: int, metric: Metric) -> bool:
    """Return whether no predictions for the remaining folds give the incumbent's score."""
    if not metric.bounded:
        return False
    return metric.better(thresholds.incumbent_f1, metric.reachable(confusions, folds, thresholds.held_out))

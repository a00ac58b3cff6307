"""Whether a trial goes on to its next fold: decided by its thresholds and its own results alone.

``sweeps.search.thresholds`` computes the thresholds from observed trials, and every fit's record has them: so
the decision can be made again by anyone who reads the record.
"""

from collections.abc import Sequence

from trainer.fits.metrics import MACRO_F1, Metric
from trainer.fits.results import Confusion
from trainer.fits.specs import Thresholds


def shortfall(
    thresholds: Thresholds | None,
    scores: Sequence[float],
    confusions: Sequence[Confusion],
    folds: int,
    metric: Metric = MACRO_F1,
) -> str | None:
    """Say why a trial cannot win any more after its first folds, or return None while it can.

    It ends when even the ceilings on its remaining folds would not bring the mean of its folds' scores to the
    incumbent's. Where every ceiling is perfect it must also be beaten in the score of pooled predictions, by
    which trials are ranked, whatever it predicts from here on: then no winner can be lost.

    Args:
        thresholds: what the trial has to reach; None where nothing is pruned.
        scores: of its first folds.
        confusions: their confusion matrices.
        folds: how many it has in all.
        metric: what they are scored by.
    """
    done = len(scores)
    if thresholds is None or not thresholds.ceilings or done in (0, folds):
        return None
    remaining = thresholds.ceilings[done:]
    best = (sum(scores) + sum(remaining)) / folds
    if not metric.better(thresholds.incumbent_mean, best):
        return None
    certain = not any(metric.better(metric.perfect, ceiling) for ceiling in remaining)
    if certain and not metric.better(thresholds.incumbent_f1, metric.reachable(confusions, folds)):
        return None
    return (
        f"after {done} of {folds} folds its mean {metric.label} could reach {best:.4f} at best, "
        f"the incumbent has {thresholds.incumbent_mean:.4f}"
    )

"""Whether a trial goes on to its next fold: decided by its thresholds and its own results alone.

``sweeps.search.thresholds`` computes the thresholds from observed trials, and every fit's record has them: so
the decision can be made again by anyone who reads the record.
"""

from collections.abc import Sequence

from trainer.fits.metrics import macro_f1, pooled
from trainer.fits.results import Confusion
from trainer.fits.specs import Thresholds


def shortfall(
    thresholds: Thresholds | None, scores: Sequence[float], confusions: Sequence[Confusion], folds: int
) -> str | None:
    """Say why a trial cannot win any more after its first folds, or return None while it can.

    It ends when even the ceilings on its remaining folds would not lift the mean of its folds' macro-F1 to
    the incumbent's. Where every ceiling is 1 it must also be beaten in the macro-F1 of pooled predictions, by
    which trials are ranked, whatever it predicts from here on: then no winner can be lost.

    Args:
        thresholds: what the trial has to reach; None where nothing is pruned.
        scores: macro-F1 of its first folds, in [0, 1].
        confusions: their confusion matrices.
        folds: how many it has in all.
    """
    done = len(scores)
    if thresholds is None or not thresholds.ceilings or done in (0, folds):
        return None
    remaining = thresholds.ceilings[done:]
    best = (sum(scores) + sum(remaining)) / folds
    if best >= thresholds.incumbent_mean:
        return None
    if min(remaining) >= 1.0 and best_pooled(confusions, folds) >= thresholds.incumbent_f1:
        return None
    return (
        f"after {done} of {folds} folds its mean F1 could reach {best:.4f} at best, "
        f"the incumbent has {thresholds.incumbent_mean:.4f}"
    )


def best_pooled(confusions: Sequence[Confusion], folds: int) -> float:
    """Return the most that the pooled macro-F1 can become, in [0, 1]: all remaining predictions right.

    Folds are stratified: a class has at most one sample more in one fold than in another.
    """
    total = [list(row) for row in pooled(confusions)]
    for label in range(len(total)):
        fewest = min(sum(confusion[label]) for confusion in confusions)
        total[label][label] += (folds - len(confusions)) * (fewest + 1)
    return macro_f1(tuple(tuple(row) for row in total))

"""Results that are hardly right, said in a sentence each: they follow from the recorded predictions alone."""

from collections.abc import Sequence

import numpy as np

from tracking.records import FoldRecord, TrialRecord
from trainer.metrics.confusion import Confusion, pooled
from trainer.quantities import counted

#: Equal scores of so many fits are hardly a coincidence, unless these hold out very few images.
FEWEST = 3
#: So many classes are named.
NAMED = 5


def trial_notes(trial: TrialRecord, classes: Sequence[str]) -> list[str]:
    """Return what a reader of a trial should know: the notes of its fits, and what is hardly right.

    Args:
        trial: any trial; one that has not ended has the notes of its fits so far.
        classes: the names of the dataset's classes.
    """
    notes = dict.fromkeys(note for fold in trial.folds for note in fold.run.result.notes)
    return [*notes, *doubts(trial.folds, classes, whole=trial.state == "complete")]


def doubts(
    fits: Sequence[FoldRecord], classes: Sequence[str], *, called: str = "fold", whole: bool = True
) -> list[str]:
    """Return what is hardly right in the predictions of one model's fits.

    Args:
        fits: of one set of hyperparameters; those without predictions do not count.
        classes: the names of the dataset's classes.
        called: what one of the fits is called.
        whole: whether these are all fits; otherwise only what is wrong with one of them is said.
    """
    scored = [fit for fit in fits if fit.run.result.confusion]
    found = _one_class(scored, classes, called)
    return [*found, *_never_predicted(scored, classes), *_no_spread(scored, called)] if whole else found


def _one_class(fits: Sequence[FoldRecord], classes: Sequence[str], called: str) -> list[str]:
    """Name the fits that predict one class for all images, where these are of several."""
    found = [_only(fit.run.result.confusion) for fit in fits]
    named = [classes[index] for index in found if index is not None]
    if not named:
        return []
    only = len(fits) == 1
    which = f"the only {called}" if only else f"{len(named)} of {counted(len(fits), called)}"
    verb = "predicts" if len(named) == 1 else "predict"
    return [
        f"{which} {verb} one class ({_listed([repr(name) for name in dict.fromkeys(named)])}) for every "
        "image, though they are of several: nothing was learned there"
    ]


def _only(confusion: Confusion) -> int | None:
    """Return the class that all predictions are, if the images are of several classes."""
    counts = np.asarray(confusion)
    (predicted,) = np.nonzero(counts.sum(axis=0))
    several = np.count_nonzero(counts.sum(axis=1)) > 1
    return int(predicted[0]) if len(predicted) == 1 and several else None


def _never_predicted(fits: Sequence[FoldRecord], classes: Sequence[str]) -> list[str]:
    """Name the classes that have images and are never predicted; not if all is predicted as one class."""
    if not fits:
        return []
    confusion = pooled(fit.run.result.confusion for fit in fits)
    if _only(confusion) is not None:
        return []
    counts = np.asarray(confusion)
    never = np.flatnonzero((counts.sum(axis=1) > 0) & (counts.sum(axis=0) == 0)).tolist()
    if not never:
        return []
    named = [f"{classes[index]!r} ({counted(int(counts[index].sum()), 'image')})" for index in never]
    return [f"{_listed(named)} {'is' if len(named) == 1 else 'are'} never predicted"]


def _no_spread(fits: Sequence[FoldRecord], called: str) -> list[str]:
    """Say that all scores are equal though the seeds differ; perfect ones, and those of one class, may be."""
    scores = {fit.run.result.score for fit in fits if fit.run.result.score is not None}
    seeds = {fit.spec.seeds for fit in fits}
    if len(fits) < FEWEST or len(scores) != 1 or len(seeds) < len(fits):
        return []
    (score,) = scores
    if score == fits[0].spec.metric.perfect or all(_only(f.run.result.confusion) is not None for f in fits):
        return []
    begun = {fit.run.result.initial_weights_sha256 for fit in fits}
    why = ": all began with the same weights" if len(begun) == 1 else ""
    return [
        f"no spread at all: the scores of all {counted(len(fits), called)} are the same to the last bit "
        f"({score:.4f}), though their seeds differ{why}"
    ]


def _listed(names: Sequence[str]) -> str:
    """Return the first names as a list in a sentence, and the number of the others."""
    more = [f"{len(names) - NAMED} more"] if len(names) > NAMED else []
    parts = [*names[:NAMED], *more]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"

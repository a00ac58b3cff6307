"""Scores of one trial's held-out predictions, all folds together, with 95 % intervals.

The intervals count images (or groups) as ``statistics.clustered`` does for a model on other images. They take
the networks of the folds as they are: "this cross-validation on new images". No interval from one
cross-validation covers what other training sets would change, as its folds share training images: Bengio &
Grandvalet, "No Unbiased Estimator of the Variance of K-Fold Cross-Validation", JMLR 5 (2004).
"""

import numpy as np

from sweeps.analysis.statistics.clustered import ModelScores, scored
from tracking.records import DatasetRecord, TrialRecord
from tracking.reports.out_of_fold import OutOfFold
from trainer.metrics.confusion import confusion_matrix

#: Said where the intervals of a trial cannot be known.
NO_GROUPS = (
    "no intervals: they would count groups, and the stored images, which say what belongs together, are gone "
    "or do not fit the recorded predictions"
)


def trial_scores(
    trial: TrialRecord, dataset: DatasetRecord, held_out: OutOfFold | None
) -> ModelScores | None:
    """Return the scores of a trial of the search, which predicts each image at most once, with intervals.

    Images without groups need nothing but the trial's confusion matrix.

    Args:
        trial: the trial; of one that is running, pruned or failed the folds that have ended count.
        dataset: the description of its sweep's dataset.
        held_out: its predictions joined with the images; None if they are not known.

    Returns:
        None if no fold has ended, or if the images have groups and ``held_out`` lacks predictions that the
        confusion matrix has.
    """
    if trial.confusion is None:
        return None
    classes, counts = len(dataset.classes), np.asarray(trial.confusion, dtype=np.int64)
    if dataset.groups is None:
        true, predicted = (np.repeat(axis.ravel(), counts.ravel()) for axis in np.indices(counts.shape))
        return scored(true, predicted, classes=classes)
    if held_out is None or held_out.groups is None:
        return None
    if confusion_matrix(held_out.true, held_out.predicted, classes=classes) != trial.confusion:
        return None
    return scored(held_out.true, held_out.predicted, classes=classes, groups=held_out.groups)

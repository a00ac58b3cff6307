"""Metrics of counts: how many images of each class were right, are true, and were predicted.

All take ``[..., 3, classes]`` float64 counts (hits, true images, predictions) and return ``[...]``, so that
thousands of resampled or reduced sets of images are scored at once. Definitions are scikit-learn's; sums run
class by class, so that a value does not depend on the processor.

>>> counts = margins(((1, 1), (0, 2)))
>>> [round(float(score(counts)), 4) for score in (accuracy, balanced_accuracy, macro_f1, matthews)]
[0.75, 0.75, 0.7333, 0.5774]
"""

import numpy as np
import numpy.typing as npt

from trainer.metrics.confusion import Confusion

Counts = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float64]


def margins(confusion: Confusion) -> Counts:
    """Return the counts of a confusion matrix, ``[3, classes]``."""
    cells = np.asarray(confusion, dtype=np.float64)
    return np.stack([np.diagonal(cells), cells.sum(axis=1), cells.sum(axis=0)])


def precision(counts: Counts) -> Scores:
    """Return the precision of each class, ``[..., classes]``; 0 for a class that was never predicted."""
    return _share(counts[..., 0, :], counts[..., 2, :])


def recall(counts: Counts) -> Scores:
    """Return the recall of each class, ``[..., classes]``; 0 for a class without images."""
    return _share(counts[..., 0, :], counts[..., 1, :])


def f1(counts: Counts) -> Scores:
    """Return the F1 of each class, ``[..., classes]``; 0 for one that is neither true nor predicted."""
    return _share(2 * counts[..., 0, :], counts[..., 1, :] + counts[..., 2, :])


def macro_f1(counts: Counts) -> Scores:
    """Return the mean F1 of the classes that are true or predicted; see ``confusion.macro_f1``."""
    met = counts[..., 1, :] + counts[..., 2, :] > 0
    return _share(_sum(f1(counts)), _sum(met.astype(np.float64)))


def weighted_f1(counts: Counts) -> Scores:
    """Return the mean F1 of the classes, weighted by their true images."""
    true = counts[..., 1, :]
    return _share(_sum(f1(counts) * true), _sum(true))


def accuracy(counts: Counts) -> Scores:
    """Return the share of images that were right."""
    return _share(_sum(counts[..., 0, :]), _sum(counts[..., 1, :]))


def balanced_accuracy(counts: Counts) -> Scores:
    """Return the mean recall of the classes that have images.

    Source: Brodersen et al., "The balanced accuracy and its posterior distribution" (ICPR 2010), eq. 1.
    """
    return _share(_sum(recall(counts)), _sum((counts[..., 1, :] > 0).astype(np.float64)))


def matthews(counts: Counts) -> Scores:
    """Return Matthews' correlation of true and predicted classes, in [-1, 1]; 0 where it is 0 / 0.

    Source: Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient"
    (Computational Biology and Chemistry 28, 2004), eq. 8.
    """
    hits, true, predicted = (counts[..., place, :] for place in range(3))
    images = _sum(true)
    together = _sum(hits) * images - _sum(true * predicted)
    apart = (images**2 - _sum(true**2)) * (images**2 - _sum(predicted**2))
    return _share(together, np.sqrt(np.maximum(apart, 0)))


def _share(part: Counts, whole: Counts) -> Scores:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _sum(values: Counts) -> Scores:
    """Add up the last axis from left to right: NumPy's own sum takes another order on other processors."""
    return np.cumsum(values, axis=-1)[..., -1]

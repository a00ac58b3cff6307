"""Likely label errors, ranked by confident learning.

Source: Northcutt, Jiang & Chuang, "Confident learning: estimating uncertainty in dataset labels", Journal of
Artificial Intelligence Research 70 (2021), section 3.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelErrors:
    """Images by how likely their labels are wrong.

    Attributes:
        order: ``[n]`` indices of all images, the most suspicious first.
        margin: ``[n]`` probability of the given class less that of the most probable other one, in [-1, 1];
            what ``order`` is sorted by.
        suggested: ``[n]`` the class that the image is counted for: the given one unless ``flagged``.
        flagged: ``[n]`` bool, images off the diagonal of the confident joint: likely label errors.
        thresholds: ``[classes]``, equation 2.
    """

    order: npt.NDArray[np.int64]
    margin: npt.NDArray[np.float64]
    suggested: npt.NDArray[np.int64]
    flagged: npt.NDArray[np.bool_]
    thresholds: npt.NDArray[np.float64]


def label_errors(labels: npt.NDArray[np.integer], probabilities: npt.NDArray[np.floating]) -> LabelErrors:
    """Rank images by how likely their labels are wrong.

    A class's threshold is the mean probability of the class among images that are labelled with it
    (equation 2). An image counts for the most probable of the classes whose thresholds its probabilities
    reach (equation 1, the confident joint). It is flagged if that is not its label; images that reach no
    threshold are not. The ranking is by the normalised margin (section 3.3, "prune by noise rate").

    Args:
        labels: ``[n]`` given classes, in [0, classes).
        probabilities: ``[n, classes]`` out-of-sample probabilities: of models that were not trained on the
            image.

    Raises:
        ValueError: if the shapes do not fit.
    """
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(f"{labels.shape} labels do not go with {probabilities.shape} probabilities")
    given, scores = np.asarray(labels, dtype=np.int64), np.asarray(probabilities, dtype=np.float64)
    rows, classes = np.arange(len(given)), scores.shape[1]
    own = scores[rows, given]
    counts = np.bincount(given, minlength=classes)
    sums = np.bincount(given, weights=own, minlength=classes)
    # A class without images has no threshold that anything could reach.
    thresholds = np.divide(sums, counts, out=np.full(classes, np.inf), where=counts > 0)
    confident = np.where(scores >= thresholds, scores, -1.0)
    best = confident.argmax(axis=1)
    suggested = np.where(confident.max(axis=1) >= 0, best, given)
    others = scores.copy()
    others[rows, given] = -1.0
    margin = own - others.max(axis=1)
    order = np.argsort(margin, kind="stable")
    return LabelErrors(
        order=order, margin=margin, suggested=suggested, flagged=suggested != given, thresholds=thresholds
    )

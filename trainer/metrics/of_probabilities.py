"""Metrics of class probabilities, as scikit-learn defines them.

>>> labels, probabilities = np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
>>> roc_auc(labels, probabilities), round(average_precision(labels, probabilities), 4)
(0.75, 0.8333)
>>> round(log_likelihood(labels, probabilities), 4)
-0.5108
"""

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.integer]
Probabilities = npt.NDArray[np.floating]

#: Probabilities are taken as at least this and at most 1 less this, as scikit-learn's ``log_loss`` does.
EPSILON = float(np.finfo(np.float64).eps)

#: The lowest log-likelihood of an image, in nats.
LEAST = float(np.log(EPSILON))


def roc_auc(labels: Labels, probabilities: Probabilities) -> float:
    """Return the area under the receiver operating characteristic, one class against the rest, in [0, 1].

    It is the mean over classes; of two classes it is the second one's, as with scikit-learn's
    ``roc_auc_ovr``. Each area is the share of pairs of an image of the class and another image of which the
    first is given the higher probability, ties counting half (Hanley & McNeil, "The meaning and use of the
    area under a ROC curve", Radiology 143, 1982). A class without images, or with all of them, does not
    count; without any that counts the value is 1/2.

    Args:
        labels: ``[n]`` classes.
        probabilities: ``[n, classes]``, in [0, 1].
    """
    areas = [
        int((hits * (2 * (np.cumsum(others) - others) + others)).sum()) / (2 * int(hits.sum() * others.sum()))
        for hits, others in map(_by_value, *_against_rest(labels, probabilities))
        if hits.any() and others.any()
    ]
    return sum(areas) / len(areas) if areas else 0.5


def average_precision(labels: Labels, probabilities: Probabilities) -> float:
    """Return the mean over classes of the average precision, one class against the rest, in [0, 1].

    Of two classes it is the second one's, as with scikit-learn. The average precision of a class is the sum
    over its distinct probabilities, from the highest on, of precision times gained recall. A class without
    images does not count; without any that counts the value is 0.

    Args:
        labels: ``[n]`` classes.
        probabilities: ``[n, classes]``, in [0, 1].
    """
    found = []
    for ascending in map(_by_value, *_against_rest(labels, probabilities)):
        hits, others = (counts[::-1] for counts in ascending)
        if hits.any():
            caught = np.cumsum(hits)
            precision = caught / (caught + np.cumsum(others))
            found.append(float(np.cumsum(precision * hits)[-1]) / int(hits.sum()))
    return sum(found) / len(found) if found else 0.0


def log_likelihood(labels: Labels, probabilities: Probabilities) -> float:
    """Return the mean log-probability of the true class, in nats, at most 0: ``neg_log_loss``.

    Of two classes the first one's probability is 1 less the second one's, as with scikit-learn's scorer:
    float32 probabilities do not add up to 1 exactly.

    Args:
        labels: ``[n]`` classes, at least one.
        probabilities: ``[n, classes]``, in [0, 1].
    """
    if probabilities.shape[1] == 2:
        second = probabilities[:, 1].astype(np.float64)
        chosen = np.where(labels == 1, second, 1 - second)
    else:
        chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(np.log(np.clip(chosen, EPSILON, 1 - EPSILON)).mean())


def _against_rest(
    labels: Labels, probabilities: Probabilities
) -> tuple[list[npt.NDArray[np.bool_]], list[Probabilities]]:
    """Return for each class that counts which images are of it, and its probabilities."""
    classes = probabilities.shape[1]
    chosen = [1] if classes == 2 else range(classes)
    return [labels == label for label in chosen], [probabilities[:, label] for label in chosen]


def _by_value(
    members: npt.NDArray[np.bool_], values: Probabilities
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Count members and others for each distinct value, ascending."""
    distinct, places = np.unique(values, return_inverse=True)
    hits = np.bincount(places, weights=members, minlength=len(distinct)).astype(np.int64)
    return hits, np.bincount(places, minlength=len(distinct)) - hits

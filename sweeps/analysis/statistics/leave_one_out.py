"""How much each image, or each group of images, bears on a model's macro-F1: the jackknife's values.

Source: Davison & Hinkley, "Bootstrap Methods and their Application" (1997), sections 2.7.3 and 3.8.
"""

import numpy as np

from sweeps.analysis.statistics.units import Counts, Labels, Units, scores_of


def leave_one_out(
    true: Labels, predicted: Labels, classes: int, groups: Labels | None
) -> tuple[Counts, Counts]:
    """Return each refit's macro-F1 ``[n]``, and how much each unit bears on it ``[n, units]``.

    A unit is an image, or a group. Its value is what leaving it out takes away from the score, times the
    number of the other units (the jackknife's). The score on other units differs by about the mean of their
    values. A class that is neither true nor predicted does not count.

    Args:
        true: ``[m]`` classes.
        predicted: ``[n, m]`` predicted classes of n refits.
        classes: number of classes.
        groups: ``[m]`` numbers of groups; None if every image is by itself. Units are in their order.
    """
    if groups is None:
        return _by_image(true, predicted, classes)
    scores, values = [], []
    for guesses in predicted:
        units = Units(true, guesses, classes, groups)
        score = _macro_f1(units.total[None])[0]
        rest = np.concatenate([_macro_f1(units.total - counts) for counts, _ in units])
        scores.append(score)
        values.append((units.units - 1) * (score - rest)[units.row])
    return np.array(scores), np.stack(values)


def _macro_f1(counts: Counts) -> Counts:
    return scores_of(counts)[:, 0]


def _by_image(true: Labels, predicted: Labels, classes: int) -> tuple[Counts, Counts]:
    """The same for single images: without one, only the F1 of its true and its predicted class change."""
    rows, wrong = np.nonzero(predicted != true)
    one, other = true[wrong], predicted[rows, wrong]
    hits = _count(np.where(predicted == true, true, classes), classes)
    among = _count(true[None], classes) + _count(predicted, classes)
    f1, present = _f1(hits, among), among > 0
    miss, hit = _f1(hits, among - 1) - f1, _f1(hits - 1, among - 2) - f1
    once, twice = (among == 1).astype(np.int64), (among == 2).astype(np.int64)
    change, gone = hit[:, true], twice[:, true]
    change[rows, wrong] = miss[rows, one] + miss[rows, other]
    gone[rows, wrong] = once[rows, one] + once[rows, other]
    total, number = f1.sum(axis=1, keepdims=True), present.sum(axis=1, keepdims=True)
    score = total / number
    return score[:, 0], (len(true) - 1) * (score - (total + change) / (number - gone))


def _count(labels: Labels, classes: int) -> Counts:
    """Count each class in each row of ``[n, m]`` labels; ``classes`` itself is not counted."""
    rows = np.arange(len(labels))[:, None] * (classes + 1)
    counts = np.bincount((rows + labels).ravel(), minlength=len(labels) * (classes + 1))
    return counts.reshape(len(labels), -1)[:, :classes].astype(np.float64)


def _f1(hits: Counts, among: Counts) -> Counts:
    return np.divide(2 * hits, among, out=np.zeros_like(hits), where=among > 0)

"""How much each image, or each group of images, bears on a model's score: the jackknife's values.

Sources: Davison & Hinkley, "Bootstrap Methods and their Application" (1997), sections 2.7.3 and 3.8; for
blocks Shao & Tu, "The Jackknife and Bootstrap" (1995), section 2.3.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sweeps.analysis.statistics.units import Counts, Labels, Units, scores_of
from trainer.metrics.metric import MACRO_F1, Metric
from trainer.metrics.of_probabilities import Probabilities

#: ``[n, m]`` classes or ``[n, m, classes]`` probabilities.
Predictions = npt.NDArray[Any]

#: Most units that are left out one after the other where every time all images are ranked again.
BLOCKS = 200


def leave_one_out(
    true: Labels,
    predicted: Predictions,
    classes: int,
    groups: Labels | None,
    metric: Metric = MACRO_F1,
) -> tuple[Counts, Counts]:
    """Return each refit's score ``[n]``, and how much each unit bears on it ``[n, units]``.

    A unit is an image, or a group; for a metric of probabilities at most ``BLOCKS`` blocks of them, which are
    left out one after the other. Its value is what leaving it out takes away from the score, times the number
    of the other units (the jackknife's). The score on other units differs by about the mean of their values.

    Args:
        true: ``[m]`` classes.
        predicted: ``[n, m]`` predicted classes of n refits, or ``[n, m, classes]`` probabilities if the
            metric needs these.
        classes: number of classes.
        groups: ``[m]`` numbers of groups; None if every image is by itself. Units are in their order.
        metric: what scores predictions.
    """
    if metric.of_probabilities is not None:
        return _of_probabilities(true, predicted, _blocks(len(true), groups), metric.of_probabilities)
    if groups is None and metric == MACRO_F1:
        return _by_image(true, predicted, classes)
    assert metric.of_counts is not None  # noqa: S101 - it has one of the two
    score = _macro_f1 if metric == MACRO_F1 else metric.of_counts
    scores, values = [], []
    for guesses in predicted:
        units = Units(true, guesses, classes, groups)
        whole = score(units.total[None])[0]
        rest = np.concatenate([score(units.total - counts) for counts, _ in units])
        scores.append(whole)
        values.append((units.units - 1) * (whole - rest)[units.row])
    return np.array(scores), np.stack(values)


def units_of(true: Labels, groups: Labels | None, metric: Metric) -> int:
    """Return how many independent units bear on a score.

    On the score of one class it is the units with images of it: what is known of the class rests on these.
    """
    if metric.of_class is not None:
        members = true == metric.of_class
        return int(members.sum()) if groups is None else len(np.unique(groups[members]))
    if metric.counts:
        return len(true) if groups is None else len(np.unique(groups))
    return int(_blocks(len(true), groups).max()) + 1


def _of_probabilities(
    true: Labels, predicted: Predictions, blocks: Labels, score: Callable[[Labels, Probabilities], float]
) -> tuple[Counts, Counts]:
    count = int(blocks.max()) + 1
    whole = np.array([score(true, each) for each in predicted])
    rest = np.array(
        [[score(true[blocks != b], each[blocks != b]) for b in range(count)] for each in predicted]
    )
    return whole, (count - 1) * (whole[:, None] - rest)


def _blocks(images: int, groups: Labels | None) -> Labels:
    """Return the block of each image, ``[images]`` from 0: a unit each, or several whole ones by chance.

    By chance, because images often lie in the order of their classes.
    """
    unit = np.arange(images) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = int(unit.max()) + 1
    shuffled = np.random.Generator(np.random.Philox(0)).permutation(count)
    return (unit if count <= BLOCKS else shuffled[unit] % BLOCKS).astype(np.int64)


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

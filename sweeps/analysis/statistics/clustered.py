"""Scores of one model with 95 % intervals that count independent units: groups, or images without groups.

Images of one group (a patient, a source) are right or wrong together, so a group is one observation however
many images it has. The standard error of a score is the delete-one-group jackknife's: Davison & Hinkley,
"Bootstrap Methods and their Application" (1997), section 3.8 (clustered data) and section 2.7.3; for the t
distribution with (groups - 1) degrees of freedom see Cameron & Miller, "A practitioner's guide to
cluster-robust inference", Journal of Human Resources 50 (2015), section VI. The interval is made on the logit
scale, so it stays within 0 and 1. docs/statistics.md shows how often it covers, beside the percentile
interval of the cluster bootstrap (Field & Welsh 2007), which is too narrow with few groups.

A score of exactly 0 or 1 shows no spread. Its interval is Clopper & Pearson's (Biometrika 26, 1934) for as
many independent observations as there are groups.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Labels = npt.NDArray[np.integer]
Counts = npt.NDArray[np.float64]

#: Probability beyond each end of an interval.
TAIL = 0.025

#: Units whose counts are in memory at a time.
_CHUNK = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A score in [0, 1] with its 95 % interval.

    Attributes:
        score: of all images.
        low: lower end; 0 if fewer than two units bear on the score, because then nothing is known.
        high: upper end; 1 if fewer than two units bear on it.
        units: number of groups, or of images without groups, that bear on it.
    """

    score: float
    low: float
    high: float
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassIntervals:
    """One class: its scores, its number of true images, and of groups with such images (None: no groups)."""

    precision: Interval
    recall: Interval
    f1: Interval
    support: int
    groups: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelScores:
    """A model's scores on some images.

    Attributes:
        f1: macro-F1; a class that is neither true nor predicted does not count.
        accuracy: share of right predictions.
        classes: the scores of each class in order.
        units: number of groups, or of images without groups.
    """

    f1: Interval
    accuracy: Interval
    classes: tuple[ClassIntervals, ...]
    units: int


def scored(true: Labels, predicted: Labels, *, classes: int, groups: Labels | None = None) -> ModelScores:
    """Return a model's scores with their intervals.

    Args:
        true: ``[n]`` classes in [0, classes).
        predicted: ``[n]`` predicted classes.
        classes: number of classes.
        groups: ``[n]`` numbers of the groups that images belong to; None if every image is by itself.

    Raises:
        ValueError: if there is no image, or the lengths differ.
    """
    if not len(true) or true.shape != predicted.shape or (groups is not None and len(groups) != len(true)):
        raise ValueError(f"{true.shape} true classes do not go with {predicted.shape} predicted ones")
    counts = _Units(true, predicted, classes, groups)
    values = _scores(counts.total[None])[0]
    spread = _jackknife(counts, values)
    met = counts.met  # of each class: units with it as the true class, as the predicted one, as either
    known = met[0] > 0
    bearing = np.concatenate([[met[0][known].min(), counts.units], met[1], met[0], met[2]])
    freedom = np.concatenate([[counts.units, counts.units], met[1], met[0], met[2]])
    found = [
        _interval(float(value), float(error), int(few), int(many))
        for value, error, few, many in zip(values, spread, bearing, freedom, strict=True)
    ]
    return ModelScores(
        f1=found[0],
        accuracy=found[1],
        classes=tuple(
            ClassIntervals(
                precision=found[2 + label],
                recall=found[2 + classes + label],
                f1=found[2 + 2 * classes + label],
                support=int(counts.total[1, label]),
                groups=None if groups is None else int(met[0][label]),
            )
            for label in range(classes)
        ),
        units=counts.units,
    )


class _Units:
    """Counts of each unit: hits, true images and predictions of each class.

    Without groups, images of the same true and predicted class are alike, so each such pair is kept once.
    """

    def __init__(self, true: Labels, predicted: Labels, classes: int, groups: Labels | None) -> None:
        cells = true.astype(np.int64) * classes + predicted
        if groups is None:
            self._cells, self._copies = np.unique(cells, return_counts=True)
            self._unit = np.arange(len(self._cells))
        else:
            self._unit = np.unique(groups, return_inverse=True)[1]
            order = np.argsort(self._unit, kind="stable")
            self._unit, self._cells = self._unit[order], cells[order]
            self._copies = np.ones(int(self._unit[-1]) + 1, dtype=np.int64)
        self.classes = classes
        self.units = int(self._copies.sum())
        self.total, self.met = np.zeros((3, classes)), np.zeros((3, classes), dtype=np.int64)
        for counts, copies in self:
            self.total += np.tensordot(copies, counts, 1)
            for place, seen in enumerate((counts[:, 1], counts[:, 2], counts[:, 1] + counts[:, 2])):
                self.met[place] += copies @ (seen > 0)

    def __iter__(self) -> Iterator[tuple[Counts, npt.NDArray[np.int64]]]:
        """Yield counts ``[units, 3, classes]``, and how many units have them, part by part."""
        for start in range(0, len(self._copies), _CHUNK):
            stop = min(start + _CHUNK, len(self._copies))
            first, last = np.searchsorted(self._unit, [start, stop])
            true, predicted = np.divmod(self._cells[first:last], self.classes)
            unit = self._unit[first:last] - start
            right = true == predicted
            seen = [(unit[right], true[right]), (unit, true), (unit, predicted)]
            counts = [_table(rows, columns, stop - start, self.classes) for rows, columns in seen]
            yield np.stack(counts, axis=1), self._copies[start:stop]


def _table(rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], height: int, width: int) -> Counts:
    """Count pairs of row and column, ``[height, width]``."""
    counts = np.bincount(rows * width + columns, minlength=height * width)
    return counts.reshape(height, width).astype(np.float64)


def _scores(counts: Counts) -> Counts:
    """Return macro-F1, accuracy, and precision, recall and F1 of each class: ``[n, 2 + 3 * classes]``."""
    hits, true, predicted = counts[:, 0], counts[:, 1], counts[:, 2]
    f1 = _ratio(2 * hits, true + predicted)
    present = ((true + predicted) > 0).sum(axis=1)
    both = np.stack([_ratio(f1.sum(axis=1), present), _ratio(hits.sum(axis=1), true.sum(axis=1))], axis=1)
    return np.concatenate([both, _ratio(hits, predicted), _ratio(hits, true), f1], axis=1)


def _ratio(above: Counts, below: Counts | npt.NDArray[np.int64]) -> Counts:
    return np.divide(above, below, out=np.zeros_like(above), where=np.asarray(below > 0))


def _jackknife(units: _Units, values: Counts) -> Counts:
    """Return each score's standard error from leaving out one unit after the other."""
    first, second = np.zeros_like(values), np.zeros_like(values)
    for counts, copies in units:
        changes = _scores(units.total - counts) - values
        first += copies @ changes
        second += copies @ changes**2
    spread = np.maximum(second - first**2 / units.units, 0)
    return np.asarray(np.sqrt((units.units - 1) / units.units * spread))


def _interval(value: float, error: float, few: int, many: int) -> Interval:
    """Return a score with its interval.

    Args:
        value: the score.
        error: its standard error.
        few: number of units that a score without any spread stands on.
        many: number of units that bear on the score.
    """
    if min(few, many) < 2:
        return Interval(score=value, low=0.0, high=1.0, units=many)
    if value in {0.0, 1.0}:
        reach = 1 - TAIL ** (1 / few)
        return Interval(score=value, low=max(0.0, value - reach), high=min(1.0, value + reach), units=many)
    reach = float(stats.t.ppf(1 - TAIL, many - 1)) * error / (value * (1 - value))
    middle = np.log(value / (1 - value))
    low, high = (float(1 / (1 + np.exp(-(middle + side)))) for side in (-reach, reach))
    return Interval(score=value, low=low, high=high, units=many)

"""What independent units (groups, or images without groups) add to the scores of one model's predictions."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.integer]
Counts = npt.NDArray[np.float64]

#: Units whose counts are in memory at a time.
_CHUNK = 1000


class Units:
    """Counts of each unit: right predictions (hits), true images and predictions of each class.

    Without groups, images of the same true and predicted class are alike, so each such pair is kept once.

    Args:
        true: ``[n]`` classes in [0, classes).
        predicted: ``[n]`` predicted classes.
        classes: number of classes.
        groups: ``[n]`` numbers of groups; None if every image is by itself.

    Attributes:
        units: number of groups, or of images.
        total: ``[3, classes]`` hits, true images and predictions of all units.
        met: ``[3, classes]`` number of units with a class as the true one, as the predicted one, as either.
        row: ``[units]`` the place of each unit's counts among those that iterating yields.
    """

    def __init__(self, true: Labels, predicted: Labels, classes: int, groups: Labels | None) -> None:
        cells = true.astype(np.int64) * classes + predicted
        if groups is None:
            self._cells, self.row, self._copies = np.unique(cells, return_inverse=True, return_counts=True)
            self._unit = np.arange(len(self._cells))
        else:
            self._unit = np.unique(groups, return_inverse=True)[1]
            order = np.argsort(self._unit, kind="stable")
            self._unit, self._cells = self._unit[order], cells[order]
            self.row = np.arange(int(self._unit[-1]) + 1)
            self._copies = np.ones(len(self.row), dtype=np.int64)
        self._classes = classes
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
            true, predicted = np.divmod(self._cells[first:last], self._classes)
            unit = self._unit[first:last] - start
            right = true == predicted
            seen = [(unit[right], true[right]), (unit, true), (unit, predicted)]
            counts = [_table(rows, columns, stop - start, self._classes) for rows, columns in seen]
            yield np.stack(counts, axis=1), self._copies[start:stop]


def _table(rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], height: int, width: int) -> Counts:
    """Count pairs of row and column, ``[height, width]``."""
    counts = np.bincount(rows * width + columns, minlength=height * width)
    return counts.reshape(height, width).astype(np.float64)


def scores_of(counts: Counts) -> Counts:
    """Return macro-F1, accuracy, and precision, recall and F1 of each class: ``[n, 2 + 3 * classes]``."""
    hits, true, predicted = counts[:, 0], counts[:, 1], counts[:, 2]
    f1 = _ratio(2 * hits, true + predicted)
    present = ((true + predicted) > 0).sum(axis=1)
    both = np.stack([_ratio(f1.sum(axis=1), present), _ratio(hits.sum(axis=1), true.sum(axis=1))], axis=1)
    return np.concatenate([both, _ratio(hits, predicted), _ratio(hits, true), f1], axis=1)


def _ratio(above: Counts, below: Counts | npt.NDArray[np.int64]) -> Counts:
    return np.divide(above, below, out=np.zeros_like(above), where=np.asarray(below > 0))

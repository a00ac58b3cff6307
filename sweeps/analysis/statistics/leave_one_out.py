"""How much each image, or each group of images, bears on a model's macro-F1: the jackknife's values.

Source: Davison & Hinkley, "Bootstrap Methods and their Application" (1997), sections 2.7.3 and 3.8.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.integer]


def leave_one_out(
    true: Labels, predicted: Labels, classes: int, groups: Labels | None
) -> tuple[Floats, Floats]:
    """Return each refit's macro-F1 ``[n]``, and how much each unit bears on it ``[n, units]``.

    A unit is an image, or a group. Its value is what leaving it out takes away from the score, times the
    number of the other units (the jackknife's). The score on other units differs by about the mean of their
    values. A class that is neither true nor predicted does not count.

    Args:
        true: ``[m]`` classes.
        predicted: ``[n, m]`` predicted classes of n refits.
        classes: number of classes.
        groups: ``[m]`` numbers of groups from 0, all there; None if every image is by itself.
    """
    units = len(true) if groups is None else int(groups.max()) + 1
    scores, values = np.zeros(len(predicted)), np.zeros((len(predicted), units))
    for refit, guesses in enumerate(predicted):
        if groups is None:
            counts = _by_image(true, guesses, classes)
        else:
            counts = _counted(true, guesses, groups, np.arange(units), classes)
        all_hits, all_both = counts.copies @ counts.hits, counts.copies @ counts.both
        scores[refit] = _macro(all_hits[None], all_both[None])[0]
        rest = _macro(all_hits - counts.hits, all_both - counts.both)
        values[refit] = (units - 1) * (scores[refit] - rest)[counts.row]
    return scores, values


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    """Right predictions, and true plus predicted ones, of each kind of unit: ``[kinds, classes]``.

    Attributes:
        hits: right predictions of each class.
        both: true images plus predictions of each class.
        copies: ``[kinds]`` how many units are of a kind.
        row: ``[units]`` the kind of each unit.
    """

    hits: Floats
    both: Floats
    copies: Floats
    row: npt.NDArray[np.int64]


def _by_image(true: Labels, guesses: Labels, classes: int) -> _Counts:
    """Count for each image; those of the same true and predicted class are of one kind."""
    cells, row = np.unique(true.astype(np.int64) * classes + guesses, return_inverse=True)
    one, other = np.divmod(cells, classes)
    return _counted(one, other, np.arange(len(cells)), row.astype(np.int64), classes)


def _counted(one: Labels, other: Labels, kind: Labels, row: npt.NDArray[np.int64], classes: int) -> _Counts:
    copies = np.bincount(row).astype(np.float64)
    right = one == other
    return _Counts(
        hits=_table(kind[right], one[right], len(copies), classes),
        both=_table(kind, one, len(copies), classes) + _table(kind, other, len(copies), classes),
        copies=copies,
        row=row,
    )


def _table(rows: Labels, columns: Labels, height: int, width: int) -> Floats:
    """Count pairs of row and column, ``[height, width]``."""
    counts = np.bincount(rows * width + columns, minlength=height * width)
    return counts.reshape(height, width).astype(np.float64)


def _macro(hits: Floats, both: Floats) -> Floats:
    """Return macro-F1 from right predictions, and true plus predicted ones, ``[n, classes]`` each."""
    f1 = np.divide(2 * hits, both, out=np.zeros_like(hits), where=both > 0)
    present = (both > 0).sum(axis=1)
    found: Floats = np.divide(f1.sum(axis=1), present, out=np.zeros(len(f1)), where=present > 0)
    return found

"""Counts of right and wrong predictions: exact, and independent of their order.

>>> confusion = confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1], classes=2)
>>> confusion
((1, 1), (0, 2))
>>> round(macro_f1(confusion), 4)
0.7333
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Confusion = tuple[tuple[int, ...], ...]


def confusion_matrix(true: npt.ArrayLike, predicted: npt.ArrayLike, *, classes: int) -> Confusion:
    """Count (true class, predicted class) pairs: rows are true classes, columns predicted ones.

    Args:
        true: ``[n]`` integers in [0, classes).
        predicted: ``[n]`` integers in [0, classes).
        classes: number of classes, at least 2.

    Raises:
        ValueError: if the lengths differ or a class is out of range.
    """
    rows, columns = np.asarray(true, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    if rows.shape != columns.shape or rows.ndim != 1:
        raise ValueError(f"{rows.shape} true classes do not pair with {columns.shape} predicted ones")
    pairs = np.concatenate([rows, columns])
    if pairs.size and (pairs.min() < 0 or pairs.max() >= classes):
        raise ValueError(f"classes must lie in 0 to {classes - 1}")
    counts = np.bincount(rows * classes + columns, minlength=classes * classes)
    return tuple(tuple(int(count) for count in row) for row in counts.reshape(classes, classes))


def pooled(confusions: Iterable[Confusion]) -> Confusion:
    """Add confusion matrices cell by cell: the matrix of all their predictions together."""
    total = np.sum([np.asarray(confusion, dtype=np.int64) for confusion in confusions], axis=0)
    return tuple(tuple(int(count) for count in row) for row in total)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScore:
    """Precision, recall and F1 of one class, in [0, 1], and its number of true samples."""

    precision: float
    recall: float
    f1: float
    support: int


def class_scores(confusion: Confusion) -> Sequence[ClassScore]:
    """Return the scores of each class in order.

    F1 is 2 TP / (2 TP + FP + FN) in float64. A score whose denominator is 0 is 0, as with scikit-learn's
    ``zero_division=0``.
    """
    counts = np.asarray(confusion, dtype=np.int64)
    scores = []
    for index in range(len(counts)):
        hits, true, predicted = (
            int(n) for n in (counts[index, index], counts[index].sum(), counts[:, index].sum())
        )
        scores.append(
            ClassScore(
                precision=hits / predicted if predicted else 0.0,
                recall=hits / true if true else 0.0,
                f1=2 * hits / (true + predicted) if true + predicted else 0.0,
                support=true,
            )
        )
    return scores


def macro_f1(confusion: Confusion) -> float:
    """Return the mean over classes of F1, in [0, 1].

    Source: Opitz & Burst, "Macro F1 and Macro F1" (arXiv 1911.03347), the "averaged F1" of their eq. 1.
    For a cross-validation, pool the folds' matrices first: Forman & Scholz, "Apples-to-apples in
    cross-validation studies" (SIGKDD Explorations 12(1), 2010), find every other way biased.

    A class that is neither true nor predicted does not count, as with scikit-learn: with groups or given
    folds, a fold or a stop set may have no image of it. Without any image the value is 0.
    """
    counts = np.asarray(confusion, dtype=np.int64)
    met = (counts.sum(axis=0) + counts.sum(axis=1)) > 0
    scores = [score.f1 for score, counted in zip(class_scores(confusion), met, strict=True) if counted]
    return sum(scores) / len(scores) if scores else 0.0


def accuracy(confusion: Confusion) -> float:
    """Return the share of predictions on the diagonal, in [0, 1]; 0 for an empty matrix."""
    counts = np.asarray(confusion, dtype=np.int64)
    total = int(counts.sum())
    return int(np.trace(counts)) / total if total else 0.0

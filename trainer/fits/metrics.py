"""The scores of fits and sweeps, computed from integer counts: exact, and independent of their order.

>>> confusion = confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1], classes=2)
>>> confusion
((1, 1), (0, 2))
>>> round(macro_f1(confusion), 4)
0.7333
>>> MACRO_F1.best([0.5, 0.7333, 0.6]), MACRO_F1.worst, MACRO_F1.perfect
(0.7333, 0.0, 1.0)
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from trainer.fits.results import Confusion

Direction = Literal["maximize", "minimize"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """The metric of a sweep. Stopping, ranking, pruning, pooling and naming depend on it alone.

    Attributes:
        name: scikit-learn's name of the scorer.
        key: its name in records, MLflow's metric keys and file names: lower-case letters, digits and ``_``.
        title: its name in texts.
        label: its short name.
        direction: whether higher or lower values are better.
        needs: its input. ``"counts"`` is a confusion matrix, which is pooled over folds.
        low: the lowest possible value.
        high: the highest possible value.
        of: gives the value of one confusion matrix.
    """

    name: str
    key: str
    title: str
    label: str
    direction: Direction
    needs: Literal["counts"]
    low: float
    high: float
    of: Callable[[Confusion], float]

    def __post_init__(self) -> None:
        """Refuse a key that MLflow or a file system would not take as it is."""
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", self.key):
            raise ValueError(f"the metric key {self.key!r} is not made of lower-case letters, digits and _")

    @property
    def perfect(self) -> float:
        """The best value there is."""
        return self.high if self.direction == "maximize" else self.low

    @property
    def worst(self) -> float:
        """The worst value there is, which stands for a failed trial in the search."""
        return self.low if self.direction == "maximize" else self.high

    def oriented(self, value: float | None) -> float:
        """Return ``value``, negated if lower is better, so that higher is better; the worst for None."""
        score = self.worst if value is None else value
        return score if self.direction == "maximize" else -score

    def better(self, one: float, other: float, *, by: float = 0.0) -> bool:
        """Whether ``one`` is better than ``other`` by more than ``by``, at least 0; a NaN never is."""
        return self.oriented(one) - by > self.oriented(other)

    def best(self, values: Iterable[float]) -> float:
        """Return the best of the values, at least one."""
        return max(values, key=self.oriented)

    def best_first(self, values: Iterable[float]) -> list[float]:
        """Return the values sorted, the best first."""
        return sorted(values, key=self.oriented, reverse=True)

    def improved(self, value: float, by: float) -> float:
        """Return ``value`` made better by the amount ``by``, but never better than perfect."""
        better = self.oriented(value) + by
        return self.oriented(min(self.oriented(self.perfect), better))

    def pooled(self, confusions: Iterable[Confusion]) -> float:
        """Return the value of the folds' predictions taken together."""
        return self.of(pooled(confusions))

    def reachable(
        self, confusions: Sequence[Confusion], folds: int, held_out: Sequence[Sequence[int]] = ()
    ) -> float:
        """Return a bound on the pooled value of all ``folds``: all remaining predictions are right.

        Args:
            confusions: of the first folds, at least one.
            folds: how many there are in all.
            held_out: number of images of each class in each fold, ``[folds][classes]``; empty if folds are
                stratified: then one fold has at most one image of a class more than another.
        """
        total = [list(row) for row in pooled(confusions)]
        for label in range(len(total)):
            if held_out:
                total[label][label] += sum(counts[label] for counts in held_out[len(confusions) :])
            else:
                fewest = min(sum(confusion[label]) for confusion in confusions)
                total[label][label] += (folds - len(confusions)) * (fewest + 1)
        return self.of(tuple(tuple(row) for row in total))


MACRO_F1 = Metric(
    name="f1_macro",
    key="f1",
    title="macro-F1",
    label="F1",
    direction="maximize",
    needs="counts",
    low=0.0,
    high=1.0,
    of=macro_f1,
)

METRICS = {metric.key: metric for metric in (MACRO_F1,)}


def metric_called(key: str) -> Metric:
    """Return the metric with the key ``key``.

    Raises:
        ValueError: if there is none.
    """
    if key not in METRICS:
        raise ValueError(f"there is no metric {key!r}; the metrics are: {', '.join(METRICS)}")
    return METRICS[key]

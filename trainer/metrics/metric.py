"""The metric of a sweep: what stopping, ranking, pruning, comparing and naming depend on.

>>> MACRO_F1.best([0.5, 0.7333, 0.6]), MACRO_F1.worst, MACRO_F1.perfect
(0.7333, 0.0, 1.0)
>>> MACRO_F1.of(((1, 1), (0, 2)))
0.7333333333333334
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal

from trainer.metrics import of_counts
from trainer.metrics.confusion import Confusion, confusion_matrix, pooled
from trainer.metrics.of_counts import Counts, Scores, margins
from trainer.metrics.of_probabilities import Labels, Probabilities

Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric. Exactly one of ``of_counts`` and ``of_probabilities`` is given.

    Attributes:
        name: its name in sweep files, scikit-learn's name of the scorer.
        recorded: its name in records (``table.metric_called``).
        key: its name in MLflow's metric keys and file names: lower-case letters, digits and ``_``.
        title: its name in texts.
        label: its short name.
        direction: whether higher or lower values are better.
        low: the lowest possible value.
        high: the highest possible value.
        rope: the usual difference that does not matter (``[compare] rope``).
        margin: the usual margin of pruning (``[prune] margin``).
        of_class: the place of the only class that it is about; None for a metric of all classes.
        bounded: whether it is highest if all remaining images are right, so that pruning can be certain.
        of_counts: its values for ``[..., 3, classes]`` counts (``metrics.of_counts``).
        of_probabilities: its value for ``[n]`` labels and ``[n, classes]`` probabilities.
    """

    name: str
    recorded: str
    key: str
    title: str
    label: str
    direction: Direction = "maximize"
    low: float = 0.0
    high: float = 1.0
    rope: float = 0.005
    margin: float = 0.005
    of_class: int | None = None
    bounded: bool = True
    of_counts: Callable[[Counts], Scores] | None = field(default=None, compare=False)
    of_probabilities: Callable[[Labels, Probabilities], float] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuse a key that MLflow or a file system would not take as it is."""
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", self.key):
            raise ValueError(f"the metric key {self.key!r} is not made of lower-case letters, digits and _")

    @property
    def counts(self) -> bool:
        """Whether it is computed from counts: these are pooled over folds; other values are averaged."""
        return self.of_counts is not None

    @property
    def heading(self) -> str:
        """Its title as the first words of a sentence."""
        return self.title[:1].upper() + self.title[1:]

    @property
    def of_trials(self) -> str:
        """What the score of a cross-validation is, in a few words."""
        return f"{self.title} of the pooled out-of-fold predictions" if self.counts else self.of_folds

    @property
    def of_folds(self) -> str:
        """What the mean of the folds' scores is, in a few words."""
        return f"mean {self.title} of the folds"

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

    def of(self, confusion: Confusion) -> float:
        """Return the value of one confusion matrix.

        Raises:
            TypeError: if the metric needs probabilities.
        """
        if self.of_counts is None:
            raise TypeError(f"{self.name} needs probabilities")
        return float(self.of_counts(margins(confusion)))

    def score(self, labels: Labels, probabilities: Probabilities) -> float:
        """Return the value of a model's predictions.

        Args:
            labels: ``[n]`` true classes.
            probabilities: ``[n, classes]``, in [0, 1]; the class with the highest one is predicted.
        """
        if self.of_probabilities is not None:
            return self.of_probabilities(labels, probabilities)
        predicted = probabilities.argmax(axis=1)
        return self.of(confusion_matrix(labels, predicted, classes=probabilities.shape[1]))

    def over_folds(self, scores: Iterable[float], confusions: Iterable[Confusion]) -> float:
        """Return the value of a cross-validation: of pooled counts, or the mean of the folds' values.

        Args:
            scores: of the folds.
            confusions: the folds' confusion matrices.
        """
        return self.of(pooled(confusions)) if self.counts else fmean(scores)

    def reachable(
        self, confusions: Sequence[Confusion], folds: int, held_out: Sequence[Sequence[int]] = ()
    ) -> float:
        """Return a bound on the pooled value of all ``folds``: all remaining predictions are right.

        It holds for ``bounded`` metrics of counts.

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
    recorded="f1",
    key="f1",
    title="macro-F1",
    label="F1",
    of_counts=of_counts.macro_f1,
)

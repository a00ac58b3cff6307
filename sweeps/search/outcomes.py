"""The outcome of an ended trial, for later trials: its score for the search, its folds for pruning."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from sweeps.search.proposals import Observation
from tracking.records import TrialState
from trainer.fits.results import Epoch, FitResult
from trainer.hyperparameters import Hyperparameters
from trainer.metrics.metric import MACRO_F1, Metric


@dataclass(frozen=True)  # without slots: cached properties compute the scores of many trials once
class Ended:
    """A trial that has ended, with the results that count, in fold order."""

    hyperparameters: Hyperparameters
    state: TrialState
    results: tuple[FitResult, ...]
    metric: Metric = MACRO_F1

    @cached_property
    def mean(self) -> float:
        """Mean of its folds' scores."""
        return fmean(self._scores)

    @cached_property
    def score(self) -> float:
        """Its score: the metric of its pooled predictions, or the mean of its folds' scores."""
        return self.metric.over_folds(self._scores, (result.confusion for result in self.results))

    @property
    def _scores(self) -> list[float]:
        return [self.metric.worst if result.score is None else result.score for result in self.results]

    def observation(self, epochs: int) -> Observation:
        """Return the observation for the search. A failed trial has the worst score.

        Optuna's samplers ignore trials in its own state FAIL, and would propose the same again.

        Args:
            epochs: maximum number of epochs of a fit. ``pruned_at`` is the number of epochs trained for a
                trial pruned in its first fold, and ``epochs + k`` for one pruned after k folds.
        """
        if self.state == "failed":
            return Observation(self.hyperparameters, self.metric.worst)
        if self.state == "complete":
            return Observation(self.hyperparameters, self.score)
        last = self.results[-1]
        if last.state == "pruned":
            best = best_on_stop_set(last.epochs, self.metric)
            return Observation(self.hyperparameters, best, pruned_at=len(last.epochs))
        return Observation(self.hyperparameters, self.mean, pruned_at=epochs + len(self.results))


def best_on_stop_set(epochs: Iterable[Epoch], metric: Metric) -> float:
    """Return the best stop-set score of one or more epochs; without a stop set, the worst possible score."""
    return metric.best(metric.worst if seen.stop_score is None else seen.stop_score for seen in epochs)

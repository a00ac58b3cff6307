"""What an ended trial tells those that come after it: the search its score, pruning its folds."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from sweeps.search.proposals import Observation
from tracking.records import TrialState
from trainer.fits.metrics import MACRO_F1, Metric
from trainer.fits.results import Epoch, FitResult
from trainer.hyperparameters import Hyperparameters


@dataclass(frozen=True)  # without slots: scores of thousands of observed trials are worked out once
class Ended:
    """A trial that has ended: its results are those that count, in fold order."""

    hyperparameters: Hyperparameters
    state: TrialState
    results: tuple[FitResult, ...]
    metric: Metric = MACRO_F1

    @cached_property
    def mean(self) -> float:
        """Mean of its folds' scores."""
        return fmean(self.metric.worst if result.f1 is None else result.f1 for result in self.results)

    @cached_property
    def f1(self) -> float:
        """Score of its pooled predictions."""
        return self.metric.pooled(result.confusion for result in self.results)

    def observation(self, epochs: int) -> Observation:
        """Return what the search is told. A failed trial is told as the worst score.

        Optuna's own FAIL is invisible to its samplers, which would propose the same again.

        Args:
            epochs: the most a fit trains. A trial that was pruned in its first fold came as far as its
                epochs, one that was pruned after k folds as far as ``epochs + k``.
        """
        if self.state == "failed":
            return Observation(self.hyperparameters, self.metric.worst)
        if self.state == "complete":
            return Observation(self.hyperparameters, self.f1)
        last = self.results[-1]
        if last.state == "pruned":
            best = best_on_stop_set(last.epochs, self.metric)
            return Observation(self.hyperparameters, best, pruned_at=len(last.epochs))
        return Observation(self.hyperparameters, self.mean, pruned_at=epochs + len(self.results))


def best_on_stop_set(epochs: Iterable[Epoch], metric: Metric) -> float:
    """Return the best stop-set score of the epochs, at least one; unwatched is worst."""
    return metric.best(metric.worst if seen.stop_f1 is None else seen.stop_f1 for seen in epochs)

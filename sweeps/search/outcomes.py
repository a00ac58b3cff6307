"""What an ended trial tells those that come after it: the search its score, pruning its folds."""

from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from sweeps.search.proposals import WORST_SCORE, Observation
from tracking.records import TrialState
from trainer.fits.metrics import macro_f1, pooled
from trainer.fits.results import FitResult
from trainer.hyperparameters import Hyperparameters


@dataclass(frozen=True)  # without slots: scores of thousands of observed trials are worked out once
class Ended:
    """A trial that has ended: its results are those that count, in fold order."""

    hyperparameters: Hyperparameters
    state: TrialState
    results: tuple[FitResult, ...]

    @cached_property
    def mean(self) -> float:
        """Mean of its folds' macro-F1."""
        return fmean(result.f1 or 0.0 for result in self.results)

    @cached_property
    def f1(self) -> float:
        """Macro-F1 of its pooled predictions."""
        return macro_f1(pooled(result.confusion for result in self.results))

    def observation(self, epochs: int) -> Observation:
        """Return what the search is told.

        Args:
            epochs: the most a fit trains. A trial that was pruned in its first fold came as far as its
                epochs, one that was pruned after k folds as far as ``epochs + k``.
        """
        if self.state == "failed":
            return Observation(self.hyperparameters, WORST_SCORE)
        if self.state == "complete":
            return Observation(self.hyperparameters, self.f1)
        last = self.results[-1]
        if last.state == "pruned":
            best = max(epoch.stop_f1 or 0.0 for epoch in last.epochs)
            return Observation(self.hyperparameters, best, pruned_at=len(last.epochs))
        return Observation(self.hyperparameters, self.mean, pruned_at=epochs + len(self.results))

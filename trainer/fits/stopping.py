"""Early stopping on the sweep's metric, or on the loss of the stop set.

Keras' own callback keeps a first NaN as its best score, and only warns if the metric does not exist.

>>> watch = EarlyStopping(Stopping(patience=2))
>>> for score in (0.5, 0.8, 0.8, 0.7):
...     improved = watch.update(score)
>>> watch.best_epoch, watch.best_score, watch.should_stop
(2, 0.8, True)
"""

import math

from trainer.fits.results import Epoch
from trainer.fits.specs import Rung, Stopping, Thresholds
from trainer.metrics.metric import MACRO_F1, Metric
from trainer.metrics.table import metric_called


class EarlyStopping:
    """Follows the stop set epoch by epoch.

    An epoch is an improvement if what is watched, score or loss, is better than the best by more than
    ``min_delta``. A tie is not one: the earliest epoch wins. A NaN never is one; the first number always is.

    Attributes:
        epoch: number of epochs so far.
        best_epoch: the one whose weights are kept, from 1; 0 before the first.
        best_score: its score if the score is watched, otherwise the best score so far.

    Raises:
        ValueError: at construction, if the rule names a metric that does not exist.
    """

    def __init__(self, rule: Stopping) -> None:
        self._metric = metric_called(rule.metric)
        self._rule = rule
        self.epoch = 0
        self.best_epoch = 0
        self.best_score = math.nan
        self._least_loss = math.nan

    def update(self, score: float, loss: float = math.nan) -> bool:
        """Take note of the next epoch; return whether it is the new best.

        Args:
            score: the stop set's score.
            loss: the stop set's loss, in nats; needed only if the loss is watched.
        """
        self.epoch += 1
        if self._rule.watch == "loss":
            return self._update_loss(score, loss)
        if math.isnan(score) or (self.best_epoch and not self._gains(score)):
            return False
        self.best_epoch, self.best_score = self.epoch, score
        return True

    def take(self, epoch: Epoch) -> bool:
        """Take note of the next epoch as it is recorded; return whether it is the new best."""
        values = (epoch.stop_score, epoch.stop_loss)
        return self.update(*(math.nan if value is None else value for value in values))

    def _update_loss(self, score: float, loss: float) -> bool:
        if math.isnan(self.best_score) or self._metric.better(score, self.best_score):
            self.best_score = score
        if math.isnan(loss) or (self.best_epoch and not loss < self._least_loss - self._rule.min_delta):
            return False
        self.best_epoch, self._least_loss = self.epoch, loss
        return True

    def _gains(self, score: float) -> bool:
        return self._metric.better(score, self.best_score, by=self._rule.min_delta)

    @property
    def should_stop(self) -> bool:
        """Whether ``patience`` epochs have passed without an improvement."""
        return self.epoch - self.best_epoch >= self._rule.patience


def missed_rung(
    thresholds: Thresholds | None, epoch: int, best: float, metric: Metric = MACRO_F1
) -> Rung | None:
    """Return the rung at ``epoch`` (from 1) if the best stop-set score so far, ``best``, misses it."""
    rungs = thresholds.rungs if thresholds else ()
    return next((rung for rung in rungs if rung.epoch == epoch and metric.better(rung.f1, best)), None)

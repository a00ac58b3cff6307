"""Early stopping on the sweep's metric.

Keras' own callback keeps a first NaN as its best score, and only warns if the metric does not exist.

>>> watch = EarlyStopping(Stopping(patience=2))
>>> for score in (0.5, 0.8, 0.8, 0.7):
...     improved = watch.update(score)
>>> watch.best_epoch, watch.best_score, watch.should_stop
(2, 0.8, True)
"""

import math

from trainer.fits.metrics import MACRO_F1, Metric, metric_called
from trainer.fits.specs import Rung, Stopping, Thresholds


class EarlyStopping:
    """Follows the stop set's score epoch by epoch.

    An epoch is an improvement if its score is better than the best by more than ``min_delta``. A tie is not
    one: the earliest epoch wins. A NaN never is one; the first score that is a number always is.

    Raises:
        ValueError: at construction, if the rule names a metric that does not exist.
    """

    def __init__(self, rule: Stopping) -> None:
        self._metric = metric_called(rule.metric)
        self._rule = rule
        self.epoch = 0
        self.best_epoch = 0
        self.best_score = math.nan

    def update(self, score: float) -> bool:
        """Take the score of the next epoch; return whether it is the new best."""
        self.epoch += 1
        if math.isnan(score) or (self.best_epoch and not self._gains(score)):
            return False
        self.best_epoch, self.best_score = self.epoch, score
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

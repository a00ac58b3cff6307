"""The mean score of runs that differ in their seeds alone, with its interval for other seeds."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from sweeps.analysis.statistics.score_interval import TAIL, on_logit_scale
from trainer.metrics.metric import MACRO_F1, Metric


def mean_of_seeds(
    scores: Sequence[float], metric: Metric = MACRO_F1
) -> tuple[float, tuple[float, float] | None]:
    """Return the mean of scores, and its 95 % interval.

    That is Student's t interval with (n - 1) degrees of freedom. If the metric lies in 0 to 1 it is made on
    the logit scale (delta method) so that it stays within. It is None if all scores are equal: they show no
    spread.

    Args:
        scores: at least 2.
        metric: whose values they are.

    Raises:
        ValueError: if there are fewer than 2 scores.
    """
    if len(scores) < 2:
        raise ValueError(f"{len(scores)} scores show no spread: at least 2 do")
    mean, spread = float(np.mean(scores)), float(np.std(scores, ddof=1))
    if len(set(scores)) == 1:
        return scores[0], None
    reach = float(stats.t.ppf(1 - TAIL, len(scores) - 1)) * spread / len(scores) ** 0.5
    if (metric.low, metric.high) != (0.0, 1.0):
        return mean, (max(metric.low, mean - reach), min(metric.high, mean + reach))
    return mean, on_logit_scale(mean, reach)

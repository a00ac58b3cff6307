"""The mean score of runs that differ in their seeds alone, with its interval for other seeds."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from sweeps.analysis.statistics.score_interval import TAIL, on_logit_scale


def mean_of_seeds(scores: Sequence[float]) -> tuple[float, tuple[float, float] | None]:
    """Return the mean of scores in [0, 1], and its 95 % interval.

    That is Student's t interval with (n - 1) degrees of freedom, made on the logit scale (delta method) so
    that it stays within 0 and 1. It is None if all scores are equal: they show no spread.

    Raises:
        ValueError: if there are fewer than 2 scores.
    """
    if len(scores) < 2:
        raise ValueError(f"{len(scores)} scores show no spread: at least 2 do")
    mean, spread = float(np.mean(scores)), float(np.std(scores, ddof=1))
    if len(set(scores)) == 1:
        return scores[0], None
    reach = float(stats.t.ppf(1 - TAIL, len(scores) - 1)) * spread / len(scores) ** 0.5
    return mean, on_logit_scale(mean, reach)

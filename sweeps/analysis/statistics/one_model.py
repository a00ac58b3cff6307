"""One model's score on some images, with its interval for new images like these, by any metric.

The standard error is the jackknife's (``leave_one_out``). ``clustered`` has the scores of all classes.
"""

import numpy as np
from scipy import stats

from sweeps.analysis.statistics.leave_one_out import Predictions, leave_one_out, units_of
from sweeps.analysis.statistics.score_interval import least_reach, on_logit_scale
from sweeps.analysis.statistics.units import Labels
from trainer.metrics.metric import Metric


def one_model(
    true: Labels,
    predicted: Predictions,
    metric: Metric,
    *,
    classes: int,
    groups: Labels | None,
    level: float,
) -> tuple[float, float]:
    """Return the ends of the interval for a model's score.

    It is Student's t interval with (units - 1) degrees of freedom, on the logit scale if the metric lies in 0
    to 1. If no image shows a spread it has the reach of Clopper & Pearson's interval.

    Args:
        true: ``[n]`` classes in [0, classes).
        predicted: ``[n]`` predicted classes, or ``[n, classes]`` probabilities if the metric needs these.
        metric: what scores predictions.
        classes: number of classes.
        groups: ``[n]`` numbers of the groups that images belong to; None if every image is by itself.
        level: of the interval, in (0, 1).
    """
    (score,), (values,) = leave_one_out(true, predicted[None], classes, groups, metric)
    units, tail, width = units_of(true, groups, metric), (1 - level) / 2, metric.high - metric.low
    if units < 2:
        return metric.low, metric.high
    error = float(values.std(ddof=1) / np.sqrt(len(values)))
    reach = float(stats.t.ppf(1 - tail, units - 1)) * error
    if (metric.low, metric.high) == (0.0, 1.0) and error > 0 and 0 < score < 1:
        return on_logit_scale(float(score), reach)
    reach = reach if error > 0 else width * least_reach(units, tail)
    return max(metric.low, float(score) - reach), min(metric.high, float(score) + reach)

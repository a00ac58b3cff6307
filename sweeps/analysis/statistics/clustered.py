"""Scores of one model with 95 % intervals that count independent units: groups, or images without groups.

Images of one group (a patient, a source) are right or wrong together, so a group is one observation however
many images it has. The standard error of a score is the delete-one-group jackknife's: Davison & Hinkley,
"Bootstrap Methods and their Application" (1997), section 3.8 (clustered data) and section 2.7.3; for the t
distribution with (groups - 1) degrees of freedom see Cameron & Miller, "A practitioner's guide to
cluster-robust inference", Journal of Human Resources 50 (2015), section VI. The interval is made on the logit
scale, so it stays within 0 and 1. docs/statistics.md shows how often it covers, beside the percentile
interval of the cluster bootstrap (Field & Welsh 2007), which is too narrow with few groups.

A score of exactly 0 or 1 shows no spread. Its interval is Clopper & Pearson's (Biometrika 26, 1934) for as
many independent observations as there are groups.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from sweeps.analysis.statistics.score_interval import TAIL, least_reach, on_logit_scale
from sweeps.analysis.statistics.units import Counts, Labels, Units, scores_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A score in [0, 1] with its interval, of 95 % unless another level was asked for.

    Attributes:
        score: of all images.
        low: lower end; 0 if fewer than two units bear on the score, because then nothing is known.
        high: upper end; 1 if fewer than two units bear on it.
        units: number of groups, or of images without groups, that bear on it.
    """

    score: float
    low: float
    high: float
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassIntervals:
    """One class: its scores, its number of true images, and of groups with such images (None: no groups)."""

    precision: Interval
    recall: Interval
    f1: Interval
    support: int
    groups: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelScores:
    """A model's scores on some images.

    Attributes:
        f1: macro-F1; a class that is neither true nor predicted does not count.
        accuracy: share of right predictions.
        classes: the scores of each class in order.
        units: number of groups, or of images without groups.
    """

    f1: Interval
    accuracy: Interval
    classes: tuple[ClassIntervals, ...]
    units: int


def scored(
    true: Labels,
    predicted: Labels,
    *,
    classes: int,
    groups: Labels | None = None,
    level: float = 1 - 2 * TAIL,
) -> ModelScores:
    """Return a model's scores with their intervals.

    Args:
        true: ``[n]`` classes in [0, classes).
        predicted: ``[n]`` predicted classes.
        classes: number of classes.
        groups: ``[n]`` numbers of the groups that images belong to; None if every image is by itself.
        level: of each interval, in (0, 1); higher than 95 % if intervals of several models hold together.

    Raises:
        ValueError: if there is no image, or the lengths differ.
    """
    if not len(true) or true.shape != predicted.shape or (groups is not None and len(groups) != len(true)):
        raise ValueError(f"{true.shape} true classes do not go with {predicted.shape} predicted ones")
    counts = Units(true, predicted, classes, groups)
    values = scores_of(counts.total[None])[0]
    spread = _jackknife(counts, values)
    met = counts.met
    known = met[0] > 0
    bearing = np.concatenate([[met[0][known].min(), counts.units], met[1], met[0], met[2]])
    freedom = np.concatenate([[counts.units, counts.units], met[1], met[0], met[2]])
    found = [
        _interval(float(value), float(error), int(few), int(many), (1 - level) / 2)
        for value, error, few, many in zip(values, spread, bearing, freedom, strict=True)
    ]
    return ModelScores(
        f1=found[0],
        accuracy=found[1],
        classes=tuple(
            ClassIntervals(
                precision=found[2 + label],
                recall=found[2 + classes + label],
                f1=found[2 + 2 * classes + label],
                support=int(counts.total[1, label]),
                groups=None if groups is None else int(met[0][label]),
            )
            for label in range(classes)
        ),
        units=counts.units,
    )


def _jackknife(units: Units, values: Counts) -> Counts:
    """Return each score's standard error from leaving out one unit after the other."""
    first, second = np.zeros_like(values), np.zeros_like(values)
    for counts, copies in units:
        changes = scores_of(units.total - counts) - values
        first += copies @ changes
        second += copies @ changes**2
    spread = np.maximum(second - first**2 / units.units, 0)
    return np.asarray(np.sqrt((units.units - 1) / units.units * spread))


def _interval(value: float, error: float, few: int, many: int, tail: float) -> Interval:
    """Return a score with its interval.

    Args:
        value: the score.
        error: its standard error.
        few: number of units that a score without any spread stands on.
        many: number of units that bear on the score.
        tail: probability beyond each end.
    """
    if min(few, many) < 2:
        return Interval(score=value, low=0.0, high=1.0, units=many)
    if value in {0.0, 1.0}:
        reach = least_reach(few, tail)
        return Interval(score=value, low=max(0.0, value - reach), high=min(1.0, value + reach), units=many)
    low, high = on_logit_scale(value, float(stats.t.ppf(1 - tail, many - 1)) * error)
    return Interval(score=value, low=low, high=high, units=many)

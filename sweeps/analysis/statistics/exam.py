"""Which of several architectures is best on new images like an exam's: scores of refits on one exam.

Two sources vary and are crossed: the seeds of the refits, which are nested in an architecture, and the images
of the exam (or groups of them), which all refits share. What is estimated is an architecture's mean score
over seeds, on new images, given the training set and the winner of the search.

Sources: the variance of a score over images is the jackknife's, which leaves out one image or group after
the other (Davison & Hinkley, "Bootstrap Methods and their Application", 1997, sections 2.7.3 and 3.8);
crossed random effects as in Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1 (2007); the set
of the best is Hsu's (Annals of Statistics 12, 1984, and "Multiple Comparisons", 1996, section 4.2); critical
values are those of the largest studentised difference (Tukey), drawn with the estimated covariances instead
of read from a table.

What shows no spread (no mistake at all, or the same predictions) gets the reach of Clopper & Pearson's
interval (Biometrika 26, 1934) for as many observations as the exam has images or groups.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from sweeps.analysis.statistics.leave_one_out import Predictions, leave_one_out, units_of
from sweeps.analysis.statistics.score_interval import least_reach, on_logit_scale
from sweeps.analysis.statistics.units import Labels
from trainer.metrics.metric import MACRO_F1, Metric

Floats = npt.NDArray[np.float64]
Verdict = Literal["better", "equivalent", "undecided"]

#: Confidence level of all statements on pairs together, of the set of the best, and of each score's interval.
LEVEL = 0.95

#: Fewest refits of an architecture: two show a spread, three a spread that one can reckon with.
FEWEST_REFITS = 3

#: Draws from which critical values and probabilities are computed.
DRAWS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One architecture on the exam. Scores and regrets are in the units of the sweep's metric.

    Attributes:
        name: the architecture's.
        score: mean score of its refits.
        low: lower end of the 95 % interval for its score on new images.
        high: upper end.
        var_seed: variance of ``score`` that comes from the refits' seeds; more refits shrink it.
        var_images: variance of ``score`` that comes from the exam's images; more refits do not shrink it.
        in_best: whether it is in the set that has a best architecture with a probability of 95 %.
        p_best: probability of being the best, with a flat prior; about even if all are equal.
        regret: what choosing it costs on average, with a flat prior.
        regret_high: what choosing it costs at most, with the confidence of the pairs.
    """

    name: str
    score: float
    low: float
    high: float
    var_seed: float
    var_images: float
    in_best: bool
    p_best: float
    regret: float
    regret_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPair:
    """Two architectures; ``one`` has the higher score. All pairs' intervals hold together with 95 %.

    Attributes:
        one: the first one's name.
        other: the second one's.
        difference: score of ``one`` minus that of ``other``.
        low: lower end of its interval.
        high: upper end.
        var_seed: variance of ``difference`` that comes from the refits' seeds; more refits shrink it.
        var_images: variance of ``difference`` that comes from the exam's images.
        verdict: on ``one``. Better: the whole interval lies above the region of practical equivalence;
            equivalent: it lies inside.
        refits_might_decide: whether an undecided pair would be decided at this difference if nothing but the
            exam's images varied, as with endless refits.
    """

    one: str
    other: str
    difference: float
    low: float
    high: float
    var_seed: float
    var_images: float
    verdict: Verdict
    refits_might_decide: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The outcome of an exam.

    Attributes:
        architectures: the highest score first.
        pairs: all pairs of them, in the same order.
        rope: half the width of the region of practical equivalence.
        use_any: whether every member of the best set costs at most ``rope``, whichever is truly best.
    """

    architectures: tuple[Judged, ...]
    pairs: tuple[JudgedPair, ...]
    rope: float
    use_any: bool

    @property
    def best(self) -> tuple[str, ...]:
        """The names in the best set, the highest score first."""
        return tuple(each.name for each in self.architectures if each.in_best)


def judge(  # noqa: PLR0913 - predictions, what scores them, and how they are drawn
    true: Labels,
    predicted: Mapping[str, Predictions],
    *,
    classes: int,
    rope: float,
    seed: int,
    groups: Labels | None = None,
    draws: int = DRAWS,
    metric: Metric = MACRO_F1,
) -> Judgement:
    """Judge architectures by their refits' predictions for the exam's images.

    Args:
        true: ``[m]`` classes in [0, classes), of at least 2 images or groups.
        predicted: for each architecture ``[refits, m]`` predicted classes, or ``[refits, m, classes]``
            probabilities if the metric needs these, of at least 3 refits; their numbers may differ.
        classes: number of classes.
        rope: half the width of the region of practical equivalence, fixed before the exam is opened.
        seed: of the draws.
        groups: ``[m]`` numbers of groups; None if every image is by itself.
        draws: number of draws.
        metric: what scores predictions; higher is better.

    Raises:
        ValueError: if there are too few refits or images, or the lengths differ.
    """
    _check(true, predicted, groups, metric)
    names = tuple(predicted)
    seen = _seen(true, predicted, classes, groups, metric)
    drawn = _Draws(seen, np.random.default_rng(seed), draws)
    order = np.argsort(-seen.scores, kind="stable").tolist()
    critical = _critical(order, drawn)
    chances, regrets = _posterior(seen, drawn)
    judged = []
    for place in order:
        low, high = _interval(place, seen, drawn)
        alone = Judged(
            name=names[place],
            score=float(seen.scores[place]),
            low=low,
            high=high,
            var_seed=float(seen.seeds[place]),
            var_images=float(seen.images[place, place]),
            in_best=_may_be_best(place, seen, drawn),
            p_best=float(chances[place]),
            regret=float(regrets[place]),
            regret_high=_regret_high(place, seen, critical),
        )
        judged.append(alone)
    return Judgement(
        architectures=tuple(judged),
        pairs=tuple(_pair(names, one, other, seen, critical, rope) for one, other in combinations(order, 2)),
        rope=rope,
        use_any=all(each.regret_high <= rope for each in judged if each.in_best),
    )


def _check(true: Labels, predicted: Mapping[str, Predictions], groups: Labels | None, metric: Metric) -> None:
    if not predicted:
        raise ValueError("there is no architecture to judge")
    dimensions = 2 if metric.counts else 3
    if any(each.ndim != dimensions or each.shape[1] != len(true) for each in predicted.values()):
        raise ValueError(f"predictions for {len(true)} images are [refits, {len(true)}] arrays")
    if any(len(each) < FEWEST_REFITS for each in predicted.values()):
        raise ValueError(f"each architecture needs at least {FEWEST_REFITS} refits")
    if groups is not None and len(groups) != len(true):
        raise ValueError(f"{len(groups)} groups do not go with {len(true)} images")
    if units_of(true, groups, metric) < 2:
        of_class = "" if metric.of_class is None else " of the metric's class"
        raise ValueError(f"an exam of fewer than two images or groups{of_class} shows no spread")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What the exam has shown.

    Attributes:
        scores: ``[a]`` mean scores.
        seeds: ``[a]`` their variances that come from seeds.
        refits: ``[a]`` numbers of refits.
        images: ``[a, a]`` their covariances that come from images.
        units: number of images, or of groups, that bear on the scores.
        low: the lowest possible score.
        high: the highest possible score.
    """

    scores: Floats
    seeds: Floats
    refits: npt.NDArray[np.int64]
    images: Floats
    units: int
    low: float = 0.0
    high: float = 1.0

    @property
    def least(self) -> float:
        """How far a score without any spread may be from the truth."""
        return (self.high - self.low) * least_reach(self.units)

    def of_images(self, one: int, other: int) -> float:
        """Return the variance of the difference of two scores that comes from the exam's images."""
        images = self.images
        return max(0.0, float(images[one, one] + images[other, other] - 2 * images[one, other]))

    def error(self, one: int, other: int) -> float:
        """Return the standard error of the difference of two scores."""
        return float(np.sqrt(self.seeds[one] + self.seeds[other] + self.of_images(one, other)))

    def reach(self, one: int, other: int, critical: float) -> float:
        """Return half the width of the interval for the difference of two scores."""
        error = self.error(one, other)
        return critical * error if error > 0 else self.least


def _seen(
    true: Labels,
    predicted: Mapping[str, Predictions],
    classes: int,
    groups: Labels | None,
    metric: Metric,
) -> _Seen:
    parts = [leave_one_out(true, each, classes, groups, metric) for each in predicted.values()]
    values = np.stack([each[1].mean(axis=0) for each in parts])
    units = values.shape[1]
    apart = values - values.mean(axis=1, keepdims=True)
    return _Seen(
        scores=np.array([each[0].mean() for each in parts]),
        seeds=np.array([each[0].var(ddof=1) / len(each[0]) for each in parts]),
        refits=np.array([len(each[0]) for each in parts]),
        images=apart @ apart.T / (units * (units - 1)),
        units=units_of(true, groups, metric),
        low=metric.low,
        high=metric.high,
    )


class _Draws:
    """Errors of the scores as they might have come out, and variances as they might have been estimated.

    Attributes:
        seed_part: ``[draws, a]`` errors that come from seeds.
        image_part: ``[draws, a]`` errors that come from images.
        seed_scale: ``[draws, a]`` estimated over true variance of the seeds' part.
        image_scale: ``[draws]`` the same of the images' part.
    """

    def __init__(self, seen: _Seen, rng: np.random.Generator, draws: int) -> None:
        self._seen = seen
        self._differences: dict[tuple[int, int], Floats] = {}
        values, vectors = np.linalg.eigh(seen.images)
        root = vectors * np.sqrt(np.clip(values, 0, None))
        shape, freedom = (draws, len(seen.scores)), seen.refits - 1
        self.image_part: Floats = rng.standard_normal(shape) @ root.T
        self.seed_part: Floats = rng.standard_normal(shape) * np.sqrt(seen.seeds)
        self.seed_scale: Floats = rng.chisquare(freedom, shape) / freedom
        self.image_scale: Floats = rng.chisquare(seen.units - 1, draws) / (seen.units - 1)

    def studentised(self, one: int, other: int) -> Floats:
        """Return the difference of two scores' errors over its estimated standard error, ``[draws]``."""
        if one > other:
            return -self.studentised(other, one)
        if (one, other) not in self._differences:
            self._differences[one, other] = self._studentised(one, other)
        return self._differences[one, other]

    def _studentised(self, one: int, other: int) -> Floats:
        error = [self.seed_part[:, each] + self.image_part[:, each] for each in (one, other)]
        seeds = [self._seen.seeds[each] * self.seed_scale[:, each] for each in (one, other)]
        spread = seeds[0] + seeds[1] + self._seen.of_images(one, other) * self.image_scale
        return _ratio(error[0] - error[1], np.sqrt(spread))

    def studentised_alone(self, place: int) -> Floats:
        """Return one score's error over its estimated standard error, ``[draws]``."""
        images = self._seen.images[place, place]
        spread = self._seen.seeds[place] * self.seed_scale[:, place] + images * self.image_scale
        return _ratio(self.seed_part[:, place] + self.image_part[:, place], np.sqrt(spread))


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _critical(order: Sequence[int], drawn: _Draws) -> float:
    """Return the value that the largest studentised difference stays below with the level's probability."""
    both = list(combinations(order, 2))
    if not both:
        return 0.0
    return float(np.quantile(np.max([np.abs(drawn.studentised(*each)) for each in both], axis=0), LEVEL))


def _pair(
    names: Sequence[str], one: int, other: int, seen: _Seen, critical: float, rope: float
) -> JudgedPair:
    difference = float(seen.scores[one] - seen.scores[other])
    reach, of_images = seen.reach(one, other, critical), seen.of_images(one, other)
    verdict = _verdict(difference, reach, rope)
    least = critical * float(np.sqrt(of_images)) or seen.least
    return JudgedPair(
        one=names[one],
        other=names[other],
        difference=difference,
        low=difference - reach,
        high=difference + reach,
        var_seed=float(seen.seeds[one] + seen.seeds[other]),
        var_images=of_images,
        verdict=verdict,
        refits_might_decide=verdict == "undecided" and _verdict(difference, least, rope) != "undecided",
    )


def _verdict(difference: float, reach: float, rope: float) -> Verdict:
    if difference - reach > rope:
        return "better"
    return "equivalent" if abs(difference) + reach <= rope else "undecided"


def _may_be_best(place: int, seen: _Seen, drawn: _Draws) -> bool:
    """Whether no other architecture is significantly better (Hsu's constrained comparison, one-sided)."""
    others = [each for each in range(len(seen.scores)) if each != place]
    if not others:
        return True
    largest = np.max([drawn.studentised(other, place) for other in others], axis=0)
    critical = float(np.quantile(largest, LEVEL))
    ahead = ((each, seen.scores[each] - seen.scores[place]) for each in others)
    return all(difference <= seen.reach(each, place, critical) for each, difference in ahead)


def _regret_high(place: int, seen: _Seen, critical: float) -> float:
    others = [each for each in range(len(seen.scores)) if each != place]
    ahead = ((each, float(seen.scores[each] - seen.scores[place])) for each in others)
    return max([0.0, *(difference + seen.reach(each, place, critical) for each, difference in ahead)])


def _posterior(seen: _Seen, drawn: _Draws) -> tuple[Floats, Floats]:
    """Return each one's probability of being best and expected regret, with a flat prior."""
    seeds = drawn.seed_part / np.sqrt(drawn.seed_scale)
    plausible = seen.scores + seeds + drawn.image_part / np.sqrt(drawn.image_scale)[:, None]
    top = plausible.max(axis=1, keepdims=True)
    best = plausible == top
    chances: Floats = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    regrets: Floats = (top - plausible).mean(axis=0)
    return chances, regrets


def _interval(place: int, seen: _Seen, drawn: _Draws) -> tuple[float, float]:
    """Return a score's interval; of one in 0 to 1 on the logit scale, so that it stays within these."""
    score = float(seen.scores[place])
    error = float(np.sqrt(seen.seeds[place] + seen.images[place, place]))
    if not seen.low < score < seen.high or error == 0:
        return max(seen.low, score - seen.least), min(seen.high, score + seen.least)
    reach = float(np.quantile(np.abs(drawn.studentised_alone(place)), LEVEL)) * error
    if (seen.low, seen.high) != (0.0, 1.0):
        return max(seen.low, score - reach), min(seen.high, score + reach)
    return on_logit_scale(score, reach)


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """The variances that an exam has shown, of which ``exam_power`` plans.

    Attributes:
        names: of the architectures, ``a`` of them.
        seeds: ``[a]`` variances between single refits.
        refits: ``[a]`` numbers of refits that these come from.
        images: ``[a, a]`` covariances of scores that come from the exam's images, whatever the seeds.
        interaction: ``[a]`` variances of a single refit's score that come from what seeds do differently on
            each image. ``seeds`` has them too; ``judge`` counts them with the images as well.
        units: number of images, or of groups.
    """

    names: tuple[str, ...]
    seeds: Floats
    refits: npt.NDArray[np.int64]
    images: Floats
    interaction: Floats
    units: int

    def seen_by_judge(self, refits: int) -> Floats:
        """Return the covariances ``[a, a]`` that ``judge`` estimates for the images with so many refits."""
        found: Floats = self.images + np.diag(self.interaction / refits)
        return found


def components(
    true: Labels,
    predicted: Mapping[str, Predictions],
    *,
    classes: int,
    groups: Labels | None = None,
    metric: Metric = MACRO_F1,
) -> Components:
    """Return the variances of architectures on an exam; see ``judge`` for arguments and errors."""
    _check(true, predicted, groups, metric)
    parts = [leave_one_out(true, each, classes, groups, metric) for each in predicted.values()]
    refits = np.array([len(scores) for scores, _ in parts])
    apart = [values - values.mean(axis=1, keepdims=True) for _, values in parts]
    units = apart[0].shape[1]
    pairs = units * (units - 1)
    interaction = np.array([each.var(axis=0, ddof=1).sum() / pairs for each in apart])
    means = np.stack([each.mean(axis=0) for each in apart])
    return Components(
        names=tuple(predicted),
        seeds=np.array([scores.var(ddof=1) for scores, _ in parts]),
        refits=refits,
        images=means @ means.T / pairs - np.diag(interaction / refits),
        interaction=interaction,
        units=units_of(true, groups, metric),
    )


def critical_value(found: Components, refits: int, *, seed: int, draws: int = DRAWS) -> float:
    """Return the critical value of all pairs' intervals if every architecture had ``refits`` refits.

    Args:
        found: the variances.
        refits: at least 3.
        seed: of the draws.
        draws: number of draws.
    """
    count = len(found.names)
    planned = _Seen(
        scores=np.zeros(count),
        seeds=found.seeds / refits,
        refits=np.full(count, refits),
        images=found.seen_by_judge(refits),
        units=found.units,
    )
    return _critical(range(count), _Draws(planned, np.random.default_rng(seed), draws))

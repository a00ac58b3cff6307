"""Exams and refits whose true scores are known, drawn at random: what the exam's simulations run on.

An image is as hard as it is, for all architectures alike and for each a little differently. A refit is as
good as its seed made it, and as its training set made its architecture. Whether an image is right follows
from these, and from chance.

A mistake falls on another class, the more often the more frequent that class is, as with a network that has
learnt the frequencies. Then an architecture's score on endlessly many images follows from its accuracy alone
(``score_of_accuracy``), and no score needs to be found by simulation.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from sweeps.analysis.statistics.exam import FEWEST_REFITS, Judgement, judge
from trainer.metrics.table import metric_called

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Noise = Literal["normal", "skewed", "unequal", "collapsing"]

#: Spread of how hard images are: shared by all architectures, and of each architecture's own.
SHARED, OWN = 1.5, 0.7

#: Draws of ``judge`` in an experiment; the product takes 20,000.
DRAWS = 4000

#: Points of the integral over seeds that gives a true score, and those of the integral over training sets.
_QUANTILES = (np.arange(2000) + 0.5) / 2000
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)

FOUR_EQUAL = (0.25,) * 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A kind of experiment.

    Attributes:
        ahead: how far each architecture's true score lies below the best one's; the first is 0.
        refits: of each architecture, before any fails.
        images: of the exam.
        of_group: images of a group, which are equally hard; 1 for images by themselves.
        mixed: whether a group has images of several classes; otherwise it is of one class.
        seed_spread: standard deviation of a refit's true score, as a score.
        noise: of the seeds. Skewed: most refits are a little better, some much worse (a shifted exponential
            distribution); unequal: the second half of the architectures has three times the spread;
            collapsing: one refit in ten is three deviations worse, the others are alike.
        own: spread of how hard images are for each architecture by itself.
        score: of the best architecture.
        frequencies: of the classes, sum 1.
        drawn: whether each image's class is drawn, so that an exam has more or fewer of a class by chance;
            otherwise an exam has them as the frequencies say.
        failing: probability with which a refit fails and is not there.
        training: standard deviation of what the training set does to each architecture's true score.
        mistakes: fixed: all that take an image (a group) for another class take it for the same one; anew:
            each refit draws it.
        metric: name in records of what scores refits: macro-F1, accuracy, balanced accuracy, or a recall.
    """

    ahead: tuple[float, ...]
    refits: int = 5
    images: int = 1000
    of_group: int = 1
    mixed: bool = False
    seed_spread: float = 0.005
    noise: Noise = "normal"
    own: float = OWN
    score: float = 0.9
    frequencies: tuple[float, ...] = FOUR_EQUAL
    drawn: bool = False
    failing: float = 0.0
    training: float = 0.0
    mistakes: Literal["fixed", "anew"] = "fixed"
    metric: str = "f1"

    @property
    def width(self) -> float:
        """Standard deviation of everything that decides on an image, but seeds and training sets."""
        return math.sqrt(1 + SHARED**2 + self.own**2)

    def spreads(self) -> Floats:
        """Return each architecture's spread between seeds, on the scale of ``skill``."""
        factor = np.ones(len(self.ahead))
        if self.noise == "unequal":
            factor[len(factor) // 2 :] = 3.0
        return np.asarray(factor * self.seed_spread / slope(self))


def score_of_accuracy(accuracy: Floats, frequencies: tuple[float, ...]) -> Floats:
    """Return macro-F1 on endlessly many images of a model whose accuracy is the same in every class.

    Of all images, ``frequencies * accuracy`` are hits of a class. A mistake on class d falls on class c with
    the probability frequencies[c] / (1 - frequencies[d]).

    Args:
        accuracy: of any shape.
        frequencies: of the classes, sum 1.
    """
    often = np.asarray(frequencies)
    odds = often / (1 - often)
    false = often * (odds.sum() - odds)
    hits = np.asarray(accuracy)[..., None] * often
    predicted = hits + (1 - np.asarray(accuracy))[..., None] * false
    score: Floats = (2 * hits / (often + predicted)).mean(axis=-1)
    return score


def score_of(cell: Cell, accuracy: Floats) -> Floats:
    """Return the cell's score on endlessly many images, where every class has the same accuracy."""
    return score_of_accuracy(accuracy, cell.frequencies) if cell.metric == "f1" else accuracy


def slope(cell: Cell) -> float:
    """Return by how much the true score grows with the skill, at the cell's score."""
    skill, step = skill_for(cell, cell.score, 0.0), 1e-4
    return (true_score(cell, skill + step, 0.0) - true_score(cell, skill - step, 0.0)) / (2 * step)


def effects(cell: Cell, uniform: Floats) -> Floats:
    """Return effects of seeds with mean 0 and variance 1 from uniform numbers."""
    if cell.noise == "skewed":
        return 1 + np.log(uniform)
    if cell.noise == "collapsing":
        return np.where(uniform < 0.1, -3.0, 1 / 3)
    return np.asarray(stats.norm.ppf(uniform))


def true_score(cell: Cell, skill: float, spread: float, training: float = 0.0) -> float:
    """Return the mean score over seeds, on endlessly many images.

    Args:
        cell: where images and seeds come from.
        skill: the mean skill.
        spread: of the seeds, on the scale of ``skill``.
        training: spread of the training sets' effects on that scale; 0 for the score given the training set.
    """
    levels = skill + (spread * effects(cell, _QUANTILES) if spread else np.zeros(1))
    if not training:
        accuracy = stats.norm.cdf(levels / cell.width)
        return float(score_of(cell, accuracy).mean())
    accuracy = stats.norm.cdf((levels[:, None] + training * _NODES) / cell.width)
    scores = score_of(cell, accuracy).mean(axis=0)
    return float(scores @ _WEIGHTS / _WEIGHTS.sum())


def skill_for(cell: Cell, score: float, spread: float, training: float = 0.0) -> float:
    """Return the mean skill with which an architecture's true score is ``score``."""
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        found = true_score(cell, middle, spread, training)
        low, high = (middle, high) if found < score else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True, slots=True)
class Images:
    """Images, and what is the same in them for all architectures.

    Attributes:
        true: ``[m]`` classes.
        unit: ``[m]`` the group of each, or its own number.
        hard: ``[units]`` how easy each unit is for all (the larger the easier).
        fate: ``[units]`` uniform numbers, which fix for which class a unit is mistaken.
    """

    true: Labels
    unit: Labels
    hard: Floats
    fate: Floats


def draw_images(cell: Cell, rng: np.random.Generator) -> Images:
    """Draw an exam, or the images of a search."""
    unit = np.arange(cell.images) // cell.of_group
    units = int(unit[-1]) + 1
    of_unit = cell.of_group > 1 and not cell.mixed
    true = _classes(cell, units if of_unit else cell.images, rng)
    hard = SHARED * rng.standard_normal(units)
    return Images(true[unit] if of_unit else true, unit, hard, rng.random(units))


def _classes(cell: Cell, count: int, rng: np.random.Generator) -> Labels:
    if cell.drawn:
        return rng.choice(len(cell.frequencies), count, p=cell.frequencies)
    steps = np.cumsum(cell.frequencies)
    exactly = np.searchsorted(steps - 1e-9, (np.arange(count) + 0.5) / count)
    return rng.permutation(exactly)


def predictions(cell: Cell, images: Images, own: Floats, levels: Floats, rng: np.random.Generator) -> Labels:
    """Draw what fits predict, ``[n, m]``.

    Args:
        cell: how mistakes are spread.
        images: that are predicted.
        own: how easy each unit is for the architecture by itself, ``[units]`` or ``[n, units]``.
        levels: each fit's skill, ``[n, 1]``, or on each image ``[n, m]``.
        rng: draws chance.
    """
    easy = (images.hard + own)[..., images.unit]
    shape = np.broadcast_shapes(easy.shape, levels.shape)
    right = levels + easy + rng.standard_normal(shape) > 0
    fate = images.fate[images.unit] if cell.mistakes == "fixed" else rng.random(shape)
    return np.where(right, images.true, _mistaken(images.true, fate, cell.frequencies))


def _mistaken(true: Labels, fate: Floats, frequencies: tuple[float, ...]) -> Labels:
    """Return another class than the true one, as often as its frequency among the others says."""
    often = np.asarray(frequencies)
    upper = np.cumsum(often)
    place = fate * (1 - often[true])
    place = place + np.where(place >= upper[true] - often[true], often[true], 0.0)
    return np.minimum(np.searchsorted(upper, place, side="right"), len(often) - 1)


@dataclass(frozen=True, slots=True)
class Skills:
    """What a cell's architectures are like, on the scale of ``skill``: ``mean`` and ``seeds`` are ``[a]``."""

    mean: tuple[float, ...]
    seeds: tuple[float, ...]
    training: float

    @classmethod
    def of(cls, cell: Cell) -> "Skills":
        """Find the skills that give the cell's true scores (over training sets, if these have an effect)."""
        seeds, training = cell.spreads().tolist(), cell.training / slope(cell)
        means = (
            skill_for(cell, cell.score - ahead, spread, training)
            for ahead, spread in zip(cell.ahead, seeds, strict=True)
        )
        return cls(tuple(means), tuple(seeds), training)


@dataclass(frozen=True, slots=True)
class Outcome:
    """An experiment: what was judged, and what is true.

    Attributes:
        judged: None if no architecture had refits enough.
        truth: of each architecture that was judged, the mean score over seeds given its training set.
        elsewhere: the same over other training sets.
        left_out: number of architectures with too few refits.
    """

    judged: Judgement | None
    truth: dict[str, float]
    elsewhere: dict[str, float]
    left_out: int


def experiment(cell: Cell, skills: Skills, seed: int, *, rope: float) -> Outcome:
    """Draw a training set's effects, an exam and refits, and judge them."""
    rng = np.random.default_rng(seed)
    images = draw_images(cell, rng)
    predicted, truth, elsewhere = {}, {}, {}
    for place, (mean, spread) in enumerate(zip(skills.mean, skills.seeds, strict=True)):
        skill = mean + skills.training * rng.standard_normal() if skills.training else mean
        own = cell.own * rng.standard_normal(len(images.hard))
        levels = skill + spread * effects(cell, rng.random((cell.refits, 1)))
        left = rng.random(cell.refits) >= cell.failing
        if left.sum() < FEWEST_REFITS:
            continue
        name = f"a{place}"
        predicted[name] = predictions(cell, images, own, levels[left], rng)
        elsewhere[name] = cell.score - cell.ahead[place]
        truth[name] = true_score(cell, skill, spread) if skills.training else elsewhere[name]
    left_out = len(cell.ahead) - len(predicted)
    if not predicted:
        return Outcome(None, truth, elsewhere, left_out)
    judged = judge(
        images.true, predicted, classes=len(cell.frequencies), rope=rope, seed=seed, draws=DRAWS,
        groups=None if cell.of_group == 1 else images.unit, metric=metric_called(cell.metric),
    )  # fmt: skip
    return Outcome(judged, truth, elsewhere, left_out)

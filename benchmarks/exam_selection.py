"""What choosing the best of many trials does to scores: on the search's images, and on an exam.

Two architectures have equal searches of T trials. A trial's true score is drawn anew; like an architecture
in ``benchmarks/exam_world.py`` it has images of its own that are easy or hard for it. Its score in the search
is the macro-F1 of its held-out predictions, pooled over folds. The winner is trained again on fresh repeats
of the cross-validation of the same images, and as refits that are judged on an exam.

A fit of a fold is as good as one of all images here, and training sets have no effect: what differs between
the three scores is the choice alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from benchmarks.exam_facts import facts
from benchmarks.exam_world import (
    DRAWS,
    OWN,
    Cell,
    Floats,
    Images,
    Labels,
    draw_images,
    effects,
    predictions,
    skill_for,
    slope,
    true_score,
)
from benchmarks.shares import Share, points
from benchmarks.side_by_side import Map
from sweeps.analysis.statistics.exam import judge
from sweeps.analysis.statistics.paired_t import estimate, overlap_of
from sweeps.analysis.statistics.units import scores_of

#: The exam and its refits, and the number of images in the search.
EXAM, SEARCH_IMAGES = Cell(ahead=(0.0, 0.0)), 300

#: Searches of the table: trials, and the spread of how hard images are for each trial by itself.
SEARCHES = ((1, OWN), (10, OWN), (50, OWN), (50, 1.5))

FOLDS, REPEATS = 5, 5

#: Standard deviation of the trials' true scores.
TRIALS_SPREAD = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Winner:
    """What is said of one architecture's winner, minus its true score; and whether intervals cover it."""

    search: float
    repeats: float
    exam: float
    repeats_cover: bool
    exam_covers: bool


@dataclass(frozen=True, slots=True)
class Searched:
    """One experiment: both winners, and whether the exam's statements on them as a pair hold."""

    winners: tuple[Winner, ...]
    best_held: bool
    wrong: bool


def macro_f1(true: Labels, guesses: Labels, classes: int) -> Floats:
    """Return the macro-F1 of each row of predictions, ``[n, m]`` to ``[n]``."""
    rows = np.arange(len(guesses))[:, None] * classes
    shape, size = (len(guesses), classes), len(guesses) * classes

    def count(cells: Labels) -> Floats:
        return np.bincount(cells.ravel(), minlength=size).reshape(shape).astype(np.float64)

    predicted = rows + guesses
    hits = count(predicted[guesses == true])
    counts = np.stack([hits, count(rows + true), count(predicted)], axis=1)
    score: Floats = scores_of(counts)[:, 0]
    return score


def folds_of(true: Labels, rng: np.random.Generator) -> Labels:
    """Return a fold for each image, so that each fold has as many of each class."""
    fold = np.empty(len(true), dtype=np.int64)
    fold[np.argsort(true + rng.random(len(true)))] = np.arange(len(true)) % FOLDS
    return fold


@dataclass(frozen=True, slots=True)
class Search:
    """A search of so many trials.

    Attributes:
        exam: the exam and its refits; its images are as hard for each trial as those of the search.
        trials: their number.
        middle: their mean skill.
        seeds: standard deviation of what seeds do to a skill.
        spread: standard deviation of the trials' skills.
    """

    exam: Cell
    trials: int
    middle: float
    seeds: float
    spread: float

    @classmethod
    def of(cls, trials: int, own: float) -> "Search":
        """Return a search whose trials have the cells' score on average."""
        exam = replace(EXAM, own=own)
        rise = slope(exam)
        seeds = exam.seed_spread / rise
        return cls(exam, trials, skill_for(exam, exam.score, seeds), seeds, TRIALS_SPREAD / rise)

    @property
    def cell(self) -> Cell:
        """Where the search's own images come from."""
        return replace(self.exam, images=SEARCH_IMAGES)

    def winner(self, images: Images, rng: np.random.Generator) -> tuple[float, float, list[float]]:
        """Return the skill of the best trial, its score in the search, and the scores of fresh repeats."""
        skills = self.middle + self.spread * rng.standard_normal(self.trials)
        own = self.cell.own * rng.standard_normal((self.trials, self.cell.images))
        fold = folds_of(images.true, rng)
        levels = skills[:, None] + self._seeds((self.trials, FOLDS), rng)[:, fold]
        guesses = predictions(self.cell, images, own, levels, rng)
        scores = macro_f1(images.true, guesses, len(self.cell.frequencies))
        best = int(np.argmax(scores))
        return float(skills[best]), float(scores[best]), self._repeats(images, own[best], skills[best], rng)

    def refits(self, images: Images, skill: float, rng: np.random.Generator) -> Labels:
        """Return what the winner's refits predict for an exam."""
        own = self.exam.own * rng.standard_normal(self.exam.images)
        return predictions(self.exam, images, own, skill + self._seeds((self.exam.refits, 1), rng), rng)

    def _repeats(self, images: Images, own: Floats, skill: float, rng: np.random.Generator) -> list[float]:
        scores: list[float] = []
        for _ in range(REPEATS):
            fold = folds_of(images.true, rng)
            levels = skill + self._seeds((1, FOLDS), rng)[:, fold]
            guesses = predictions(self.cell, images, own, levels, rng)
            for inside in (fold == each for each in range(FOLDS)):
                one = macro_f1(images.true[inside], guesses[:, inside], len(self.cell.frequencies))
                scores.append(float(one[0]))
        return scores

    def _seeds(self, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
        return self.seeds * effects(self.exam, rng.random(shape))


def experiment(search: Search, seed: int) -> Searched:
    """Search, choose, confirm on the search's images, and judge on an exam."""
    rng = np.random.default_rng(seed)
    images, exam = draw_images(search.cell, rng), draw_images(search.exam, rng)
    won = {name: search.winner(images, rng) for name in ("a", "b")}
    predicted = {name: search.refits(exam, skill, rng) for name, (skill, _, _) in won.items()}
    truth = {name: true_score(search.exam, skill, search.seeds) for name, (skill, _, _) in won.items()}
    judged = judge(exam.true, predicted, classes=len(EXAM.frequencies), rope=0.005, seed=seed, draws=DRAWS)
    winners = []
    for on_exam in judged.architectures:
        true, (_, score, repeats) = truth[on_exam.name], won[on_exam.name]
        found = estimate(repeats, overlap=overlap_of(FOLDS))
        winner = Winner(
            search=score - true,
            repeats=found.mean - true,
            exam=on_exam.score - true,
            repeats_cover=found.low <= true <= found.high,
            exam_covers=on_exam.low <= true <= on_exam.high,
        )
        winners.append(winner)
    held = facts(judged, truth)
    return Searched(tuple(winners), bool(held.best_held), bool(held.wrong))


def searched(trials: int, experiments: int, over: Map, *, own: float = OWN, seed: int = 1) -> list[Searched]:
    """Run experiments with so many trials of each architecture."""
    seeds = range(1_000_000 * seed, 1_000_000 * seed + experiments)
    return over(partial(experiment, Search.of(trials, own)), seeds)


def print_selection(experiments: int, over: Map) -> None:
    """Print the table of searches."""
    print(
        "| trials of each search | search's best, bias in points | fresh repeats, bias | their interval "
        "covers | exam, bias | its interval covers | set holds the best | pair wrong |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for trials, own in SEARCHES:
        ran = searched(trials, experiments, over, own=own)
        cells = [
            _bias([[each.search for each in one.winners] for one in ran]),
            _bias([[each.repeats for each in one.winners] for one in ran]),
            _share([[each.repeats_cover for each in one.winners] for one in ran]),
            _bias([[each.exam for each in one.winners] for one in ran]),
            _share([[each.exam_covers for each in one.winners] for one in ran]),
            _share([[one.best_held] for one in ran]),
            _share([[one.wrong] for one in ran]),
        ]
        name = f"{trials}" if own == OWN else f"{trials}, their mistakes differ more"
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _bias(found: Sequence[Sequence[float]]) -> str:
    return points(np.mean(found, axis=1).tolist())


def _share(found: Sequence[Sequence[bool]]) -> str:
    return str(Share(float(np.mean(found)), len(found)))

"""How often do the intervals of one trial's held-out predictions cover, class by class?

``python -m benchmarks.trial_intervals`` prints the table of docs/statistics.md ("Scores of one trial"):
simulated cross-validations in which the truth is known. Five classes, 33 to 6 % of the images, are told
apart by their five nearest neighbours; only NumPy trains here. There are two truths: the scores on new
images of the very models of the folds, and the mean of these over other training sets.
"""

import math
import sys
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sweeps.analysis.statistics.clustered import ModelScores, scored
from trainer.fits.split import Split

Values = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

#: Shares of the classes, and where their means are.
SHARES = np.array([0.33, 0.28, 0.20, 0.13, 0.06])
MEANS = 1.6 * np.eye(5, 6)

FOLDS, NEIGHBOURS, NEW = 5, 5, 8000

#: Spread of a group's own deviation, which its images share, beside the images' spread of 1.
WITHIN = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A data set: its number of groups (or of images), and the images of each."""

    units: int
    images: int = 1

    def draw(self, units: int, images: int, rng: np.random.Generator) -> tuple[Values, Labels, Labels]:
        """Draw images ``[n, features]``, their classes and their groups."""
        classes = rng.choice(5, size=units, p=SHARES)
        while np.bincount(classes, minlength=5).min() < FOLDS:  # too few for the folds
            classes = rng.choice(5, size=units, p=SHARES)
        centres = MEANS[classes] + WITHIN * rng.normal(size=(units, MEANS.shape[1]))
        unit = np.repeat(np.arange(units), images)
        return centres[unit] + rng.normal(size=(len(unit), MEANS.shape[1])), classes[unit], unit


def predictions(values: Values, labels: Labels, asked: Values) -> Labels:
    """Return the commonest class among the nearest neighbours of each of ``asked``."""
    squares = (values**2).sum(axis=1) - 2 * asked @ values.T
    near = labels[np.argpartition(squares, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]]
    return np.asarray((near[:, :, None] == np.arange(5)).sum(axis=1).argmax(axis=1))


def cross_validation(case: Case, seed: int) -> tuple[ModelScores, Values]:
    """Return the scores of the held-out predictions, and those of the folds' models on new images.

    The latter are in the order of ``_of``.
    """
    rng = np.random.default_rng(seed)
    values, labels, unit = case.draw(case.units, case.images, rng)
    groups = unit if case.images > 1 else None
    split = Split.of(labels, folds=FOLDS, seed=seed, groups=groups)
    new, true, _ = case.draw(NEW, 1, rng)
    held_out, others = np.empty_like(labels), []
    for fold in range(FOLDS):
        out = split.held_out(fold)
        rest = np.setdiff1d(np.arange(len(labels)), out)
        held_out[out] = predictions(values[rest], labels[rest], values[out])
        others.append(predictions(values[rest], labels[rest], new))
    truth = scored(np.tile(true, FOLDS), np.concatenate(others), classes=5)  # its intervals are not used
    return scored(labels, held_out, classes=5, groups=groups), _of(truth, "score")


def _of(scores: ModelScores, end: str) -> Values:
    """Return macro-F1, accuracy, and the classes' precision, recall and F1, five each: ``[17]``."""
    kinds = ("precision", "recall", "f1")
    by_class = [getattr(each, kind) for kind in kinds for each in scores.classes]
    return np.array([getattr(each, end) for each in (scores.f1, scores.accuracy, *by_class)])


def coverage(case: Case, experiments: int) -> tuple[Values, Values]:
    """Return how often intervals cover the scores of the folds' models, and their mean: ``[17]`` each."""
    ran = [cross_validation(case, 1000 + each) for each in range(experiments)]
    low, high = (np.array([_of(scores, end) for scores, _ in ran]) for end in ("low", "high"))
    truth = np.array([each for _, each in ran])
    mean = truth.mean(axis=0)
    return ((low <= truth) & (truth <= high)).mean(axis=0), ((low <= mean) & (mean <= high)).mean(axis=0)


def main(experiments: int = 300) -> None:
    """Print the table."""
    begun = time.perf_counter()
    print(
        "| images | scores of | macro-F1 | accuracy | recall, by class | precision, by class | F1, by class |"
    )
    print("| --- " * 7 + "|")
    for case in (Case(units=300), Case(units=150, images=4)):
        images = f"{case.units * case.images}" + (f" in {case.units} groups" if case.images > 1 else "")
        found = coverage(case, experiments)
        for name, shares in zip(("these networks", "other training sets"), found, strict=True):
            parts = (shares[:1], shares[1:2], shares[7:12], shares[2:7], shares[12:])
            print(f"| {images} | {name} | {' | '.join(map(_shares, parts))} |", flush=True)
    error = 100 * math.sqrt(0.95 * 0.05 / experiments)
    print(f"Monte Carlo error {error:.1f}; {time.perf_counter() - begun:.0f} s", file=sys.stderr)


def _shares(found: Values) -> str:
    low, high = f"{100 * found.min():.1f}", f"{100 * found.max():.1f}"
    return f"{low} %" if low == high else f"{low} to {high} %"


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:2]))

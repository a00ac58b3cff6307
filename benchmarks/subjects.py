"""Do intervals cover the score on new subjects, if the images of a subject are alike?

``python -m benchmarks.subjects`` prints the tables of docs/statistics.md ("Groups"): simulated experiments in
which the truth is known. A subject has a class and several images, which share the subject's own deviation.
Only NumPy trains here: nearest neighbours and nearest centroids, six trials of a sweep.
"""

import math
import sys
import time
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sweeps.analysis.statistics.bbc import corrected, macro_f1_scorer
from sweeps.analysis.statistics.clustered import Interval, scored
from trainer.fits.split import Split

Values = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

#: Neighbours that each trial asks; 0 for the nearest centroid.
TRIALS = (1, 3, 5, 9, 15, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Where subjects come from.

    Attributes:
        subjects: of a data set, half of each class.
        images: of each subject.
        features: of an image.
        signal: distance of the class means, in standard deviations between subjects.
        within: spread of a subject's images, in standard deviations between subjects.
    """

    subjects: int = 100
    images: int = 6
    features: int = 8
    signal: float = 1.5
    within: float = 0.3

    def draw(self, subjects: int, rng: np.random.Generator) -> tuple[Values, Labels, Labels]:
        """Draw images of new subjects: ``[n, features]``, classes ``[n]``, and subjects ``[n]``."""
        classes = np.arange(subjects) % 2
        centres = rng.normal(size=(subjects, self.features))
        centres[:, 0] += self.signal * classes
        subject = np.repeat(np.arange(subjects), self.images)
        noise = rng.normal(size=(len(subject), self.features))
        return centres[subject] + self.within * noise, classes[subject], subject


def predictions(values: Values, labels: Labels, asked: Values) -> Labels:
    """Return what each trial's model, trained on ``values``, predicts: ``[n, trials]``."""
    squares = (values**2).sum(axis=1) - 2 * asked @ values.T
    most = max(TRIALS)
    near = np.argpartition(squares, most, axis=1)[:, :most]
    near = np.take_along_axis(near, np.argsort(np.take_along_axis(squares, near, 1), axis=1), 1)
    votes = np.cumsum(labels[near], axis=1)
    ones, zeros = values[labels == 1].mean(axis=0), values[labels == 0].mean(axis=0)
    centroid = (asked - (ones + zeros) / 2) @ (ones - zeros) > 0
    return np.stack([2 * votes[:, k - 1] > k if k else centroid for k in TRIALS], axis=1).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One sweep over ``TRIALS`` and the exam of its winner.

    Attributes:
        said: the corrected score that the sweep gives.
        low: lower end of its interval.
        high: upper end of its interval.
        truth: the winner's score on many new subjects.
        exam: for each kind of interval whether it covers the truth.
    """

    said: float
    low: float
    high: float
    truth: float
    exam: dict[str, bool]


def experiment(population: Population, seed: int, *, grouped: bool, exam: int = 30) -> Experiment:
    """Run a sweep of 5 folds, with or without groups, and score its winner on ``exam`` other subjects."""
    rng = np.random.default_rng(seed)
    values, labels, subject = population.draw(population.subjects, rng)
    groups = subject.astype(np.int32) if grouped else None
    split = Split.of(labels, folds=5, seed=seed, groups=groups)
    table = np.empty((len(labels), len(TRIALS)), dtype=np.int64)
    for fold in range(5):
        out = split.held_out(fold)
        rest = np.setdiff1d(np.arange(len(labels)), out)
        table[out] = predictions(values[rest], labels[rest], values[out])
    found = corrected(labels, table, classes=2, seed=seed, samples=500, groups=groups)
    best = int(np.argmax(macro_f1_scorer(labels, table, 2)(np.ones((1, len(labels))))))
    new, true, _ = replace(population, images=1).draw(3000, rng)
    truth = scored(true, predictions(values, labels, new)[:, best], classes=2).f1.score
    new, true, whose = population.draw(exam, rng)
    guesses = predictions(values, labels, new)[:, best]
    ends = {
        "groups": _ends(scored(true, guesses, classes=2, groups=whose).f1),
        "images": _ends(scored(true, guesses, classes=2).f1),
        "percentile": percentile(true, guesses, whose, rng),
    }
    covered = {name: low <= truth <= high for name, (low, high) in ends.items()}
    return Experiment(said=found.score, low=found.low, high=found.high, truth=truth, exam=covered)


def _ends(found: Interval) -> tuple[float, float]:
    return found.low, found.high


def percentile(
    true: Labels, guesses: Labels, groups: Labels, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the percentile interval of the plain cluster bootstrap, for comparison (Field & Welsh 2007)."""
    count = int(groups.max()) + 1
    draws = rng.multinomial(count, np.full(count, 1 / count), size=1000).astype(np.float64)
    scores = macro_f1_scorer(true, guesses[:, None], 2)(draws[:, groups])[:, 0]
    low, high = np.percentile(scores, [2.5, 97.5])
    return float(low), float(high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Of all experiments: the share of intervals that cover, and the mean of said score minus truth."""

    sweep: float
    bias: float
    exam: dict[str, float]
    experiments: int

    def error(self, share: float) -> float:
        """Return the Monte Carlo standard error of a share."""
        return math.sqrt(share * (1 - share) / self.experiments)


def coverage(
    population: Population, experiments: int, *, grouped: bool, seed: int = 1, exam: int = 30
) -> Coverage:
    """Return how often the intervals cover the score on new subjects."""
    ran = [
        experiment(population, 100_000 * seed + each, grouped=grouped, exam=exam)
        for each in range(experiments)
    ]
    return Coverage(
        sweep=float(np.mean([each.low <= each.truth <= each.high for each in ran])),
        bias=float(np.mean([each.said - each.truth for each in ran])),
        exam={name: float(np.mean([each.exam[name] for each in ran])) for name in ran[0].exam},
        experiments=experiments,
    )


def patients(*, grouped: bool, seed: int = 1) -> tuple[float, float]:
    """Return a sweep's corrected score, and its winner's on other patients, if labels are random.

    150 patients with six near-identical images: nothing about the class can be learned from them.
    """
    made_up = Population(subjects=150, signal=0.0, within=0.05, features=16)
    found = experiment(made_up, seed, grouped=grouped)
    return found.said, found.truth


def main(experiments: int = 500) -> None:
    """Print the tables."""
    begun = time.perf_counter()
    print(
        "| subjects, images each, exam | the sweep knows groups | its interval covers | score minus truth |"
    )
    print("| --- | --- | --- | --- |")
    lines = []
    for subjects, images, exam in ((40, 6, 15), (100, 6, 30)):
        for grouped in (True, False):
            found = coverage(
                Population(subjects=subjects, images=images), experiments, grouped=grouped, exam=exam
            )
            case = f"{subjects}, {images}, {exam}"
            print(
                f"| {case} | {'yes' if grouped else 'no'} | {_share(found, found.sweep)} | "
                f"{found.bias:+.3f} |",
                flush=True,
            )
            if grouped:
                shares = (_share(found, found.exam[name]) for name in ("groups", "percentile", "images"))
                lines.append(f"| {case} | {' | '.join(shares)} |")
    print("\n| subjects, images each, exam | by group | percentile cluster bootstrap | by image |")
    print("| --- | --- | --- | --- |")
    print("\n".join(lines))
    for grouped in (True, False):
        pairs = np.array([patients(grouped=grouped, seed=seed) for seed in range(1, 21)])
        said, truth = pairs.mean(axis=0)
        print(f"patients, groups {grouped}: the sweep says {said:.4f}, other patients {truth:.4f}")
    print(f"{time.perf_counter() - begun:.0f} s", file=sys.stderr)


def _share(found: Coverage, share: float) -> str:
    return f"{100 * share:.1f} % ± {100 * found.error(share):.1f}"


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:2]))

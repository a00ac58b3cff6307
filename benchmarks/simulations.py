"""Do the statistics keep their promises? Simulated experiments in which the truth is known.

``python -m benchmarks.simulations`` prints the tables of docs/statistics.md, in 80 seconds of one core. Only
NumPy trains here: every experiment draws a data set, splits it anew for each repeat, and trains classifiers
that are equally good by construction (each sees its own half of features that are distributed alike), with
seed noise like that of a network's initialisation.
"""

import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sweeps.analysis.statistics.bbc import bootstrap_scores
from sweeps.analysis.statistics.correlated_bayes import probabilities
from sweeps.analysis.statistics.holm import holm
from sweeps.analysis.statistics.paired_t import Estimate, estimate, overlap_of
from sweeps.analysis.statistics.shares import sobol_shares
from sweeps.analysis.statistics.unpaired_runs import runs_on_average
from sweeps.analysis.statistics.verdict_power import repeats_for_better
from sweeps.analysis.statistics.verdicts import verdict_of

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Where data sets and classifiers come from.

    Attributes:
        samples: in a data set, half of each class.
        features: that each classifier sees, one number for each classifier.
        signal: distance of the class means in each feature, in standard deviations.
        noise: of the seeds, relative to the classifier's weights.
    """

    samples: int = 300
    features: tuple[int, ...] = (8, 8)
    signal: float = 0.5
    noise: float = 0.1

    def data(self, rng: np.random.Generator) -> tuple[Scores, npt.NDArray[np.int64]]:
        """Draw a data set: ``[n, features]`` and its classes, ``[n]``."""
        labels = np.arange(self.samples) % 2
        values = rng.normal(size=(self.samples, sum(self.features)))
        return values + self.signal * labels[:, None], labels

    def repeat(
        self, values: Scores, labels: npt.NDArray[np.int64], folds: int, rng: np.random.Generator
    ) -> Scores:
        """Cross-validate every classifier once; return macro-F1, ``[classifiers, folds]``."""
        fold = np.empty(len(labels), dtype=np.int64)
        for label in (0, 1):
            members = np.flatnonzero(labels == label)
            fold[rng.permutation(members)] = np.arange(len(members)) % folds
        group = 2 * fold + labels
        sums = np.zeros((2 * folds, values.shape[1]))
        np.add.at(sums, group, values)
        counts = np.bincount(group, minlength=2 * folds)[:, None]
        totals, sizes = sums.reshape(folds, 2, -1).sum(axis=0), counts.reshape(folds, 2, 1).sum(axis=0)
        centres = (totals - sums.reshape(folds, 2, -1)) / (sizes - counts.reshape(folds, 2, 1))
        weights = centres[:, 1] - centres[:, 0]
        weights += self.noise * np.abs(weights).mean() * rng.normal(size=weights.shape)
        margins = (values - centres.mean(axis=1)[fold]) * weights[fold]
        edges = np.cumsum((0, *self.features))
        guesses = np.add.reduceat(margins, edges[:-1], axis=1) > 0  # [n, classifiers]
        return np.array([_macro_f1(labels, guess, fold, folds) for guess in guesses.T])


def _macro_f1(
    labels: npt.NDArray[np.int64], guesses: npt.NDArray[np.bool_], fold: npt.NDArray[np.int64], folds: int
) -> Scores:
    cells = np.bincount(4 * fold + 2 * labels + guesses, minlength=4 * folds).reshape(folds, 2, 2)
    hits = np.stack([cells[:, 0, 0], cells[:, 1, 1]])
    errors = cells[:, 0, 1] + cells[:, 1, 0]
    return (2 * hits / (2 * hits + errors)).mean(axis=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What many experiments came to, all in [0, 1]; ``experiments`` is their number."""

    experiments: int
    plain: float
    corrected: float
    called: float
    called_on_the_way: float
    covers_difference: float
    covers_score: float


def experiments(world: World, count: int, folds: int, repeats: int, seed: int) -> Scores:
    """Return macro-F1 of ``[experiments, classifiers, repeats * folds]``."""
    rng = np.random.Generator(np.random.Philox(seed))
    found = []
    for _ in range(count):
        values, labels = world.data(rng)
        found.append(np.hstack([world.repeat(values, labels, folds, rng) for _ in range(repeats)]))
    return np.array(found)


def rates(scores: Scores, folds: int, *, rope: float = 0.005) -> Rates:
    """Return how often two classifiers are called different, and intervals cover the truth.

    The true difference and score are the means over all experiments.
    """
    differences = scores[:, 0] - scores[:, 1]
    truth, mean_score = differences.mean(), scores[:, 0].mean()
    overlap = overlap_of(folds)
    plain = [estimate(d, overlap=0) for d in differences]
    corrected = [estimate(d, overlap=overlap) for d in differences]
    scored = [estimate(s, overlap=overlap) for s in scores[:, 0]]
    called = [_calls(d, overlap, rope) for d in differences]
    steps = range(2 * folds, differences.shape[1] + 1, folds)
    on_the_way = [any(_calls(d[:step], overlap, rope) for step in steps) for d in differences]
    return Rates(
        experiments=len(scores),
        plain=_mean(_rejects(found) for found in plain),
        corrected=_mean(_rejects(found) for found in corrected),
        called=_mean(called),
        called_on_the_way=_mean(on_the_way),
        covers_difference=_mean(found.low <= truth <= found.high for found in corrected),
        covers_score=_mean(found.low <= mean_score <= found.high for found in scored),
    )


def _rejects(found: Estimate) -> bool:
    return found.p is not None and found.p <= 0.05


def _calls(differences: Scores, overlap: float, rope: float) -> bool:
    values = differences.tolist()
    chances = probabilities(values, overlap=overlap, rope=rope)
    return verdict_of(estimate(values, overlap=overlap).p, chances) in ("better", "worse")


def _mean(values: Iterator[bool] | list[bool]) -> float:
    return float(np.mean(list(values)))


def family(scores: Scores, folds: int) -> tuple[float, float]:
    """Return how often any pair of equal classifiers is called different: plain t without Holm, and ours."""
    overlap, plain, ours = overlap_of(folds), 0, 0
    count = scores.shape[1]
    pairs = [(a, b) for a in range(count) for b in range(a)]
    for experiment in scores:
        differences = [experiment[a] - experiment[b] for a, b in pairs]
        plain += any(_rejects(estimate(d, overlap=0)) for d in differences)
        adjusted = holm([estimate(d, overlap=overlap).p or 1.0 for d in differences])
        ours += any(
            verdict_of(p, probabilities(d, overlap=overlap, rope=0.005)) in ("better", "worse")
            for p, d in zip(adjusted, differences, strict=True)
        )
    return plain / len(scores), ours / len(scores)


def this_data(world: World, count: int, folds: int, repeats: int, seed: int) -> float:
    """Return how often the interval of a claim about one data set covers that data set's own difference."""
    scores = experiments(world, count, folds, repeats + 100, seed)
    differences = (scores[:, 0] - scores[:, 1]).reshape(count, -1, folds).mean(axis=2)
    covered = 0
    for each in differences:
        found, truth = estimate(each[:repeats], overlap=0), each[repeats:].mean()
        covered += found.low <= truth <= found.high
    return covered / count


def bias_of_bbc(
    images: int, trials: int, beta: tuple[int, int], simulations: int, seed: int
) -> tuple[float, float]:
    """Return the bias of the best trial's own score and of BBC-CV's estimate of it.

    As in Tsamardinos et al. (2018), sec. 5: each trial's accuracy is drawn from a beta distribution, its
    predictions are right with that probability.
    """
    rng = np.random.Generator(np.random.Philox(seed))
    own, corrected = [], []
    for simulation in range(simulations):
        true = rng.beta(*beta, size=trials)
        right = (rng.random((images, trials)) < true).astype(np.float64)
        means = right.mean(axis=0)
        best = int(np.argmax(means))
        own.append(means[best] - true[best])
        estimated = bootstrap_scores(_accuracy(right), images, seed=simulation, samples=200).mean()
        corrected.append(estimated - true[best])
    return float(np.mean(own)), float(np.mean(corrected))


def _accuracy(right: Scores) -> Callable[[Scores], Scores]:
    def score(weights: Scores) -> Scores:
        result: Scores = weights @ right / weights.sum(axis=1, keepdims=True)
        return result

    return score


#: Differences of a cross-validation that do not matter, in spreads of a single difference.
ROPE = 0.2


def power_unpaired(
    difference: float, spread: float, power: float, count: int, seed: int
) -> tuple[int, float]:
    """Return how many runs ``plan --scores`` asks for, and the share of experiments that find it."""
    runs = runs_on_average(difference, spread, power=power)
    if runs is None:
        raise ValueError("no number of runs finds that")
    rng = np.random.Generator(np.random.Philox(seed))
    one, other = rng.normal(0, spread, (2, count, runs))
    one += difference
    error = np.sqrt((one.var(axis=1, ddof=1) + other.var(axis=1, ddof=1)) / runs)
    return runs, _found((one.mean(axis=1) - other.mean(axis=1)) / error, 2 * runs - 2)


def power_paired(difference: float, folds: int, power: float, count: int, seed: int) -> tuple[int, float]:
    """The same for "better" on folds whose differences are correlated as the correction assumes.

    The spread of single differences is 1; the error that all of them share has the variance 1 / (folds - 1).
    Differences up to 0.2 spreads do not matter.
    """
    overlap = overlap_of(folds)
    repeats = repeats_for_better(
        difference, [1.0], runs_per_repeat=folds, overlap=overlap, rope=ROPE, power=power, most=1000
    )
    if repeats is None:
        raise ValueError("no number of repeats finds that")
    rng = np.random.Generator(np.random.Philox(seed))
    values = rng.normal(size=(count, repeats * folds)) + difference
    values += math.sqrt(overlap) * rng.normal(size=(count, 1))
    error = np.sqrt(values.var(axis=1, ddof=1) * (1 / values.shape[1] + overlap))
    return repeats, _better(values.mean(axis=1), error, values.shape[1] - 1)


def _better(means: Scores, error: Scores, freedom: int) -> float:
    from scipy import stats

    significant = means / error > stats.t.isf(0.025, freedom)
    return float((significant & ((means - ROPE) / error >= stats.t.ppf(0.95, freedom))).mean())


def _found(t: Scores, freedom: int) -> float:
    from scipy import stats

    return float((np.abs(t) > stats.t.isf(0.025, freedom)).mean())


def coverage_of_shares(rows: int, simulations: int, seed: int) -> dict[str, float]:
    """Return how often the interval of each total share covers it, for shares 0.6, 0.3, 0.1."""
    rng = np.random.Generator(np.random.Philox(seed))
    true = {"0.6": 0.6, "0.3": 0.3, "0.1": 0.1}
    weights = np.sqrt(list(true.values()))
    covered = dict.fromkeys(true, 0)
    for simulation in range(simulations):
        base, other = rng.normal(size=(2, 3, rows))
        mixed = [np.where(np.arange(3)[:, None] == source, other, base) for source in range(3)]
        changed = {name: weights @ inputs for name, inputs in zip(true, mixed, strict=True)}
        found = sobol_shares(weights @ base, weights @ other, changed, seed=simulation)
        for name, share in found.sources.items():
            covered[name] += share.total.low <= true[name] <= share.total.high
    return {name: count / simulations for name, count in covered.items()}


#: (images, simulations) and numbers of trials of the paper's grid, and its beta distributions.
BBC_IMAGES = ((20, 400), (100, 200), (500, 60), (1000, 30))
BBC_TRIALS = (50, 300, 1000)
BBC_BETAS = ((9, 6), (14, 6), (24, 6), (54, 6))


def main() -> None:
    """Print all tables as Markdown."""
    began = time.monotonic()
    for table in (_print_equal, _print_family, _print_this_data, _print_bbc, _print_power, _print_shares):
        table()
        print(f"<!-- {time.monotonic() - began:.0f} s -->\n", file=sys.stderr)


def _line(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def _head(*cells: str) -> None:
    _line(*cells)
    _line(*("---" for _ in cells))


def _print_equal() -> None:
    _head(
        "two architectures",
        "design",
        "plain t",
        "corrected t",
        "called different",
        "looked after each repeat",
        "interval covers the difference",
        "interval covers the score",
    )
    for name, world in (("equal", World()), ("unequal", World(features=(8, 6)))):
        for folds, repeats in ((5, 5), (10, 10)):
            count = 2000 if (folds, repeats) == (5, 5) else 1000
            found = rates(experiments(world, count, folds, repeats, seed=folds), folds)
            _line(
                name, f"{repeats} x {folds} folds, {found.experiments} experiments",
                *(f"{100 * rate:.1f} %" for rate in (
                    found.plain, found.corrected, found.called, found.called_on_the_way,
                    found.covers_difference, found.covers_score)),
            )  # fmt: skip


def _print_family() -> None:
    plain, ours = family(experiments(World(features=(8,) * 6), 500, 5, 5, seed=6), 5)
    _head("six equal architectures, 15 pairs, 500 experiments", "plain t", "refold")
    _line("at least one pair called different", f"{100 * plain:.1f} %", f"{100 * ours:.1f} %")


def _print_this_data() -> None:
    covered = this_data(World(), 300, 5, 5, seed=8)
    _head("claim about this data set", "interval covers its difference")
    _line("5 x 5 folds, 300 data sets", f"{100 * covered:.1f} %")


def _print_bbc() -> None:
    _head("accuracy of the trials", "images", *(f"{trials} trials: best / BBC-CV" for trials in BBC_TRIALS))
    for beta in BBC_BETAS:
        for images, simulations in BBC_IMAGES:
            cells = [bias_of_bbc(images, trials, beta, simulations, seed=images) for trials in BBC_TRIALS]
            _line(f"beta{beta}", images, *(f"{own:+.3f} / {ours:+.3f}" for own, ours in cells))


def _print_power() -> None:
    _head("plan", "runs", "promised", "reached")
    for difference in (0.002, 0.005, 0.01, 0.02):
        for power in (0.8, 0.95):
            runs, reached = power_unpaired(difference, 0.00545, power, 4000, seed=1)
            _line(f"unpaired, {100 * difference:g} points, spread 0.545", runs, f"{100 * power:.0f} %",
                  f"{100 * reached:.1f} %")  # fmt: skip
    for difference, folds in ((1.6, 5), (1.9, 5), (1.05, 10)):
        repeats, reached = power_paired(difference, folds, 0.8, 4000, seed=2)
        _line(f"paired, {difference:g} spreads, {folds} folds", f"{repeats} repeats", "80 %",
              f"{100 * reached:.1f} %")  # fmt: skip


def _print_shares() -> None:
    _head("rows of a variance design", *(f"share {name}: covered" for name in ("0.6", "0.3", "0.1")))
    for rows in (16, 32):
        covered = coverage_of_shares(rows, 300, seed=rows)
        _line(rows, *(f"{100 * rate:.0f} %" for rate in covered.values()))


if __name__ == "__main__":
    main()

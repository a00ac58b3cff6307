"""Do the intervals of `refold variance` for the hyperparameters' part hold? Experiments with a known truth.

``python -m benchmarks.variance_simulations`` prints the tables of docs/statistics.md ("The hyperparameters'
part"). Drawn sweeps: a trial's score on a fold is the sum of its hyperparameters' effect, the fold's, and
noise; refold's own rules prune. Recorded sweeps: the trials that ``benchmarks.pruning`` recorded without
pruning are replayed in random orders with it, and the truth is the estimate from all of their folds.
"""

import random
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from benchmarks.pruning import RECORDS, Recorded, load, pruned
from sweeps.analysis.statistics.variance_ratio import RowComponent, row_component
from sweeps.definition.spec import Prune
from sweeps.search.outcomes import Ended
from trainer.fits.results import Epoch, FitResult

Floats = npt.NDArray[np.float64]

FOLDS = 5

#: Images of a fold of two classes: a score is rounded to that many parts where predictions are pooled.
IMAGES = 2000

#: Correlation of the effect of a trial's hyperparameters with its stop set's score at the rung.
FORESEEN = 0.7

#: What is pruned: nothing, trials that cannot win after some folds, and also the worst within the first fold.
RULES = {"nothing": None, "after some folds": Prune(keep=1.0), "refold's default": Prune()}

TRIALS = (3, 5, 10, 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Where trials come from.

    Attributes:
        spread: standard deviation of the hyperparameters' effects.
        noise: standard deviation of a single score's noise.
        effects: "normal", or "skewed": exponential, with a long tail of bad trials.
        lost: probability that a trial has only its first folds, for reasons other than its scores.
    """

    spread: float = 0.02
    noise: float = 0.01
    effects: Literal["normal", "skewed"] = "normal"
    lost: float = 0.0

    @property
    def share(self) -> float:
        """The hyperparameters' true share of the variance, in [0, 1]."""
        return self.spread**2 / (self.spread**2 + self.noise**2)

    def trials(self, count: int, rng: np.random.Generator) -> list[Ended]:
        """Draw complete trials."""
        effects = rng.normal(size=count) if self.effects == "normal" else 1 - rng.exponential(size=count)
        scores = 0.85 + self.spread * effects[:, None] + 0.01 * rng.normal(size=FOLDS)
        scores = np.clip(scores + self.noise * rng.normal(size=(count, FOLDS)), 0, 1)
        rungs = 0.7 + 0.05 * (FORESEEN * effects + (1 - FORESEEN**2) ** 0.5 * rng.normal(size=count))
        ends = np.where(rng.random(count) < self.lost, rng.integers(1, FOLDS, count), FOLDS)
        return [_trial(row[:end], rung) for row, rung, end in zip(scores, rungs, ends, strict=True)]


def _trial(scores: Floats, rung: float) -> Ended:
    epochs = tuple(
        Epoch(loss=0.0, accuracy=0.0, stop_loss=None, stop_accuracy=None, stop_f1=rung, weights_sha256="")
        for _ in range(3)
    )
    right = np.round(scores * IMAGES / 2).astype(int).tolist()
    results = tuple(
        FitResult(
            key="",
            state="complete",
            epochs=epochs,
            confusion=((count, IMAGES // 2 - count), (IMAGES // 2 - count, count)),
            f1=float(score),
        )
        for score, count in zip(scores, right, strict=True)
    )
    return Ended({}, "complete", results)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What many experiments came to.

    Attributes:
        experiments: their number.
        answered: share of them with an estimate, in [0, 1]; what follows is of these.
        covers: share of intervals that hold the hyperparameters' true share.
        covers_deviation: the same of the standard deviation.
        too_high: share of intervals of the share that lie above it.
        median: median estimate of the share.
        deviation: median estimate of the standard deviation.
    """

    experiments: int
    answered: float
    covers: float
    covers_deviation: float
    too_high: float
    median: float
    deviation: float

    @property
    def error(self) -> float:
        """Monte Carlo standard error of ``covers``."""
        count = max(1.0, self.experiments * self.answered)
        return float((self.covers * (1 - self.covers) / count) ** 0.5)


def rates(found: Sequence[RowComponent | None], share: float, deviation: float) -> Rates:
    """Return how often intervals cover a share and a standard deviation that are known."""
    answers = [each for each in found if each is not None]
    return Rates(
        experiments=len(found),
        answered=len(answers) / len(found),
        covers=_mean(each.share.low <= share <= each.share.high for each in answers),
        covers_deviation=_mean(each.deviation.low <= deviation <= each.deviation.high for each in answers),
        too_high=_mean(each.share.low > share for each in answers),
        median=float(np.median([each.share.value for each in answers])) if answers else np.nan,
        deviation=float(np.median([each.deviation.value for each in answers])) if answers else np.nan,
    )


def _mean(values: Iterable[bool]) -> float:
    every = list(values)
    return sum(every) / len(every) if every else float("nan")


def component(ended: Sequence[Ended], *, complete_only: bool = False) -> RowComponent | None:
    """Return what hyperparameters contribute, from all trials with a scored fold or from complete ones."""
    states = ("complete",) if complete_only else ("complete", "pruned")
    rows = [
        [fit.f1 for fit in trial.results if fit.f1 is not None] for trial in ended if trial.state in states
    ]
    try:
        return row_component([row for row in rows if row])
    except ValueError:
        return None


def drawn(world: World, rule: Prune | None, trials: int, experiments: int, seed: int) -> list[list[Ended]]:
    """Draw sweeps of one architecture, pruned by the rule."""
    rng = np.random.Generator(np.random.Philox(seed))
    record = Recorded(name="", about={}, epochs=20, folds=FOLDS, trials={})
    found = []
    for _ in range(experiments):
        whole = world.trials(trials, rng)
        found.append(whole if rule is None else pruned(whole, rule, record))
    return found


def simulated(
    world: World,
    rule: Prune | None,
    trials: int,
    experiments: int,
    *,
    seed: int,
    complete_only: bool = False,
) -> Rates:
    """Return how often the intervals cover in drawn sweeps."""
    sweeps = drawn(world, rule, trials, experiments, seed)
    found = [component(each, complete_only=complete_only) for each in sweeps]
    return rates(found, world.share, world.spread)


def bootstrapped(world: World, trials: int, experiments: int, *, seed: int) -> float:
    """Return how often a percentile bootstrap over complete trials covers the standard deviation.

    refold used it before: it resamples whole trials 500 times and takes the quantiles of the estimates.
    """
    rng = np.random.Generator(np.random.Philox(seed + 1))
    covered = 0
    for ended in drawn(world, None, trials, experiments, seed):
        scores = np.array([[fit.f1 for fit in trial.results] for trial in ended], dtype=np.float64)
        estimates = _deviations(scores[rng.integers(0, trials, (500, trials))])
        low, high = np.percentile(estimates, [2.5, 97.5])
        covered += bool(low <= world.spread <= high)
    return covered / experiments


def _deviations(tables: Floats) -> Floats:
    """Return the rows' estimated standard deviation of each of ``[samples, rows, columns]`` tables."""
    means = tables.mean(axis=2, keepdims=True)
    noise = tables - means - tables.mean(axis=1, keepdims=True) + tables.mean(axis=(1, 2), keepdims=True)
    within = (noise**2).sum(axis=(1, 2)) / ((tables.shape[1] - 1) * (tables.shape[2] - 1))
    found: Floats = np.sqrt(np.maximum(means[:, :, 0].var(axis=1, ddof=1) - within / tables.shape[2], 0))
    return found


def replayed(record: Recorded, architecture: str, rule: Prune, orders: int) -> tuple[RowComponent, Rates]:
    """Return the estimate from all folds of an architecture, and what pruned sweeps of 20 trials say."""
    trials = record.trials[architecture]
    truth = component(trials, complete_only=True)
    if truth is None:
        raise ValueError(f"{architecture} has no estimate")
    found = []
    for seed in range(orders):
        order = random.Random(f"{seed} {architecture}").sample(list(trials), 20)
        found.append(component(pruned(order, rule, record)))
    return truth, rates(found, truth.share.value, truth.deviation.value)


WORLDS = {
    "0.8, normal": World(),
    "0.2, normal": World(spread=0.01, noise=0.02),
    "0, normal": World(spread=0.0, noise=0.02),
    "0.8, skewed": World(effects="skewed"),
}


def main(experiments: int = 1000) -> None:
    """Print the tables as Markdown."""
    begun = time.monotonic()
    _head("true share, effects", "pruned", *(f"{trials} trials" for trials in TRIALS))
    for name, world in WORLDS.items():
        for rule_name, rule in RULES.items():
            _line(
                name, rule_name, *_coverage([simulated(world, rule, n, experiments, seed=n) for n in TRIALS])
            )
    lost = [simulated(World(lost=0.5), None, n, experiments, seed=n) for n in TRIALS]
    _line("0.8, normal", "half of the trials, at random", *_coverage(lost))
    before = [bootstrapped(World(), trials, experiments, seed=trials) for trials in TRIALS]
    _line("0.8, normal", "nothing; the bootstrap of before", *(f"/ {100 * rate:.0f} %" for rate in before))
    print()
    _print_estimates(experiments)
    print()
    _print_replays(max(10, experiments // 10))
    print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr)


def _coverage(found: Sequence[Rates]) -> list[str]:
    return [
        f"{100 * each.covers:.1f} % ± {100 * each.error:.1f} / {100 * each.covers_deviation:.1f} %"
        + (f" ({100 * each.answered:.0f} %)" if each.answered < 1 else "")
        for each in found
    ]


def _print_estimates(experiments: int) -> None:
    _head("20 trials: true share, effects", "true points", *RULES, "complete trials only (before)")
    for name, world in WORLDS.items():
        found = [simulated(world, rule, 20, experiments, seed=20) for rule in RULES.values()]
        before = simulated(world, Prune(), 20, experiments, seed=20, complete_only=True)
        answered = f"{_medians(before)} ({100 * before.answered:.0f} %)"
        _line(name, f"{100 * world.spread:g}", *map(_medians, found), answered)


def _medians(found: Rates) -> str:
    return f"{found.median:.2f}, {100 * found.deviation:.2f}"


def _print_replays(orders: int) -> None:
    _head(
        "recorded sweep",
        "all folds",
        *(f"{what}: {rule}" for rule in list(RULES)[1:] for what in ("covers", "median")),
    )
    for path in sorted(RECORDS.glob("*.json.gz")):
        record = load(path)
        for name in record.trials:
            cells = []
            for rule in filter(None, RULES.values()):
                truth, found = replayed(record, name, rule, orders)
                cells += [
                    f"{100 * found.covers:.0f} % / {100 * found.covers_deviation:.0f} %",
                    _medians(found),
                ]
            whole = f"{truth.share.value:.2f}, {100 * truth.deviation.value:.2f}"
            _line(f"{path.name.partition('.')[0]} {name}", whole, *cells)


def _line(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def _head(*cells: str) -> None:
    _line(*cells)
    _line(*("---" for _ in cells))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:2]))

"""Do the statements about an exam hold? Simulated experiments in which every true score is known.

``python -m benchmarks.exam_simulations`` prints the table of docs/statistics.md ("The exam"). An image is as
hard as it is, for all architectures alike and for each a little differently; a refit is as good as its seed
made it; whether an image is right follows from both, and from chance.
"""

import math
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from sweeps.analysis.statistics.exam import Judgement, judge

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Noise = Literal["normal", "skewed", "unequal"]

#: Spread of how hard images are: shared by all architectures, and of each architecture's own.
SHARED, OWN = 1.5, 0.7

#: Points of the integral over seeds that gives an architecture's true score.
_QUANTILES = (np.arange(2000) + 0.5) / 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A kind of experiment.

    Attributes:
        ahead: how far each architecture's true score lies below the best one's; the first is 0.
        refits: of each architecture.
        images: of the exam.
        of_group: images of a group, which are equally hard; 1 for images by themselves.
        seed_spread: standard deviation of a refit's true score, as a score.
        noise: of the seeds. Skewed: most refits are a little better, some much worse (a shifted exponential
            distribution); unequal: the second half of the architectures has three times the spread.
        score: of the best architecture.
        classes: number of classes, equally frequent.
    """

    ahead: tuple[float, ...]
    refits: int = 5
    images: int = 1000
    of_group: int = 1
    seed_spread: float = 0.005
    noise: Noise = "normal"
    score: float = 0.9
    classes: int = 4

    def spreads(self) -> Floats:
        """Return each architecture's spread between seeds, on the scale of ``skill``."""
        factor = np.ones(len(self.ahead))
        if self.noise == "unequal":
            factor[len(factor) // 2 :] = 3.0
        slope = stats.norm.pdf(stats.norm.ppf(self.score)) / math.sqrt(1 + SHARED**2 + OWN**2)
        return np.asarray(factor * self.seed_spread / slope)


def effects(cell: Cell, uniform: Floats) -> Floats:
    """Return effects of seeds with mean 0 and variance 1 from uniform numbers."""
    if cell.noise == "skewed":
        return 1 + np.log(uniform)
    return np.asarray(stats.norm.ppf(uniform))


def skill_for(cell: Cell, score: float, spread: float) -> float:
    """Return the mean skill with which an architecture's true score is ``score``."""
    width = math.sqrt(1 + SHARED**2 + OWN**2)
    seeds = spread * effects(cell, _QUANTILES)
    low, high = -20.0, 20.0
    for _ in range(80):
        middle = (low + high) / 2
        found = float(stats.norm.cdf((middle + seeds) / width).mean())
        low, high = (middle, high) if found < score else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """An experiment: what was judged, and what is true."""

    judged: Judgement
    truth: dict[str, float]


def experiment(cell: Cell, skills: Sequence[float], seed: int, *, rope: float) -> Outcome:
    """Draw an exam and refits, and judge them.

    With equally frequent classes and mistakes spread evenly over the others, an architecture's macro-F1 on
    endlessly many images is its accuracy.
    """
    rng = np.random.default_rng(seed)
    true = _classes(cell, rng)
    units = len(true) // cell.of_group
    member = np.arange(len(true)) // cell.of_group
    shared = SHARED * rng.standard_normal(units)
    predicted = {}
    for place, (skill, spread) in enumerate(zip(skills, cell.spreads(), strict=True)):
        own = OWN * rng.standard_normal(units)
        seeds = spread * effects(cell, rng.random((cell.refits, 1)))
        chance = rng.standard_normal((cell.refits, units))
        if cell.of_group == 1:
            right = skill + seeds + shared + own + chance > 0
        else:  # a group's images differ in chance alone
            hard = (skill + seeds + shared + own)[:, member]
            right = hard + rng.standard_normal(hard.shape) > 0
        wrong = (true + rng.integers(1, cell.classes, right.shape)) % cell.classes
        predicted[f"a{place}"] = np.where(right, true, wrong)
    judged = judge(
        true, predicted, classes=cell.classes, rope=rope, seed=seed, draws=4000,
        groups=None if cell.of_group == 1 else member,
    )  # fmt: skip
    return Outcome(judged, {f"a{place}": cell.score - each for place, each in enumerate(cell.ahead)})


def _classes(cell: Cell, rng: np.random.Generator) -> Labels:
    if cell.of_group > 1:
        of_group = np.arange(cell.images // cell.of_group) % cell.classes
        return np.repeat(of_group, cell.of_group)
    return rng.permutation(np.arange(cell.images) % cell.classes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Of all experiments, the shares in which something holds.

    Attributes:
        covers: intervals of scores that hold the true score (mean over architectures).
        best_held: sets of the best that hold the first architecture, which none is truly better than.
        members: mean size of that set.
        wrong: experiments in which some pair is called better, worse or equivalent and is not.
        decided: pairs that are called something (mean).
        use_any_wrong: experiments that say "use any of these" where one costs more than the region.
        regret_held: experiments in which no architecture costs more than its ``regret_high``.
        experiments: how many.
    """

    covers: float
    best_held: float
    members: float
    wrong: float
    decided: float
    use_any_wrong: float
    regret_held: float
    experiments: int

    def error(self, share: float) -> float:
        """Return the Monte Carlo standard error of a share."""
        return math.sqrt(max(share * (1 - share), 0) / self.experiments)


def rates(cell: Cell, experiments: int, *, rope: float = 0.005, seed: int = 1) -> Rates:
    """Run experiments of one kind."""
    skills = [
        skill_for(cell, cell.score - ahead, spread)
        for ahead, spread in zip(cell.ahead, cell.spreads(), strict=True)
    ]
    ran = [experiment(cell, skills, 1_000_000 * seed + each, rope=rope) for each in range(experiments)]
    return Rates(
        covers=_mean(_covered(each) for each in ran),
        best_held=_mean("a0" in each.judged.best for each in ran),
        members=_mean(len(each.judged.best) for each in ran),
        wrong=_mean(_wrong(each) for each in ran),
        decided=_mean(_mean(pair.verdict != "undecided" for pair in each.judged.pairs) for each in ran),
        use_any_wrong=_mean(_use_any_wrong(each) for each in ran),
        regret_held=_mean(_regret_held(each) for each in ran),
        experiments=experiments,
    )


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _covered(found: Outcome) -> float:
    return float(
        np.mean([each.low <= found.truth[each.name] <= each.high for each in found.judged.architectures])
    )


def _wrong(found: Outcome) -> bool:
    rope = found.judged.rope
    for pair in found.judged.pairs:
        difference = found.truth[pair.one] - found.truth[pair.other]
        right = {
            "better": difference > rope - 1e-12,
            "equivalent": abs(difference) < rope + 1e-12,
            "undecided": True,
        }
        if not right[pair.verdict]:
            return True
    return False


def _use_any_wrong(found: Outcome) -> bool:
    top = max(found.truth.values())
    worst = max(top - found.truth[name] for name in found.judged.best)
    return found.judged.use_any and worst > found.judged.rope + 1e-12


def _regret_held(found: Outcome) -> bool:
    top = max(found.truth.values())
    return all(
        top - found.truth[each.name] <= each.regret_high + 1e-12 for each in found.judged.architectures
    )


SIX_EQUAL, SIX_STEPS = (0.0,) * 6, (0.0, 0.005, 0.01, 0.01, 0.02, 0.04)

CELLS: dict[str, Cell] = {
    "two equal, 1,000 images": Cell(ahead=(0.0, 0.0)),
    "two, the region apart": Cell(ahead=(0.0, 0.005)),
    "two, twice the region apart": Cell(ahead=(0.0, 0.01)),
    "two equal, 10,000 images": Cell(ahead=(0.0, 0.0), images=10_000),
    "two, the region apart, 10,000 images": Cell(ahead=(0.0, 0.005), images=10_000),
    "two, the region apart, 10,000 images, 20 refits": Cell(ahead=(0.0, 0.005), images=10_000, refits=20),
    "two equal, 10,000 images, calm seeds, 20 refits": Cell(
        ahead=(0.0, 0.0), images=10_000, refits=20, seed_spread=0.002
    ),
    "two equal, wild seeds": Cell(ahead=(0.0, 0.0), seed_spread=0.02),
    "two equal, skewed seeds": Cell(ahead=(0.0, 0.0), noise="skewed", seed_spread=0.02),
    "two equal, unequal seeds": Cell(ahead=(0.0, 0.0), noise="unequal", seed_spread=0.01),
    "six equal": Cell(ahead=SIX_EQUAL),
    "six equal, wild seeds": Cell(ahead=SIX_EQUAL, seed_spread=0.02),
    "six equal, skewed seeds": Cell(ahead=SIX_EQUAL, noise="skewed", seed_spread=0.02),
    "six equal, unequal seeds": Cell(ahead=SIX_EQUAL, noise="unequal", seed_spread=0.01),
    "six in steps": Cell(ahead=SIX_STEPS),
    "six in steps, 10,000 images": Cell(ahead=SIX_STEPS, images=10_000),
    "six, five of them the region behind": Cell(ahead=(0.0, *(0.005,) * 5), images=4000),
    "three refits, six equal": Cell(ahead=SIX_EQUAL, refits=3),
    "40 images, ten of each class": Cell(ahead=(0.0, 0.0), images=40),
    "100 images, score 0.98": Cell(ahead=(0.0, 0.0), images=100, score=0.98),
    "20 groups of five": Cell(ahead=(0.0, 0.0), images=100, of_group=5),
    "60 groups of five, six in steps": Cell(ahead=SIX_STEPS, images=300, of_group=5),
}


def main(experiments: int = 2000) -> None:
    """Print the table."""
    begun = time.perf_counter()
    print(
        "| experiments | covers the score | set holds the best (size) | some pair wrong | pairs decided | "
        "'use any' wrong | regret held |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, cell in CELLS.items():
        found = rates(cell, experiments if cell.images < 5000 else max(1, experiments // 4))
        print(
            f"| {name} | {_share(found, found.covers)} | {_share(found, found.best_held)} "
            f"({found.members:.1f}) | {_share(found, found.wrong)} | {100 * found.decided:.0f} % | "
            f"{_share(found, found.use_any_wrong)} | {_share(found, found.regret_held)} |",
            flush=True,
        )
    print(f"{time.perf_counter() - begun:.0f} s", file=sys.stderr)


def _share(found: Rates, share: float) -> str:
    return f"{100 * share:.1f} % ± {100 * found.error(share):.1f}"


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:2]))

"""Do plans from a few scores find what they promise? Pilots of networks whose true spread is known.

``python -m benchmarks.plan_simulations`` prints the tables of docs/statistics.md ("Plans from a few scores").
A pilot is a few scores; `refold plan --scores` plans with them, by each of its three readings; the power that
such a plan has is then computed exactly (noncentral t) from the true spread.
"""

import sys
import time
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from sweeps.analysis.statistics.power import MOST
from sweeps.analysis.statistics.spread import plausible_spreads, spread_of, upper_limit
from sweeps.analysis.statistics.unpaired_runs import average_power, runs_on_average

Floats = npt.NDArray[np.float64]
Noise = Literal["normal", "skewed"]

#: The true spread of a run: that of the question's three scores.
SPREAD = 0.00545

#: The power that is planned.
POWER = 0.8

#: Difference, spread and runs of plans whose runs share 10,000 test images; these add the variance 3e-6.
PLANS = ((0.005, 0.01154, 85), (0.01, 0.01154, 29), (0.01, SPREAD, 7), (0.02, SPREAD, 3))

READINGS = ("spread known", "on average", "upper limit")


def pilots(noise: Noise, scores: int, count: int, seed: int) -> Floats:
    """Draw pilots; shape [count, scores]. Skewed: most runs are good, a few much worse (exponential)."""
    rng = np.random.Generator(np.random.Philox(seed))
    drawn = rng.normal(size=(count, scores))
    if noise == "skewed":
        drawn = 1 - rng.exponential(size=(count, scores))
    return 0.885 + SPREAD * drawn


@cache
def planned(deviation: float, scores: int, difference: float) -> tuple[int, ...]:
    """Return the runs that each reading asks for; ``MOST`` if it is more."""
    half = deviation * np.sqrt((scores - 1) / 2)
    spread = spread_of([0.885 - half, 0.885 + half, *[0.885] * (scores - 2)])
    readings: tuple[npt.ArrayLike, ...] = (deviation, plausible_spreads(spread), upper_limit(spread))
    return tuple(runs_on_average(difference, each, power=POWER) or MOST for each in readings)


def powers(noise: Noise, scores: int, difference: float, count: int, seed: int) -> Floats:
    """Return the true power of the plans from many pilots; shape [readings, count].

    The true power is that of normal scores, also where the pilot is skewed.
    """
    # To a thousandth of a point, so that equal pilots are planned once.
    deviations = np.maximum(pilots(noise, scores, count, seed).std(axis=1, ddof=1).round(5), 1e-5)
    runs = np.array([planned(float(each), scores, difference) for each in deviations]).T
    each, places = np.unique(runs, return_inverse=True)
    true = np.array([average_power(difference, SPREAD, int(number)) for number in each])
    return true[places].reshape(runs.shape)


def with_images(
    difference: float, spread: float, runs: int, shared: float, count: int, seed: int
) -> tuple[float, float]:
    """Return how often the test that counts the test set's error finds a difference, and one that is 0.

    Args:
        difference: the true difference.
        spread: true standard deviation of single runs.
        runs: of each of the two networks.
        shared: variance of the difference that comes from the test set.
        count: number of experiments.
        seed: of what is drawn.
    """
    rng = np.random.Generator(np.random.Philox(seed))
    means = rng.normal(0, np.sqrt(2 * spread**2 / runs + shared), count)
    seeds = 2 * spread**2 / runs * rng.chisquare(2 * runs - 2, count) / (2 * runs - 2)
    error = seeds + shared
    critical = stats.t.isf(0.025, (2 * runs - 2) * (error / seeds) ** 2) * np.sqrt(error)
    return float((np.abs(means + difference) > critical).mean()), float((np.abs(means) > critical).mean())


def main(count: int = 4000) -> None:
    """Print the tables as Markdown."""
    began = time.monotonic()
    _head("difference, noise, scores", *READINGS)
    for difference, name in ((0.01, "1 point"), (0.005, "half a point")):
        for noise in ("normal", "skewed"):
            for scores in (3, 5, 8):
                found = powers(noise, scores, difference, count, seed=scores)
                _line(f"{name}, {noise}, {scores}", *(_cell(each) for each in found))
    print()
    _head("difference, spread, runs, test images", "promised", "reached", "found where there is none")
    for difference, spread, runs in (
        (0.005, 0.01154, 85),
        (0.01, 0.01154, 29),
        (0.01, SPREAD, 7),
        (0.02, SPREAD, 3),
    ):
        reached, wrong = with_images(difference, spread, runs, 3e-6, 200_000, seed=runs)
        promised = average_power(difference, spread, runs, shared=3e-6)
        _line(
            f"{100 * difference:g} points, {100 * spread:.3f}, {runs}, 10,000",
            *(f"{100 * rate:.1f} %" for rate in (promised, reached, wrong)),
        )
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)


def _cell(found: Floats) -> str:
    """Return mean power with its Monte Carlo error, and the shares of plans with too little."""
    error = found.std(ddof=1) / np.sqrt(len(found))
    short = " / ".join(f"{100 * (found < limit).mean():.0f} %" for limit in (0.5, POWER))
    return f"{100 * found.mean():.1f} % ± {100 * error:.1f} ({short})"


def _line(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def _head(*cells: str) -> None:
    _line(*cells)
    _line(*("---" for _ in cells))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:2]))

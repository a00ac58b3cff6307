"""The power of the verdicts on an exam: how many refits let two architectures be told apart.

What is planned is the verdict itself (``exam.judge``): "better" asks that the whole interval of a difference
lies above the region of practical equivalence, at a level that holds for all pairs together; "equivalent"
that it lies inside. A pilot of few refits hardly tells the spread between seeds. So the power is averaged
over what that spread may be: df s2 / chi2(df), its posterior for a flat prior of its logarithm (Box & Tiao,
"Bayesian Inference in Statistical Analysis", 1973, section 2.3). The standard error that a planned experiment
will estimate is drawn; its degrees of freedom are Satterthwaite's (Biometrics Bulletin 2, 1946).
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from sweeps.analysis.statistics.exam import FEWEST_REFITS, Components, critical_value

Floats = npt.NDArray[np.float64]

#: Experiments over which a power is averaged.
EXPERIMENTS = 4000

#: So many refits stand for endlessly many.
ENDLESS = 1_000_000


@dataclass(frozen=True, kw_only=True)  # without slots: what is drawn is drawn once
class PairPower:
    """The power of verdicts on one pair of architectures, whatever the number of refits.

    Attributes:
        found: the variances of all architectures that are compared.
        one: place of the first one among them.
        other: place of the second one.
        rope: half the width of the region of practical equivalence.
        seed: of the draws.
    """

    found: Components
    one: int
    other: int
    rope: float
    seed: int

    @property
    def var_seed(self) -> float:
        """Variance of the difference of two single refits that comes from seeds."""
        return float(self.found.seeds[self.one] + self.found.seeds[self.other])

    @property
    def var_images(self) -> float:
        """Variance of the difference that comes from the exam's images, whatever the seeds."""
        return _of_pair(self.found.images, self.one, self.other)

    def power(self, difference: float, refits: int, verdict: Literal["better", "equivalent"]) -> float:
        """Return the chance of a verdict, averaged over what is not known of the seeds' spread.

        Args:
            difference: the true one, as a score; at least 0.
            refits: of each architecture, at least 3.
            verdict: better, or equivalent.
        """
        error, reach = self._planned(refits)
        if verdict == "better":
            return float(_upper((self.rope + reach - difference) / error).mean())
        inside = self.rope - reach
        share = _upper((difference - inside) / error) - _upper((difference + inside) / error)
        return float(np.where(inside > 0, share, 0.0).mean())

    def fewest(self, difference: float, verdict: Literal["better", "equivalent"], power: float) -> int | None:
        """Return the fewest refits of each architecture that reach a power; None if no number does.

        Args:
            difference: the true one, as a score; at least 0.
            verdict: better, or equivalent.
            power: the required power, in (0, 1).
        """
        if self.power(difference, ENDLESS, verdict) < power:
            return None
        low, high = FEWEST_REFITS, FEWEST_REFITS
        while self.power(difference, high, verdict) < power:
            low, high = high + 1, min(2 * high, ENDLESS)
        while low < high:
            middle = (low + high) // 2
            low, high = (
                (low, middle) if self.power(difference, middle, verdict) >= power else (middle + 1, high)
            )
        return high

    @cached_property
    def _spreads(self) -> tuple[Floats, Floats]:
        """Variances between seeds that the two may truly have, ``[experiments]`` each.

        Only their sum decides, so it is drawn, with Satterthwaite's degrees of freedom. Drawn one by one,
        with fewer degrees of freedom each, their sum would be too large on average: plans for a power of
        80 % reached 87 to 92 % (docs/statistics.md).
        """
        shown = self.found.seeds[[self.one, self.other]][:, None]
        freedoms = tuple(int(self.found.refits[place]) - 1 for place in (self.one, self.other))
        freedom = _freedom(shown, freedoms)[0]
        scale = freedom / np.random.default_rng(self.seed).chisquare(freedom, EXPERIMENTS)
        return shown[0] * scale, shown[1] * scale

    def _planned(self, refits: int) -> tuple[Floats, Floats]:
        """Return the true standard error of each experiment, and half the width of its interval."""
        rng = np.random.default_rng(self.seed + 1)
        freedoms = (refits - 1, refits - 1, self.found.units - 1)
        seeds = np.stack(self._spreads) / refits
        error = np.sqrt(seeds.sum(axis=0) + self.var_images)
        # The variances that the experiment will estimate.
        images = _of_pair(self.found.seen_by_judge(refits), self.one, self.other)
        scales = np.stack([rng.chisquare(freedom, EXPERIMENTS) / freedom for freedom in freedoms])
        shown = np.vstack([seeds, np.full(EXPERIMENTS, images)]) * scales
        tail = _tail(self.found, refits, self.seed, self.one, self.other)
        critical = stats.t.isf(tail, _freedom(shown, freedoms))
        return np.maximum(error, 1e-12), critical * np.sqrt(shown.sum(axis=0))


def _of_pair(images: Floats, one: int, other: int) -> float:
    """Return the variance of the difference of two scores."""
    return max(0.0, float(images[one, one] + images[other, other] - 2 * images[one, other]))


def _upper(deviates: Floats) -> Floats:
    found: Floats = stats.norm.sf(deviates)
    return found


def _freedom(parts: Floats, freedoms: tuple[int, ...]) -> Floats:
    """Return the degrees of freedom of a sum of estimated variances, ``[experiments]``."""
    squares = sum(part**2 / freedom for part, freedom in zip(parts, freedoms, strict=True))
    found: Floats = parts.sum(axis=0) ** 2 / np.maximum(squares, 1e-300)
    return np.maximum(found, 1.0)


def _tail(found: Components, refits: int, seed: int, one: int, other: int) -> float:
    """Return the tail of Student's t that gives the critical value of all pairs at the variances as seen."""
    critical = _critical(_Key(found), refits, seed)
    of_images = _of_pair(found.seen_by_judge(refits), one, other)
    parts = np.array([[found.seeds[one] / refits], [found.seeds[other] / refits], [of_images]])
    freedom = _freedom(parts, (refits - 1, refits - 1, found.units - 1))
    return float(stats.t.sf(critical, freedom[0]))


class _Key:
    """Variances as the key of a cache: the same object counts as the same."""

    def __init__(self, found: Components) -> None:
        self.found = found

    def __hash__(self) -> int:
        return id(self.found)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.found is self.found


@lru_cache(maxsize=256)
def _critical(key: _Key, refits: int, seed: int) -> float:
    return critical_value(key.found, refits, seed=seed, draws=EXPERIMENTS)

"""Is the power that ``refold plan SWEEP`` promises on an exam the one that ``refold compare`` reaches?

``python -m benchmarks.exam_plan_simulations`` prints the table of docs/statistics.md. Pilots of five refits are
drawn, each with an exam of its own; from each the power of a planned number of refits is computed, and averaged.
Beside it stands how often the verdict is reached by that many refits, in experiments of their own.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from benchmarks.exam_world import Cell, Skills, draw_images, effects, experiment, predictions
from benchmarks.shares import Share
from benchmarks.side_by_side import Map, in_turn, side_by_side
from sweeps.analysis.statistics.exam import Components, components
from sweeps.analysis.statistics.exam_power import PairPower

#: Half the width of the region of practical equivalence, and the refits of a pilot.
ROPE, PILOT = 0.005, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan to check: that a pair which differs by ``cell.ahead[1]`` is called better with so many refits."""

    name: str
    cell: Cell
    refits: int


PLANS = (
    Plan(name="two, 2 points, 1,000 images", cell=Cell(ahead=(0.0, 0.02)), refits=10),
    Plan(name="two, 3 points, 1,000 images", cell=Cell(ahead=(0.0, 0.03)), refits=5),
    Plan(name="two, 1 point, 4,000 images, calm seeds",
         cell=Cell(ahead=(0.0, 0.01), images=4000, seed_spread=0.002), refits=10),
    Plan(name="two, 3 points, wild seeds", cell=Cell(ahead=(0.0, 0.03), seed_spread=0.02), refits=20),
    Plan(name="two, 5 points, wild seeds", cell=Cell(ahead=(0.0, 0.05), seed_spread=0.02), refits=8),
    Plan(name="six, the second 3 points behind",
         cell=Cell(ahead=(0.0, 0.03, 0.03, 0.03, 0.03, 0.03)), refits=10),
    Plan(name="two, 3 points, wild and skewed seeds",
         cell=Cell(ahead=(0.0, 0.03), seed_spread=0.02, noise="skewed"), refits=20),
)  # fmt: skip


def promised(plan: Plan, skills: Skills, seed: int) -> float:
    """Return the power that is planned from a pilot of five refits."""
    found = pilot(plan.cell, skills, seed)
    pair = PairPower(found=found, one=0, other=1, rope=ROPE, seed=seed)
    return pair.power(plan.cell.ahead[1], plan.refits, "better")


def pilot(cell: Cell, skills: Skills, seed: int) -> Components:
    """Draw an exam and five refits of each architecture; return the variances that they show."""
    rng = np.random.default_rng(seed)
    images = draw_images(cell, rng)
    predicted = {}
    for place, (mean, spread) in enumerate(zip(skills.mean, skills.seeds, strict=True)):
        own = cell.own * rng.standard_normal(len(images.hard))
        levels = mean + spread * effects(cell, rng.random((PILOT, 1)))
        predicted[f"a{place}"] = predictions(cell, images, own, levels, rng)
    groups = None if cell.of_group == 1 else images.unit
    return components(images.true, predicted, classes=len(cell.frequencies), groups=groups)


def reached(plan: Plan, skills: Skills, seed: int) -> bool:
    """Whether an experiment with the planned refits calls the first architecture better than the second."""
    found = experiment(replace(plan.cell, refits=plan.refits), skills, seed, rope=ROPE).judged
    assert found is not None  # noqa: S101 - no refit fails
    return any((pair.one, pair.other, pair.verdict) == ("a0", "a1", "better") for pair in found.pairs)


def rates(plan: Plan, experiments: int, *, over: Map = in_turn) -> tuple[Sequence[float], Share]:
    """Return the powers that pilots promise, and the share of experiments that reach the verdict."""
    skills = Skills.of(plan.cell)
    powers = over(partial(promised, plan, skills), range(1_000_000, 1_000_000 + experiments))
    ends = over(partial(reached, plan, skills), range(2_000_000, 2_000_000 + experiments))
    return powers, Share(float(np.mean(ends)), experiments)


def main(experiments: int, processes: int) -> None:
    """Print the table."""
    begun = time.perf_counter()
    print("| plan | refits | promised on average | reached |")
    print("| --- | --- | --- | --- |")
    with side_by_side(processes) as over:
        for plan in PLANS:
            powers, share = rates(plan, experiments, over=over)
            error = np.std(powers, ddof=1) / np.sqrt(len(powers))
            print(f"| {plan.name} | {plan.refits} | {100 * np.mean(powers):.1f} % ± {100 * error:.1f} | {share} |",
                  flush=True)  # fmt: skip
    print(f"{time.perf_counter() - begun:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("experiments", type=int, nargs="?", default=1000)
    options.add_argument("--processes", type=int, default=2)
    given = options.parse_args()
    main(given.experiments, given.processes)

"""Do the refits that ``refold plan SWEEP`` asks for reach the verdict as often as it promises?

``python -m benchmarks.exam_plan_simulations`` prints the table of docs/statistics.md. A pilot of five refits
is drawn; from it the refits are planned that call a true difference better with a power of 80 %. Then an
experiment of its own has that many refits, on another exam of the same size.
"""

import argparse
import sys
import time
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

#: The power that is planned for, and the most refits that an experiment is drawn with.
POWER, MOST = 0.8, 300

#: What is planned: that the first architecture is called better than the second, ``ahead[1]`` behind it.
PLANS: dict[str, Cell] = {
    "two, 2 points, 1,000 images": Cell(ahead=(0.0, 0.02)),
    "two, 3 points, 1,000 images": Cell(ahead=(0.0, 0.03)),
    "two, 2 points, 2,000 images": Cell(ahead=(0.0, 0.02), images=2000),
    "two, 3 points, wild seeds": Cell(ahead=(0.0, 0.03), seed_spread=0.02),
    "two, 5 points, wild seeds": Cell(ahead=(0.0, 0.05), seed_spread=0.02),
    "six, five of them 3 points behind": Cell(ahead=(0.0, *(0.03,) * 5)),
    "two, 3 points, wild and skewed seeds": Cell(ahead=(0.0, 0.03), seed_spread=0.02, noise="skewed"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A pilot's plan, and whether it held: ``refits`` is None if no number would do.

    ``promised`` is the power that the plan states for its refits: the planned one or, as refits are whole
    and at least three, a little more.
    """

    refits: int | None
    promised: float
    better: bool


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


def planned(cell: Cell, skills: Skills, seed: int) -> Outcome:
    """Plan from a pilot, and run the experiment."""
    pair = PairPower(found=pilot(cell, skills, seed), one=0, other=1, rope=ROPE, seed=seed)
    refits = pair.fewest(cell.ahead[1], "better", POWER)
    if refits is None or refits > MOST:
        return Outcome(None, promised=0.0, better=False)
    found = experiment(replace(cell, refits=refits), skills, seed + 500_000, rope=ROPE).judged
    assert found is not None  # noqa: S101 - no refit fails
    ends = ((pair.one, pair.other, pair.verdict) for pair in found.pairs)
    promised = pair.power(cell.ahead[1], refits, "better")
    return Outcome(refits, promised, better=("a0", "a1", "better") in ends)


def outcomes(cell: Cell, experiments: int, *, over: Map = in_turn) -> list[Outcome]:
    """Return many plans and what came of them."""
    one = partial(planned, cell, Skills.of(cell))
    return over(one, range(1_000_000, 1_000_000 + experiments))


def main(experiments: int, processes: int) -> None:
    """Print the table."""
    begun = time.perf_counter()
    print("| plan | no number of refits | refits planned: median (10 to 90 %) | promised | reached |")
    print("| --- | --- | --- | --- | --- |")
    with side_by_side(processes) as over:
        for name, cell in PLANS.items():
            found = outcomes(cell, experiments, over=over)
            refits = [each.refits for each in found if each.refits is not None]
            promised = 100 * sum(each.promised for each in found) / len(refits)
            low, middle, high = np.quantile(refits, (0.1, 0.5, 0.9))
            none = Share(1 - len(refits) / len(found), len(found))
            reached = Share(sum(each.better for each in found) / len(refits), len(refits))
            planned_refits = f"{middle:.0f} ({low:.0f} to {high:.0f})"
            print(f"| {name} | {none} | {planned_refits} | {promised:.1f} % | {reached} |", flush=True)
    print(f"{time.perf_counter() - begun:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("experiments", type=int, nargs="?", default=1000)
    options.add_argument("--processes", type=int, default=2)
    given = options.parse_args()
    main(given.experiments, given.processes)

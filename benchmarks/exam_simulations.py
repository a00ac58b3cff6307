"""Do the statements about an exam hold? Simulated experiments in which every true score is known.

``python -m benchmarks.exam_simulations`` prints the tables of docs/statistics.md ("The exam"). Where the
experiments come from is in ``benchmarks/exam_world.py``; those with a search before are in
``benchmarks/exam_selection.py``.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np

from benchmarks.exam_facts import Facts, facts
from benchmarks.exam_selection import print_selection
from benchmarks.exam_world import Cell, Outcome, Skills, experiment
from benchmarks.shares import Share
from benchmarks.side_by_side import Map, in_turn, side_by_side

#: Half the width of the region of practical equivalence.
ROPE = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What many experiments came to.

    Attributes:
        here: means of the facts, given each experiment's training set.
        elsewhere: the same, if what is said is taken as said of other training sets.
        left_out: share of architectures that had too few refits left.
        experiments: number of experiments with a judgement.
    """

    here: Facts
    elsewhere: Facts
    left_out: float
    experiments: int

    def share(self, value: float) -> Share:
        """Return a share with its Monte Carlo error."""
        return Share(value, self.experiments)


def rates(cell: Cell, experiments: int, *, rope: float = ROPE, seed: int = 1, over: Map = in_turn) -> Rates:
    """Run experiments of one kind."""
    one = partial(_one, cell, Skills.of(cell), rope)
    ran = over(one, range(1_000_000 * seed, 1_000_000 * seed + experiments))
    both = [found for found, _ in ran if found]
    return Rates(
        here=_mean([here for here, _ in both]),
        elsewhere=_mean([elsewhere for _, elsewhere in both]),
        left_out=sum(left for _, left in ran) / len(ran) / len(cell.ahead),
        experiments=len(both),
    )


def _one(cell: Cell, skills: Skills, rope: float, seed: int) -> tuple[tuple[Facts, Facts] | None, int]:
    found: Outcome = experiment(cell, skills, seed, rope=rope)
    if found.judged is None:
        return None, found.left_out
    return (facts(found.judged, found.truth), facts(found.judged, found.elsewhere)), found.left_out


def _mean(ran: Sequence[Facts]) -> Facts:
    return Facts(**{
        each.name: float(np.mean([getattr(one, each.name) for one in ran])) for each in fields(Facts)
    })  # fmt: skip


SIX_EQUAL, SIX_STEPS, THREE = (0.0,) * 6, (0.0, 0.005, 0.01, 0.01, 0.02, 0.04), (0.0, 0.005, 0.01)
RARE = (0.6, 0.25, 0.1, 0.05)

#: Seeds as they are as a rule: 93 to 97 % and 95 % are promised.
NEAR_NORMAL: dict[str, Cell] = {
    "two equal, 1,000 images": Cell(ahead=(0.0, 0.0)),
    "the same, each refit draws its mistakes": Cell(ahead=(0.0, 0.0), mistakes="anew"),
    "two, the region apart": Cell(ahead=(0.0, 0.005)),
    "two, twice the region apart": Cell(ahead=(0.0, 0.01)),
    "two equal, 10,000 images, calm seeds, 20 refits": Cell(
        ahead=(0.0, 0.0), images=10_000, refits=20, seed_spread=0.002
    ),
    "two, the region apart, 10,000 images, 20 refits": Cell(ahead=(0.0, 0.005), images=10_000, refits=20),
    "two equal, wild seeds": Cell(ahead=(0.0, 0.0), seed_spread=0.02),
    "six equal": Cell(ahead=SIX_EQUAL),
    "six equal, wild seeds": Cell(ahead=SIX_EQUAL, seed_spread=0.02),
    "six in steps": Cell(ahead=SIX_STEPS),
    "six in steps, 10,000 images": Cell(ahead=SIX_STEPS, images=10_000),
    "six, five of them the region behind, 4,000 images": Cell(ahead=(0.0, *(0.005,) * 5), images=4000),
    "six in steps, nearly the same mistakes": Cell(ahead=SIX_STEPS, own=0.2),
    "six in steps, classes 60 : 25 : 10 : 5": Cell(ahead=SIX_STEPS, frequencies=RARE, drawn=True),
    "three in steps, 10 % of the refits fail": Cell(ahead=THREE, failing=0.1),
    "three in steps, 30 % of the refits fail": Cell(ahead=THREE, failing=0.3),
    "40 images, ten of each class": Cell(ahead=(0.0, 0.0), images=40),
    "20 groups of five": Cell(ahead=(0.0, 0.0), images=100, of_group=5),
    "60 groups of five, six in steps": Cell(ahead=SIX_STEPS, images=300, of_group=5),
}

#: Other metrics than macro-F1, near-normal seeds: the same is promised.
OTHER_METRICS: dict[str, Cell] = {
    "accuracy, two equal": Cell(ahead=(0.0, 0.0), metric="accuracy"),
    "accuracy, six in steps": Cell(ahead=SIX_STEPS, metric="accuracy"),
    "balanced accuracy, six in steps, 60 : 25 : 10 : 5": Cell(
        ahead=SIX_STEPS, frequencies=RARE, drawn=True, metric="balanced_accuracy"
    ),
    "recall of a class with 50 of 1,000 images, two equal": Cell(
        ahead=(0.0, 0.0), frequencies=RARE, metric="recall:3:rare"
    ),
    "the same, six in steps": Cell(ahead=SIX_STEPS, frequencies=RARE, metric="recall:3:rare"),
    "recall of a class with 20 of 400 images, two equal": Cell(
        ahead=(0.0, 0.0), frequencies=RARE, images=400, metric="recall:3:rare"
    ),
    "recall, 60 groups of five": Cell(ahead=(0.0, 0.0), images=300, of_group=5, metric="recall:3:c"),
}

#: Other seeds: 90 % and 93 % are promised.
OTHER_SEEDS: dict[str, Cell] = {
    "two equal, skewed seeds": Cell(ahead=(0.0, 0.0), noise="skewed", seed_spread=0.02),
    "six equal, skewed seeds": Cell(ahead=SIX_EQUAL, noise="skewed", seed_spread=0.02),
    "two equal, unequal seeds": Cell(ahead=(0.0, 0.0), noise="unequal", seed_spread=0.01),
    "six equal, unequal seeds": Cell(ahead=SIX_EQUAL, noise="unequal", seed_spread=0.01),
}

#: Nothing is promised.
OUTSIDE: dict[str, Cell] = {
    "three refits, six equal": Cell(ahead=SIX_EQUAL, refits=3),
    "three refits, six equal, skewed seeds": Cell(
        ahead=SIX_EQUAL, refits=3, noise="skewed", seed_spread=0.02
    ),
    "one refit in ten collapses by 8 points": Cell(ahead=(0.0, 0.0), noise="collapsing", seed_spread=0.02),
    "100 images, score 0.98": Cell(ahead=(0.0, 0.0), images=100, score=0.98),
}

#: What the training set does to a score, as a standard deviation, with two designs.
TRAINING = (0.0, 0.002, 0.004, 0.006)
DESIGNS: dict[str, Cell] = {
    "six equal, 1,000 images, 5 refits": Cell(ahead=SIX_EQUAL),
    "two equal, 10,000 images, 20 refits, calm seeds": Cell(
        ahead=(0.0, 0.0), images=10_000, refits=20, seed_spread=0.002
    ),
}


def print_cells(cells: dict[str, Cell], experiments: int, over: Map) -> None:
    """Print a table of cells, a row each."""
    print(
        "| experiments | covers the score | set holds the best (size) | some pair wrong | pairs decided | "
        "'use any' wrong | regret held |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, cell in cells.items():
        found = rates(cell, _number(cell, experiments), over=over)
        here, share = found.here, found.share
        left = f" (left out: {100 * found.left_out:.1f} %)" if cell.failing else ""
        print(
            f"| {name}{left} | {share(here.covers)} | {share(here.best_held)} ({here.members:.1f}) | "
            f"{share(here.wrong)} | {100 * here.decided:.0f} % | {share(here.use_any_wrong)} | "
            f"{share(here.regret_held)} |",
            flush=True,
        )


def print_training(experiments: int, over: Map) -> None:
    """Print the table of training sets' effects."""
    print(
        "| experiments | effect of the training set | this training set: covers | set holds the best | "
        "some pair wrong | others: covers | set holds the best | some pair wrong |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, design in DESIGNS.items():
        for effect in TRAINING:
            cell = replace(design, training=effect)
            found = rates(cell, _number(cell, experiments), over=over)
            shares = (
                found.share(value)
                for each in (found.here, found.elsewhere)
                for value in (each.covers, each.best_held, each.wrong)
            )
            print(f"| {name} | {100 * effect:.1f} points | {' | '.join(map(str, shares))} |", flush=True)


def _number(cell: Cell, experiments: int) -> int:
    return experiments if cell.images < 5000 else max(1, experiments // 2)


#: The tables by name, as ``--only`` asks for them.
TABLES: dict[str, Callable[[int, Map], None]] = {
    "near-normal": partial(print_cells, NEAR_NORMAL),
    "other-metrics": partial(print_cells, OTHER_METRICS),
    "other-seeds": partial(print_cells, OTHER_SEEDS),
    "outside": partial(print_cells, OUTSIDE),
    "selection": print_selection,
    "training-sets": print_training,
}


def main(words: Sequence[str] | None = None) -> None:
    """Print the tables."""
    reader = argparse.ArgumentParser(prog="python -m benchmarks.exam_simulations", description=__doc__)
    reader.add_argument("experiments", nargs="?", type=int, default=2000, help="in each row (2000)")
    reader.add_argument("--processes", type=int, default=2, help="side by side (2)")
    reader.add_argument("--only", choices=TABLES, help="one of the tables")
    asked = reader.parse_args(words)
    with side_by_side(asked.processes) as over:
        for name in [asked.only] if asked.only else TABLES:
            begun = time.perf_counter()
            TABLES[name](asked.experiments, over)
            print(flush=True)
            print(f"{name}: {time.perf_counter() - begun:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()

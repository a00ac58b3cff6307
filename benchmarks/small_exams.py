"""How small may an exam be? Coverage of a score's interval with few images of a class, or few groups.

``python -m benchmarks.small_exams`` prints the tables of docs/statistics.md ("Small exams"). One architecture
is judged by five refits; experiments are those of ``benchmarks/exam_world.py``.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.exam_simulations import rates
from benchmarks.exam_world import Cell
from benchmarks.side_by_side import Map, side_by_side

#: Images of the rarest of four classes, on average, and numbers of groups.
RAREST, GROUPS = (1, 2, 3, 5, 10, 20), (5, 10, 15, 20, 40)

#: Images of an exam with a rare class, and of each group.
IMAGES, OF_GROUP = 400, 5


def rare(images: float) -> Cell:
    """Return exams that have so many images of the rarest class on average; the other classes are alike."""
    share = images / IMAGES
    frequencies = (*((1 - share) / 3,) * 3, share)
    return Cell(ahead=(0.0,), images=IMAGES, frequencies=frequencies, drawn=True)


def grouped(groups: int, *, mixed: bool) -> Cell:
    """Return exams of so many groups, each of one class, or each with images of all classes."""
    return Cell(ahead=(0.0,), images=groups * OF_GROUP, of_group=OF_GROUP, mixed=mixed)


def print_rare(experiments: int, over: Map) -> None:
    """Print the table of rare classes."""
    print("| images of the rarest class, on average | seeds 0.5 points | seeds 2 points |")
    print("| --- | --- | --- |")
    for images in RAREST:
        cells = (replace(rare(images), seed_spread=spread) for spread in (0.005, 0.02))
        _print_row(images, [*cells], experiments, over)


def print_groups(experiments: int, over: Map) -> None:
    """Print the table of groups."""
    print("| groups of five images | each of one class | classes mixed |")
    print("| --- | --- | --- |")
    for groups in GROUPS:
        cells = [grouped(groups, mixed=mixed) for mixed in (False, True)]
        _print_row(groups, cells, experiments, over)


def _print_row(name: int, cells: Sequence[Cell], experiments: int, over: Map) -> None:
    found = (rates(cell, experiments, over=over) for cell in cells)
    print(f"| {name} | {' | '.join(str(each.share(each.here.covers)) for each in found)} |", flush=True)


def main(words: Sequence[str] | None = None) -> None:
    """Print the tables."""
    reader = argparse.ArgumentParser(prog="python -m benchmarks.small_exams", description=__doc__)
    reader.add_argument("experiments", nargs="?", type=int, default=1000, help="in each cell (1000)")
    reader.add_argument("--processes", type=int, default=2, help="side by side (2)")
    asked = reader.parse_args(words)
    begun = time.perf_counter()
    with side_by_side(asked.processes) as over:
        print_rare(asked.experiments, over)
        print()
        print_groups(asked.experiments, over)
    print(f"{time.perf_counter() - begun:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()

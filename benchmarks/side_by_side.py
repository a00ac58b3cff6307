"""Experiments side by side in several processes, with results that do not depend on how many there are."""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

Found = TypeVar("Found")


class Map(Protocol):
    """Calls a function for each seed; the results are in the seeds' order."""

    def __call__(self, function: Callable[[int], Found], seeds: Iterable[int]) -> list[Found]:
        """Return the function's results."""


def in_turn(function: Callable[[int], Found], seeds: Iterable[int]) -> list[Found]:
    """Call a function for each seed, in this process."""
    return [function(seed) for seed in seeds]


@contextmanager
def side_by_side(processes: int) -> Iterator[Map]:
    """Give what calls a function that can be pickled for each seed, in so many processes of one thread."""
    if processes < 2:
        yield in_turn
        return
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # read when a process imports NumPy
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:

        def spread(function: Callable[[int], Found], seeds: Iterable[int]) -> list[Found]:
            return list(pool.map(function, seeds, chunksize=20))

        yield spread

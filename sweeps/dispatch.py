"""Which of the waiting fits a free worker takes: decides only how fast a sweep goes, never what it finds."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def choose(
    waiting: Sequence[Item],
    group: Callable[[Item], Hashable],
    *,
    worker: str,
    last: Mapping[str, Hashable],
) -> Item:
    """Choose the fit that ``worker`` takes from ``waiting`` (not empty, most urgent first).

    Fits of one trial share a compiled trace, so a worker stays with the trial it worked on last and otherwise
    begins one that no other worker is at; failing that it helps with the most urgent.

    Args:
        waiting: fits that may run.
        group: the trial that a fit belongs to.
        worker: the free worker.
        last: the trial each worker took a fit of last.
    """
    own = [item for item in waiting if group(item) == last.get(worker)]
    others = {trial for name, trial in last.items() if name != worker}
    untouched = [item for item in waiting if group(item) not in others]
    return (own or untouched or list(waiting))[0]

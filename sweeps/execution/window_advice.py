"""What a sweep could ask for so that its workers do not idle: a rule of thumb from ``benchmarks.scaling``."""

import math

from sweeps.definition.plan import Plan

#: So many trials have to be open for each worker beyond the first. In simulated sweeps of one, three and six
#: architectures on 2 to 16 workers, one of them three times as slow, that kept them busy for 81 to 96 % of
#: their time with default pruning, whose first fold is a gate and mostly all there is, else for 87 to 97 %.
TRIALS_A_WORKER, TRIALS_A_WORKER_UNPRUNED = 5, 3


def window_for(workers: int, *, architectures: int, trials: int, pruned: bool) -> int:
    """Return the smallest window of the search that should keep the workers busy.

    >>> window_for(2, architectures=6, trials=40, pruned=True)
    1
    >>> window_for(16, architectures=6, trials=40, pruned=True)
    13

    Args:
        workers: at least 1.
        architectures: in the sweep, at least 1.
        trials: of each architecture; a wider window would mean nothing.
        pruned: whether trials are pruned.
    """
    needed = (TRIALS_A_WORKER if pruned else TRIALS_A_WORKER_UNPRUNED) * (workers - 1)
    return min(trials, max(1, math.ceil(needed / architectures)))


def window_advice(plan: Plan, workers: int) -> str | None:
    """Return one line for a sweep that will leave workers idle, None for one that should not."""
    wanted = window_for(
        workers,
        architectures=len(plan.architectures),
        trials=plan.trials,
        pruned=plan.prune.enabled,
    )
    if plan.search.window >= wanted:
        return None
    return (
        f"search.window = {plan.search.window} leaves some of {workers} workers idle; a new sweep with "
        f"{wanted} would keep most of them busy, and search a little more blindly"
    )

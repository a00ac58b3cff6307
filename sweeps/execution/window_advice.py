"""The search window that keeps a sweep's workers busy: a rule of thumb from ``benchmarks.scaling``."""

import math

from sweeps.definition.plan import Plan

#: Number of trials that have to be open for each worker beyond the first; with pruning, and without. In
#: simulated sweeps of one, three and six architectures on 2 to 16 workers, one of them three times as slow,
#: this kept the workers busy for 81 to 96 % of their time with default pruning, where most trials train their
#: first fold only, and for 87 to 97 % without pruning.
TRIALS_A_WORKER, TRIALS_A_WORKER_UNPRUNED = 5, 3


def window_for(workers: int, *, architectures: int, trials: int, pruned: bool) -> int:
    """Return the smallest window of the search that should keep the workers busy.

    >>> window_for(2, architectures=6, trials=40, pruned=True)
    1
    >>> window_for(16, architectures=6, trials=40, pruned=True)
    13

    Args:
        workers: number of workers, at least 1.
        architectures: number of architectures in the sweep, at least 1.
        trials: number of trials of each architecture; no window needs to be wider.
        pruned: whether trials are pruned.
    """
    needed = (TRIALS_A_WORKER if pruned else TRIALS_A_WORKER_UNPRUNED) * (workers - 1)
    return min(trials, max(1, math.ceil(needed / architectures)))


def window_advice(plan: Plan, workers: int) -> str | None:
    """Return one line of advice if the sweep will leave workers idle, else None."""
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
        f"{wanted} would keep most of them busy, but each of its proposals knows fewer outcomes"
    )

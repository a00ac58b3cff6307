"""What a sweep could ask for so that its workers do not idle: a rule of thumb from ``benchmarks.scaling``."""

import math

from sweeps.spec import Plan

#: With so many open trials a worker, simulated sweeps of one, three and six architectures kept 2 to 16
#: workers busy for 86 to 99 % of their time: the first fold a gate, one worker three times as slow.
TRIALS_A_WORKER = 2


def window_for(workers: int, *, architectures: int, trials: int) -> int:
    """Return the smallest window of the search that should keep the workers busy.

    >>> window_for(2, architectures=6, trials=10), window_for(16, architectures=6, trials=40)
    (1, 6)

    Args:
        workers: at least 1.
        architectures: in the sweep, at least 1.
        trials: of each architecture; a wider window would mean nothing.
    """
    if workers == 1:
        return 1
    return min(trials, max(1, math.ceil(TRIALS_A_WORKER * workers / architectures)))


def window_advice(plan: Plan, workers: int) -> str | None:
    """Return one line for a sweep that will leave workers idle, None for one that should not."""
    wanted = window_for(workers, architectures=len(plan.architectures), trials=plan.trials)
    if plan.search.window >= wanted:
        return None
    return (
        f"search.window = {plan.search.window} will leave some of {workers} workers idle; {wanted} would "
        "keep about nine in ten busy, and search a little more blindly (a window is part of a sweep's "
        "identity: change it for a new sweep only)"
    )

"""The rule of thumb for the window, against the simulation that it comes from."""

from dataclasses import replace

import pytest

from benchmarks.scaling import COSTS, Load, share_of_ideal
from sweeps.definition.spec import Prune, Search
from sweeps.execution.window_advice import window_advice, window_for
from tests.closed_formula import plan


@pytest.mark.parametrize("prune", [Prune(), Prune(enabled=False)])
@pytest.mark.parametrize(
    ("workers", "costs"),
    [(1, COSTS), (2, COSTS), (4, COSTS), (4, {"resnet": COSTS["resnet"]}), (8, COSTS)],
)
def test_the_rule_keeps_workers_busy(workers: int, costs: dict[str, float], prune: Prune) -> None:
    """At the recommended window the simulated schedule comes near the ideal."""
    load = Load(costs=costs, trials=40, prune=prune)
    window = window_for(workers, architectures=len(costs), trials=load.trials, pruned=prune.enabled)
    assert share_of_ideal(load, workers=workers, window=window) > 0.8


def test_nobody_is_told_what_changes_nothing() -> None:
    """One worker is always busy, and a window beyond the number of trials is none."""
    assert window_for(1, architectures=1, trials=9, pruned=True) == 1
    assert window_for(64, architectures=1, trials=9, pruned=True) == 9


def test_advice_is_one_line_and_only_where_workers_idle() -> None:
    """With the recommended window, or a wider one, there is none; without pruning less is enough."""
    made = plan(architectures=2, trials=40)
    said = window_advice(made, 8)
    assert said is not None
    assert said.startswith("search.window = 1 leaves some of 8 workers idle; a new sweep with 18 would")
    assert "\n" not in said
    assert window_advice(replace(made, search=Search(window=18)), 8) is None
    assert window_advice(replace(made, search=Search(window=11), prune=Prune(enabled=False)), 8) is None
    assert window_advice(made, 1) is None

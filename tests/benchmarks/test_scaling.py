"""The simulation of the schedule, where the answer is known."""

from dataclasses import replace

import pytest

from benchmarks.scaling import Load, main, measure, needed_window, share_of_ideal, table
from sweeps.definition.spec import Prune

EVEN = Load(
    costs={"a": 1.0, "b": 1.0}, trials=6, folds=4, spread=0.0, straggler=1.0, prune=Prune(enabled=False)
)


def test_one_worker_is_always_busy() -> None:
    """There is always a fit that may run, whatever the window."""
    for window in (1, 3):
        assert share_of_ideal(EVEN, workers=1, window=window) == pytest.approx(1.0)


def test_more_workers_than_fits_in_the_window_idle() -> None:
    """Two architectures with four folds each keep at most eight workers busy at window 1."""
    assert share_of_ideal(EVEN, workers=16, window=1) <= 0.5 + 1e-9
    assert share_of_ideal(EVEN, workers=64, window=1) <= 0.125 + 1e-9


def test_a_wider_window_helps_where_workers_idle() -> None:
    """And what is opened at once is at most all there is."""
    shares = [share_of_ideal(EVEN, workers=16, window=window) for window in (1, 2, 6)]
    assert shares[0] < shares[1] < shares[2] <= 1.0


def test_the_gate_of_pruning_costs() -> None:
    """The first fold runs alone: fewer workers of many are busy at window 1."""
    gated = replace(EVEN, prune=Prune(margin=1.0, keep=1.0))
    assert share_of_ideal(gated, workers=8, window=1) < share_of_ideal(EVEN, workers=8, window=1)


def test_a_straggler_costs_more_than_its_share() -> None:
    """Against what the workers can do with it included."""
    slow = replace(EVEN, straggler=4.0)
    assert share_of_ideal(slow, workers=4, window=1) < share_of_ideal(EVEN, workers=4, window=1)


def test_the_same_simulation_gives_the_same_share() -> None:
    """Costs are drawn by name."""
    load = Load(costs={"a": 1.0, "b": 3.0}, trials=4)
    assert share_of_ideal(load, workers=4, window=2) == share_of_ideal(load, workers=4, window=2)


def test_the_table_names_the_window_that_is_enough() -> None:
    """A column for each number of workers; where no window is enough it says so."""
    shares = measure(EVEN, (1, 64), (1, 2))
    lines = table(shares).splitlines()
    assert lines[0] == "| window | 1 worker | 64 workers |"
    assert lines[-1] == "| 90% from | 1 | not by 2 |"
    assert needed_window({1: 0.2}) is None


def test_wrong_arguments_get_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is simulated."""
    with pytest.raises(SystemExit):
        main(["--folds", "1"])
    assert "2 folds" in capsys.readouterr().err

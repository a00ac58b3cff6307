"""The stopwatch, and the overhead of a few made-up trials for real."""

import math
from pathlib import Path

import pytest

from benchmarks.overhead import LOOP, MLFLOW, Overhead, fill, made_up_plan, main, measure, table
from benchmarks.stopwatch import Stopwatch
from sweeps.execution import loop
from tests.closed_formula import prepared
from tracking.ledger.ledger import Ledger
from trainer.fits.specs import FitSpec


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    def work(self) -> str:
        """Take two seconds."""
        self.now += 2.0
        return "done"


def test_each_part_is_counted_without_what_is_inside() -> None:
    """Seconds go to the innermost part, also those of functions that are watched; they are put back after."""
    clock = Clock()
    watch = Stopwatch(clock)
    watch.watch("inner", clock, "work")
    with watch.part("outer"):
        clock.now += 1.0
        assert clock.work() == "done"
        clock.now += 3.0
    assert dict(watch.seconds) == {"inner": 2.0, "outer": 4.0}
    watch.let_go()
    watch.restart()
    clock.work()
    assert dict(watch.seconds) == {}


def test_a_made_up_ledger_is_a_real_one(tmp_path: Path) -> None:
    """Every trial is complete, and proposals and fits are what the sweep itself would look up."""
    made = prepared(made_up_plan(4))
    fill(made, tmp_path, 3)
    with Ledger.open(tmp_path) as ledger:
        ledger.check_integrity()
        record = ledger.sweep(made.spec.name)
    assert [(trial.number, trial.state, len(trial.folds)) for trial in record.trials] == [
        (number, "complete", 5) for number in range(3)
    ]


@pytest.mark.slow
def test_all_parts_are_measured() -> None:
    """Every part of the loop and of MLflow's writer takes some time, and nothing stays replaced."""
    before = (vars(loop)["propose"], vars(loop)["choose"], Ledger.add_run, FitSpec.key)
    found = measure(3, 1)
    assert (vars(loop)["propose"], vars(loop)["choose"], Ledger.add_run, FitSpec.key) == before
    for parts, names in ((found.loop, LOOP), (found.mlflow, MLFLOW)):
        assert tuple(parts) == names
        assert all(math.isfinite(value) and value > 0 for value in parts.values())
    assert found.resume_s > 0


def test_the_tables_add_up() -> None:
    """A row for each length, the sum at the end."""
    row = Overhead(
        trials=1000, loop=dict.fromkeys(LOOP, 2.0), mlflow=dict.fromkeys(MLFLOW, 3.0), resume_s=1.5
    )
    lines = table([row]).splitlines()
    assert lines[2] == "| 1,000 | 2.0 | 2.0 | 2.0 | 2.0 | 2.0 | 10.0 | 1.5 s |"
    assert lines[-1] == "| 1,000 | 3.0 | 3.0 | 3.0 | 3.0 | 3.0 | 15.0 |"


@pytest.mark.parametrize("given", [["--trials", "ten"], ["--trials", "10", "--last", "10"]])
def test_wrong_arguments_get_one_line(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is measured."""
    with pytest.raises(SystemExit):
        main(given)
    assert "--trials" in capsys.readouterr().err

"""What ls and show print of recorded sweeps: at 60, 80 and 200 columns no word and no value is broken."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.cli import tables
from sweeps.execution.loop import run_sweep
from sweeps.execution.progress import Silent
from tests.closed_formula import InlineWorkers, Killed, plan, prepared, starter
from tests.command import refold
from tracking.ledger.ledger import Ledger
from tracking.records import SweepRecord
from tracking.reports.text_table import cell_length

#: An architecture's name as somebody may choose it.
LONG = "convolutional_network_with_attention"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a finished sweep, one with a long name in it, and one that was killed."""
    folder = tmp_path_factory.mktemp("widths")
    made = plan(trials=4)
    longer = replace(made, architectures=(replace(made.architectures[0], name=LONG), made.architectures[1]))
    with Ledger.open(folder) as ledger:
        for name, each, workers in (
            ("made-up", made, InlineWorkers(1)),
            ("a-sweep-with-a-long-name-of-its-own", longer, InlineWorkers(1)),
            ("killed", replace(made, seed=7), InlineWorkers(1, kill_after=2)),
        ):
            try:
                run_sweep(
                    prepared(each, name), folder, ledger, start_workers=starter(workers), workers=1,
                    progress=Silent(),
                )  # fmt: skip
            except Killed:
                assert name == "killed"
    return folder


def records(home: Path) -> list[SweepRecord]:
    """Return the recorded sweeps."""
    with Ledger.read(home) as ledger:
        return [ledger.sweep(name) for name in ledger.sweep_names()]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_every_table_fits_and_breaks_nothing(home: Path, width: int) -> None:
    """Leaderboard, trials, folds and list of sweeps, with long names: each hyperparameter is whole."""
    made = records(home)
    lines = tables.sweeps_table(made).lines(width)
    for record in made:
        trials = tables.trials_table(record, live=False).lines(width)
        words = {word for line in trials for word in line.split()}
        for trial in record.trials:
            assert trial.name in words
            if trial.reason is None:
                assert {f"{name}=" in " ".join(words) for name in trial.hyperparameters} == {True}
                assert f"learning_rate={trial.hyperparameters['learning_rate']:.4g}" in words
        lines += [*trials, *tables.leaderboard(record).lines(width)]
        lines += tables.folds_table(record.trials[0]).lines(width)
    assert max(map(cell_length, lines)) <= width


def test_what_was_interrupted_is_called_so(home: Path) -> None:
    """Nobody holds the ledger, so nobody trains; while somebody does, a trial may be running."""
    killed = refold("show", "killed", "--home", str(home), cwd=home).stdout
    assert "interrupted" in killed
    assert "running" not in killed
    with Ledger.open(home):
        assert "running" in refold("show", "killed", "--home", str(home), cwd=home).stdout


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "gone"), [("y\n", True), ("y", True), ("n\n", False), ("", False)])
def test_rm_reads_its_answer_from_a_pipe(home: Path, tmp_path: Path, answer: str, gone: bool) -> None:
    """As from a terminal; without an answer nothing is removed, and the line says what to do."""
    place = tmp_path / "home"
    place.mkdir()
    with Ledger.open(place) as ledger:
        made = prepared(plan(trials=1, architectures=1))
        run_sweep(made, place, ledger, start_workers=starter(InlineWorkers(1)), workers=1, progress=Silent())
    done = subprocess.run(
        [sys.executable, "-m", "refold", "rm", "made-up", "--home", str(place), "--keep-mlflow"],
        input=answer, capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "REFOLD_HOME"},
    )  # fmt: skip
    assert done.returncode == (0 if gone else 2)
    assert ("nothing was removed: answer y, or add --yes" in done.stderr) is not gone
    with Ledger.read(place) as ledger:
        assert (ledger.sweep_names() == []) is gone

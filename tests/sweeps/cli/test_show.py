"""What ``show`` says of one trial."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.cli.main import grammar
from sweeps.definition.plan import Plan
from sweeps.execution.loop import run_sweep
from sweeps.execution.progress import Silent
from tests.closed_formula import InlineWorkers, plan, prepared, starter
from tracking.ledger.ledger import Ledger
from trainer.hyperparameters import Fixed


def recorded(made: Plan, home: Path) -> None:
    """Record a sweep; a formula trains."""
    workers = starter(InlineWorkers(1))
    with Ledger.open(home) as ledger:
        run_sweep(prepared(made), home, ledger, start_workers=workers, workers=1, progress=Silent())


def shown(capsys: pytest.CaptureFixture[str], home: Path, *arguments: str) -> str:
    """Return what ``refold show`` prints."""
    options = grammar().parse(["show", "made-up", *arguments, "--home", str(home)])
    assert options.action(options) == 0
    return capsys.readouterr().out


def test_given_values_are_told_from_proposed_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a starting point, and of the trials after it."""
    made = plan(architectures=1, trials=2)
    (alpha,) = made.architectures
    recorded(replace(made, architectures=(replace(alpha, start=({"dropout": 0.125},)),)), tmp_path)
    text = shown(capsys, tmp_path, "--trial", "alpha/0")
    assert "alpha/0: complete, a starting point, the rest proposed with seed" in text
    assert "dropout          0.125 (given)" in text
    assert text.count("(given)") == 1
    assert json.loads(shown(capsys, tmp_path, "--trial", "alpha/0", "--json"))["given"] == {"dropout": 0.125}
    text = shown(capsys, tmp_path, "--trial", "alpha/1")
    assert ", proposed with seed" in text
    assert "given" not in text


def test_a_schedule_is_shown_with_its_first_and_its_last_rate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of fold 0, in one line; without a schedule there is none."""
    made = plan(architectures=1, trials=1)
    (alpha,) = made.architectures
    fixed = {"schedule": Fixed("step"), "decay_every": Fixed(1), "learning_rate": Fixed(0.001)}
    recorded(
        replace(made, architectures=(replace(alpha, space={**alpha.space, **fixed}),)), tmp_path / "with"
    )
    text = shown(capsys, tmp_path / "with", "--trial", "alpha/0")
    (line,) = [line.strip() for line in text.splitlines() if "of fold 0" in line]
    with Ledger.read(tmp_path / "with") as ledger:
        epochs = ledger.sweep("made-up").trials[0].folds[0].run.result.epochs
    last = f"{epochs[-1].learning_rate} in epoch {len(epochs)}"
    assert line == f"schedule step: learning rate of fold 0: 0.001 in epoch 1, {last}"
    assert epochs[-1].learning_rate == pytest.approx(0.001 * 0.1 ** (len(epochs) - 1))
    recorded(made, tmp_path / "without")
    assert "of fold 0" not in shown(capsys, tmp_path / "without", "--trial", "alpha/0")

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

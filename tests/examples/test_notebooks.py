"""The notebooks in ``examples`` do what they say."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.notebook import code_cells

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
DIGITS = ROOT / "examples" / "digits.ipynb"


def executed(folder: Path, *skipped: str) -> list[dict[str, Any]]:
    """Run the digits notebook in a folder; return what its cells showed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.notebook", str(DIGITS), *skipped],
        cwd=ROOT,
        env={**os.environ, "REFOLD_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.name for path in NOTEBOOKS])
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    """Its cells are Python, have ids, and say nothing of whoever ran them last."""
    for cell in code_cells(path):
        assert (cell["outputs"], cell["execution_count"]) == ([], None)
        assert cell["id"]
        ast.parse("".join(cell["source"]))


@pytest.mark.slow
@pytest.mark.training
def test_the_digits_notebook_runs_and_shows_its_sweep(tmp_path: Path) -> None:
    """Arrays and a class from a cell are swept; the leaderboard is a table, plots are pictures."""
    shown = executed(tmp_path, "slow")
    leaderboard, trials, curves, confusion, best = shown
    assert leaderboard["text"].startswith("sweep digits-notebook: 6 of 6 trials ended, digest ")
    assert all(name in leaderboard["text"] for name in ("lenet", "baseline", "TinyNet"))
    assert leaderboard["forms"] == trials["forms"] == ["html"]
    assert "png" in curves["forms"]
    assert "png" in confusion["forms"]
    assert best["text"].startswith("TrialSummary(trial='")


@pytest.mark.slow
@pytest.mark.training
def test_the_digits_notebook_compares_and_takes_its_model_home(tmp_path: Path) -> None:
    """The whole of it: which is better, predictions of the exported model, and the model itself."""
    texts = [each["text"] for each in executed(tmp_path)]
    assert "% confidence" in texts[4]
    assert "Next: " in texts[4]
    assert len(ast.literal_eval(texts[5])) == 5
    assert int(texts[6]) > 1000

"""The command as a user types it: what it printed, what it ended with."""

import contextlib
import gc
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from tests.processor import python_path

ROOT = Path(__file__).parents[1]

#: Two networks, two trials, two folds on a few digits: eight short fits.
SWEEP = """
name = "tiny"
trials = 2
[dataset]
source = "digits"
samples = 200
[cv]
folds = 2
epochs = 3
[architectures.lenet]
batch_size = 32
[architectures.baseline]
optimizer = "adam"
"""


#: The same for ``tests.formula_command``, whose formula knows two classes and fails with much dropout.
FORMULA_SWEEP = """
name = "tiny"
trials = 2
dataset = "two-classes.npz"
[cv]
folds = 2
epochs = 3
[architectures.lenet]
batch_size = 32
dropout = 0.1
[architectures.baseline]
optimizer = "adam"
dropout = 0.1
"""


class Command:
    """A program that a user may type.

    Args:
        module: what Python runs.
        variables: for its environment.
    """

    def __init__(self, module: str, **variables: str) -> None:
        self._module, self._variables = module, variables

    def words(self, *arguments: str) -> list[str]:
        """Return the command, to be started with ``environment``."""
        return [sys.executable, "-m", self._module, *arguments]

    def __call__(self, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run it in a folder of its own."""
        return subprocess.run(
            self.words(*arguments),
            cwd=cwd,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def started(self, *arguments: str, cwd: Path) -> "subprocess.Popen[str]":
        """Start it, to read its progress as it goes."""
        words = self.words(*arguments)
        return subprocess.Popen(words, cwd=cwd, env=self.environment, stderr=subprocess.PIPE, text=True)

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the caller's MLflow or home settings, and where the tests are."""
        clean = {k: v for k, v in os.environ.items() if k not in ("REFOLD_HOME", "MLFLOW_TRACKING_URI")}
        path = {} if self._module == "refold" else {"PYTHONPATH": python_path(ROOT)}
        return clean | path | self._variables


refold = Command("refold")


def here(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in this process, where all imports are there already: for answers without training."""
    from sweeps.cli.main import main

    threshold, out, err = gc.get_threshold(), io.StringIO(), io.StringIO()
    variables = {**refold.environment, **environment}
    with (
        contextlib.chdir(cwd),
        patch.dict(os.environ, variables, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main(arguments)
    gc.set_threshold(*threshold)
    code = ended.value.code
    assert isinstance(code, int)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def write_two_classes(folder: Path) -> None:
    """Write the data of ``FORMULA_SWEEP``: two images a fold, as many as the formula predicts."""
    images = np.arange(4 * 64, dtype=np.uint8).reshape(4, 8, 8)
    np.savez(
        folder / "two-classes.npz", images=images, labels=np.arange(4) % 2,
        test_images=images[::-1], test_labels=np.arange(4) % 2,
    )  # fmt: skip


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that wrong input gets."""
    lines = done.stderr.splitlines()
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]


def shown(folder: Path, home: str = "refold-runs") -> dict[str, object]:
    """Return ``refold show tiny --json``."""
    done = refold("show", "tiny", "--json", "--home", home, cwd=folder)
    assert done.returncode == 0, done.stderr
    value: dict[str, object] = json.loads(done.stdout)
    return value

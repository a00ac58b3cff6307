"""The command as a user types it: what it printed, what it ended with."""

import json
import os
import subprocess
import sys
from pathlib import Path

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


def refold(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder of its own, with nothing of the caller's MLflow or home settings."""
    clean = {k: v for k, v in os.environ.items() if k not in ("REFOLD_HOME", "MLFLOW_TRACKING_URI")}
    return subprocess.run(
        [sys.executable, "-m", "refold", *arguments],
        cwd=cwd,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


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

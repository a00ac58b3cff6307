"""It runs in anybody's folder, whatever modules the user keeps there."""

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests import hostile
from tests.cluster import Cluster
from tests.command import refold, shown
from tests.processor import python_path

SWEEP = """
name = "tiny"
trials = {trials}
[dataset]
source = "digits"
samples = 100
[cv]
folds = 2
epochs = 1
[architectures.baseline]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hostile folder with a sweep of one trial that was run there."""
    folder = hostile.fill(tmp_path_factory.mktemp("hostile"))
    asked(folder, trials=1)
    done = refold("run", "sweep.toml", "--workers", "1", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def asked(folder: Path, trials: int) -> None:
    """Ask for so many trials."""
    (folder / "sweep.toml").write_text(SWEEP.format(trials=trials))


def trials(folder: Path, home: str) -> list[object]:
    """Return what the record says of each trial."""
    found = shown(folder, home)["trials"]
    assert isinstance(found, list)
    return found


@pytest.mark.slow
@pytest.mark.training
def test_a_sweep_is_verified_and_exported(folder: Path) -> None:
    """Training processes, the converter and the one that loads the model again import their own modules."""
    for arguments in (["verify", "tiny"], ["export", "tiny", "--format", "keras", "--out", "model"]):
        done = refold(*arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
    assert len(list((folder / "model").rglob("*.keras"))) == 1


@pytest.mark.slow
@pytest.mark.training
def test_a_sweep_that_cannot_go_on_loses_nothing(folder: Path) -> None:
    """Where TensorFlow is broken: one line with what it said, exit 1, the record as before."""
    shutil.copytree(folder / "refold-runs", folder / "copy")  # the other tests' sweep stays as it is
    before = trials(folder, "copy")
    broken = folder / "broken" / "tensorflow"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('libtensorflow_cc.so.2: cannot open')\n")
    asked(folder, trials=2)
    path = python_path(broken.parent)
    done = refold("run", "sweep.toml", "--quiet", "--home", "copy", cwd=folder, PYTHONPATH=path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "refold: the training process cannot start: ImportError: libtensorflow_cc.so.2: cannot open "
        f"({broken / '__init__.py'} line 1)"
    )
    assert "Traceback" not in done.stderr
    assert trials(folder, "copy")[:1] == before


@pytest.mark.slow
@pytest.mark.training
def test_a_cluster_works_there(folder: Path) -> None:
    """Scheduler, worker and coordinator, all started in that folder."""
    asked(folder, trials=1)
    with Cluster(folder, seconds=None).running(1) as cluster:
        done = refold("run", "sweep.toml", "--cluster", cluster.address, "--home", "other", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert shown(folder, "other")["digest"] == shown(folder)["digest"]


@pytest.mark.slow
@pytest.mark.server
def test_the_ui_answers_there(folder: Path) -> None:
    """MLflow's server and its uvicorn, which look for modules where they stand."""
    command = [sys.executable, "-m", "refold", "ui", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env=os.environ) as ui:
        assert ui.stdout is not None
        said = ui.stdout.readline() + ui.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert address, said
        with urllib.request.urlopen(f"{address[0]}/health", timeout=30) as answer:  # noqa: S310  # always http
            assert answer.status == 200
        ui.send_signal(signal.SIGINT)
        assert ui.wait(30) == 0

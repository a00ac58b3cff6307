"""What refold starts imports nothing of the folder it is started in."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.runtime.python_process import ROOT, import_environment, module_command


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with a module of its own under the name of one of Python's."""
    (tmp_path / "calendar.py").write_text("raise RuntimeError('the user\\'s own')\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("entries", ["", os.pathsep, ".", "{here}", "{here}/../{name}"])
def test_a_module_is_not_taken_from_the_current_folder(
    hostile: Path, monkeypatch: pytest.MonkeyPatch, entries: str
) -> None:
    """However PYTHONPATH names that folder."""
    monkeypatch.setenv("PYTHONPATH", entries.format(here=hostile, name=hostile.name))
    command = module_command("calendar", "2026", "11")
    done = subprocess.run(command, env=import_environment(), capture_output=True, text=True, check=False)
    assert "November 2026" in done.stdout, done.stderr


def test_nor_does_a_process_that_it_starts_itself(hostile: Path) -> None:
    """MLflow starts uvicorn with a plain '-m'."""
    command = [sys.executable, "-m", "calendar", "2026", "11"]
    done = subprocess.run(command, env=import_environment(), capture_output=True, text=True, check=False)
    assert "November 2026" in done.stdout, done.stderr


def test_other_folders_of_pythonpath_stay(hostile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, made absolute: a process may be started in another folder."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["/one", "", "lib", str(hostile)]))
    found = import_environment()["PYTHONPATH"].split(os.pathsep)
    assert [entry for entry in found if entry != str(ROOT)] == ["/one", str(hostile / "lib")]


def test_refold_itself_is_found_without_being_installed(hostile: Path) -> None:
    """This process may have it from a checkout that it stands in."""
    command = [sys.executable, "-S", *module_command("trainer.runtime.memory")[1:]]
    subprocess.run(command, env=import_environment({}), check=True)


def test_no_process_is_started_in_another_way() -> None:
    """Python's own path is named in one file, and where MLflow finds the programs beside it."""
    files = [
        file for name in ("refold", "sweeps", "tracking", "trainer") for file in (ROOT / name).rglob("*.py")
    ]
    naming = {file.relative_to(ROOT).as_posix() for file in files if "sys.executable" in file.read_text()}
    assert naming == {"trainer/runtime/python_process.py", "tracking/mlflow/models/scoring.py"}
    assert not re.search(r"\[\s*sys\.executable", (ROOT / "tracking/mlflow/models/scoring.py").read_text())

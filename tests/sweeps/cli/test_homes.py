"""The home of a sweep: private unless its folder says otherwise, clean, and missed when it is gone."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.cluster import FORMULA, Process, await_true
from tests.command import FORMULA_SWEEP, Command, refold, write_two_classes
from tests.processes import gone


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a small sweep, under the usual umask."""
    write_two_classes(tmp_path)
    (tmp_path / "sweep.toml").write_text(FORMULA_SWEEP.replace("trials = 2", "trials = 1"))
    before = os.umask(0o022)
    yield tmp_path
    os.umask(before)


def modes(home: Path) -> tuple[set[str], set[str]]:
    """Return the permissions of all folders and of all files."""
    paths = [home, *home.rglob("*")]
    return (
        {oct(path.stat().st_mode & 0o777) for path in paths if path.is_dir()},
        {oct(path.stat().st_mode & 0o777) for path in paths if path.is_file()},
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("existing", "folders", "files"), [(None, "0o700", "0o600"), (0o2770, "0o770", "0o660")]
)
def test_a_home_is_private_unless_its_folder_says_otherwise(
    folder: Path, empty_database: Path, existing: int | None, folders: str, files: str
) -> None:
    """Ledger, lock, reserve, datasets, logs, MLflow's database and its artifacts."""
    home = folder / "refold-runs"
    if existing:
        home.mkdir()
        home.chmod(existing)
    train = Command(FORMULA, EMPTY_DATABASE=str(empty_database), SECONDS="0")
    done = train("run", "sweep.toml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert {"ledger.sqlite", "ledger.lock", "mlflow.db", "workers.log", "datasets", "artifacts"} <= {
        path.name for path in home.iterdir()
    }
    assert modes(home) == ({folders}, {files})


@pytest.mark.slow
def test_a_home_that_vanishes_in_mid_run_is_one_line(folder: Path, empty_database: Path) -> None:
    """The workers end, and the exit code is not that of an error in refold."""
    (folder / "sweep.toml").write_text(FORMULA_SWEEP.replace("trials = 2", "trials = 50"))
    variables = {"EMPTY_DATABASE": str(empty_database), "SECONDS": "0.5"}
    run = Process(["-m", FORMULA, "run", "sweep.toml"], folder / "log", environment=variables).start()
    run.await_word("1/200")
    assert run.process is not None
    started = [each.pid for each in psutil.Process(run.process.pid).children(recursive=True)]
    shutil.rmtree(folder / "refold-runs", ignore_errors=True)
    assert run.process.wait(60) == 1
    last = run.said.splitlines()[-1]
    assert last.startswith(f"refold: the ledger in {folder / 'refold-runs'} was deleted")
    assert "error in refold" not in run.said
    assert "Traceback" not in run.said
    assert all(gone(pid) for pid in started)


@pytest.mark.slow
def test_a_database_that_was_half_made_is_removed(folder: Path) -> None:
    """MLflow takes seconds to make one; a kill in that time leaves nothing after the next run."""
    home = folder / "refold-runs"
    words, environment = Command(FORMULA).words("run", "sweep.toml"), Command(FORMULA).environment
    with subprocess.Popen(words, cwd=folder, env=environment, stderr=subprocess.DEVNULL) as run:
        await_true(lambda: bool(list(home.glob(".mlflow.db*"))), 60, "the new database")
        run.kill()
    assert list(home.glob(".mlflow.db*"))
    done = Command(FORMULA)("run", "sweep.toml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert list(home.glob(".*")) == []
    assert (home / "mlflow.db").exists()


@pytest.mark.slow
@pytest.mark.training
def test_training_leaves_no_temporary_files(folder: Path) -> None:
    """Neither refold's nor TensorFlow's."""
    (folder / "temporary").mkdir()
    (folder / "sweep.toml").write_text(
        'name = "tiny"\ntrials = 1\n[dataset]\nsource = "digits"\nsamples = 200\n'
        "[cv]\nfolds = 2\nepochs = 2\n[architectures.baseline]\n"
    )
    for verb in (("run", "sweep.toml"), ("verify", "tiny"), ("export", "tiny")):
        done = refold(*verb, cwd=folder, TMPDIR=str(folder / "temporary"))
        assert done.returncode == 0, done.stderr
    assert list((folder / "temporary").iterdir()) == []

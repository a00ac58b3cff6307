"""``--wait``: commands queue behind the one that writes to their home, instead of giving up."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeps.api import record as api
from tests.cluster import await_true
from tests.command import FORMULA_SWEEP, Command, here, one_line, refold, write_two_classes
from tracking.ledger.lock import is_held

pytestmark = pytest.mark.slow


@pytest.fixture
def train(empty_database: Path) -> Command:
    """The command with fits that are a formula and take a while."""
    return Command("tests.formula_command", EMPTY_DATABASE=str(empty_database), SECONDS="0.6")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two sweep files."""
    write_two_classes(tmp_path)
    for name in ("tiny", "other"):
        (tmp_path / f"{name}.toml").write_text(FORMULA_SWEEP.replace('"tiny"', f'"{name}"'))
    return tmp_path


@pytest.fixture
def running(train: Command, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """The first sweep, which has begun."""
    with train.started("run", "tiny.toml", "--workers", "1", cwd=folder) as process:
        await_true(lambda: is_held(folder / "refold-runs"), 60, "the first sweep")
        yield process
        process.kill()


def waiting(train: Command, folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start a command that waits; return when it has said so."""
    process = train.started(*arguments, "--wait", cwd=folder)
    assert process.stderr is not None
    line = process.stderr.readline()
    assert "waiting for the ledger in " in line, line
    return process


def finish(process: "subprocess.Popen[str]") -> str:
    """Return what a command still printed on standard error; it has to end well."""
    with process:
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(120) == 0, said
    return said


def test_three_commands_wait_for_a_sweep(
    running: "subprocess.Popen[str]", train: Command, folder: Path
) -> None:
    """Another sweep, a comparison of the first and its removal, in this order, without another word."""
    line = one_line(here("run", "other.toml", cwd=folder))
    assert f"held by process {running.pid} on " in line
    assert "wait for it with --wait" in line
    other = waiting(train, folder, "run", "other.toml")
    compared = waiting(train, folder, "compare", "tiny", "--on", "folds", "--repeats", "2")
    removed = waiting(train, folder, "rm", "tiny", "--yes")
    finish(running)
    finish(other)
    assert "0 recorded already, 8 to train" in finish(compared)
    assert "removes the sweep tiny: 4 trials, " in finish(removed)
    listed = json.loads(here("ls", "--json", cwd=folder).stdout)
    assert [(each["sweep"], each["finished"]) for each in listed] == [("other", True)]


def test_the_holder_is_killed(running: "subprocess.Popen[str]", train: Command, folder: Path) -> None:
    """Its sweep is continued by the one that waits, in the same home."""
    second = waiting(train, folder, "run", "tiny.toml")
    running.send_signal(signal.SIGKILL)
    finish(second)
    assert json.loads(here("show", "tiny", "--json", cwd=folder).stdout)["finished"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_while_waiting(
    running: "subprocess.Popen[str]", train: Command, folder: Path, number: signal.Signals
) -> None:
    """Ends at once with the usual code and one line; the sweep that runs does not notice."""
    second = waiting(train, folder, "run", "other.toml")
    begun = time.monotonic()
    second.send_signal(number)
    with second:
        assert second.stderr is not None
        assert "interrupted" in second.stderr.read()
        assert second.wait(30) == 130
    assert time.monotonic() - begun < 10
    finish(running)


def test_in_python(running: "subprocess.Popen[str]", folder: Path) -> None:
    """``wait=True`` does the same, and says for whom it waits where there is somebody to tell."""
    said: list[str] = []
    api.sync(home=folder / "refold-runs", wait=True, say=said.append)
    assert f"held by process {running.pid} on " in said[0]
    assert said[1].startswith("MLflow has all of tiny: 4 trials")
    finish(running)


def test_alone_nobody_waits(train: Command, folder: Path) -> None:
    """With ``--wait`` in a new home, and again in one that is free."""
    for _ in range(2):
        done = train("run", "tiny.toml", "--wait", cwd=folder)
        assert done.returncode == 0, done.stderr
        assert "waiting for the ledger" not in done.stderr
    assert refold("rm", "tiny", "--yes", "--wait", cwd=folder).returncode == 0

"""A sweep that is interrupted: by a terminal that goes away, by a person in a hurry, in an import."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.cluster import FORMULA, Process, await_true
from tests.command import FORMULA_SWEEP, Command, write_two_classes
from tests.processes import gone
from tests.silent_server import silent_server

#: Interrupts itself while it imports a module. Like a C extension, that makes an ImportError of it.
WHILE_IMPORTING = """
import os, signal, sys, time
from refold.__main__ import main

class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == MODULE:
            try:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(60)
            except KeyboardInterrupt:
                raise ImportError("initialization failed") from None

sys.meta_path.insert(0, Interrupting())
sys.argv = ["refold", "run", "sweep.toml"]
main()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a sweep that takes longer than its test."""
    write_two_classes(tmp_path)
    (tmp_path / "sweep.toml").write_text(FORMULA_SWEEP.replace("trials = 2", "trials = 50"))
    return tmp_path


@pytest.fixture
def variables(empty_database: Path) -> dict[str, str]:
    """For the formula's command."""
    return {"EMPTY_DATABASE": str(empty_database), "SECONDS": "0.5"}


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("sweeps.cli.main", "interrupted"),
        ("sweeps.api", "interrupted; finished fits are recorded, run the same"),
    ],
)
def test_an_interrupt_during_an_import_is_one(folder: Path, module: str, said: str) -> None:
    """Not an error in refold, and not a traceback; whether the work has begun or not."""
    script = WHILE_IMPORTING.replace("MODULE", repr(module))
    words = [sys.executable, "-c", script]
    environment = Command("refold").environment
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 130, done.stderr
    assert done.stderr.strip().startswith(said)
    assert "Error" not in done.stderr


@pytest.mark.slow
def test_nohup_outlives_its_terminal(folder: Path, variables: dict[str, str]) -> None:
    """The signal that a closed terminal sends changes nothing."""
    short = (folder / "sweep.toml").read_text().replace("trials = 50", "trials = 4")
    (folder / "sweep.toml").write_text(short)
    command = ["-m", FORMULA, "run", "sweep.toml"]
    run = Process(command, folder / "log", within=["nohup"], environment=variables).start()
    run.await_word("1/16").end(signal.SIGHUP)
    assert run.process is not None
    assert run.process.wait(60) == 0
    assert "digest" in run.said


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_ends_a_sweep_in_an_orderly_way(
    folder: Path, variables: dict[str, str], number: signal.Signals
) -> None:
    """As Ctrl-C does: one line that says how to go on."""
    command = ["-m", FORMULA, "run", "sweep.toml"]
    run = Process(command, folder / "log", environment=variables).start().await_word("1/200")
    assert run.end(number) == 130
    assert "interrupted; finished fits are recorded, run the same command again to go on" in run.said
    assert "Traceback" not in run.said


@pytest.mark.slow
def test_a_closed_terminal_ends_a_sweep(folder: Path, variables: dict[str, str]) -> None:
    """Its progress can be written nowhere any more; that is no error, and no process of it is left."""
    ours, its = pty.openpty()
    words = ["setsid", "--ctty", sys.executable, "-m", FORMULA, "run", "sweep.toml"]
    environment = Command(FORMULA, **variables).environment
    with subprocess.Popen(words, cwd=folder, env=environment, stdin=its, stdout=its, stderr=its) as run:
        os.close(its)
        shown = b""
        while b"fits" not in shown or b"epoch" not in shown:
            shown += os.read(ours, 65_536)
        started = [each.pid for each in psutil.Process(run.pid).children(recursive=True)]
        os.close(ours)
        assert run.wait(60) == 130
    assert all(gone(pid) for pid in started)


@pytest.mark.slow
def test_the_second_interrupt_ends_at_once(folder: Path, variables: dict[str, str]) -> None:
    """Here the orderly end waits for an MLflow server that does not answer."""
    with silent_server() as uri:
        command = ["-m", FORMULA, "run", "sweep.toml", "--tracking-uri", uri]
        run = Process(command, folder / "log", environment=variables).start().await_word("1/200")
        assert run.process is not None
        run.process.send_signal(signal.SIGINT)
        run.await_word("stopping the workers")
        run.process.send_signal(signal.SIGINT)
        await_true(lambda: not run.running, 10, "the end")
        assert run.process.wait() == 130
        assert "stopped at once" in run.said

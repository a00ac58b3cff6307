"""What a lifeline starts does not outlive its caller."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cluster import await_true
from tests.processes import gone
from trainer.runtime.lifeline import started

#: Starts a grandchild, writes both process ids, and sleeps.
STUBBORN = (
    "import os, signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "child = subprocess.Popen(['sleep', '600'])\n"
    "open(sys.argv[1] + '.new', 'w').write(f'{os.getpid()} {child.pid}')\n"
    "os.rename(sys.argv[1] + '.new', sys.argv[1])\n"
    "time.sleep(600)\n"
)
CALLER = (
    "import os, sys\n"
    "from trainer.runtime.lifeline import started\n"
    "command = [sys.executable, '-c', *sys.argv[1:]]\n"
    "with started(command, environment=os.environ, log=sys.stderr) as process:\n"
    "    process.wait()\n"
)


def wait_for(path: Path) -> list[int]:
    """Return the process ids that were written."""
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return [int(text) for text in path.read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_command_ends_with_its_caller(tmp_path: Path, number: signal.Signals) -> None:
    """However the caller is killed, and whatever the command has started itself."""
    pids = tmp_path / "pids"
    with subprocess.Popen(
        [sys.executable, "-c", CALLER, STUBBORN, str(pids)], stderr=subprocess.DEVNULL
    ) as caller:
        found = wait_for(pids)
        caller.send_signal(number)
        caller.wait(30)
    assert len(found) == 2
    assert all(gone(pid) for pid in found)


def test_the_command_ends_with_the_block(tmp_path: Path) -> None:
    """When the block is done, or raises."""
    pids = tmp_path / "pids"
    found = []

    def fail() -> None:
        command = [sys.executable, "-c", STUBBORN, str(pids)]
        with (tmp_path / "log").open("w") as log, started(command, environment=os.environ, log=log):
            found.extend(wait_for(pids))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert found
    assert all(gone(pid) for pid in found)


def test_a_process_may_ask_to_end_with_its_parent(tmp_path: Path) -> None:
    """Also one that its parent has killed no more than itself."""
    child = (
        "import os, sys, time; from trainer.runtime.lifeline import end_with_parent; end_with_parent()\n"
        "open(sys.argv[1] + '.new', 'w').write(str(os.getpid()))\n"
        "os.rename(sys.argv[1] + '.new', sys.argv[1]); time.sleep(600)\n"
    )
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
    with subprocess.Popen([sys.executable, "-c", parent, child, str(tmp_path / "pids")]) as process:
        (pid,) = wait_for(tmp_path / "pids")
        process.kill()
    assert gone(pid)


@pytest.mark.parametrize(("patience", "said"), [(0.0, ""), (60.0, "asked")])
def test_there_may_be_time_for_an_orderly_end(tmp_path: Path, patience: float, said: str) -> None:
    """Before what does not end by itself is killed."""
    program = (
        "import signal, sys, time\n"
        "def end(*_): print('asked', flush=True); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "open(sys.argv[1], 'w').write('ready')\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "ready")]
    with (
        (tmp_path / "log").open("w") as log,
        started(command, environment=os.environ, log=log, answers=False, patience=patience),
    ):
        await_true((tmp_path / "ready").exists, 60, "the command")
    assert (tmp_path / "log").read_text().strip() == said


def test_its_temporary_files_go_with_it(tmp_path: Path) -> None:
    """They are in a folder of their own."""
    program = "import tempfile; print(tempfile.mkdtemp())"
    command = [sys.executable, "-c", program]
    with (tmp_path / "log").open("w") as log, started(command, environment=os.environ, log=log) as process:
        assert process.stdout is not None
        made = Path(process.stdout.read().strip())
        assert made.exists()
    assert not made.exists()


@pytest.mark.parametrize(("program", "code"), [("print('yes')", 0), ("raise SystemExit(3)", 3)])
def test_output_and_exit_code_come_through(tmp_path: Path, program: str, code: int) -> None:
    """As if there were nothing in between."""
    with (
        (tmp_path / "log").open("w") as log,
        started([sys.executable, "-c", program], environment=os.environ, log=log) as process,
    ):
        assert process.stdout is not None
        printed = process.stdout.read()
        assert process.wait(30) == code
    assert printed == ("yes\n" if code == 0 else "")


def test_a_killed_command_says_by_which_signal(tmp_path: Path) -> None:
    """The code that a shell would give."""
    program = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    with (
        (tmp_path / "log").open("w") as log,
        started([sys.executable, "-c", program], environment=os.environ, log=log) as process,
    ):
        assert process.wait(30) == 128 + signal.SIGSEGV

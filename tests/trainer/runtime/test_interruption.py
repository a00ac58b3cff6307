"""The first interrupt ends a command in an orderly way, the second at once; ignored signals stay ignored."""

import os
import pty
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trainer.runtime import interruption

#: Says what it catches, and goes on sleeping, as if its orderly end took long.
STUBBORN = """
import time
from trainer.runtime import interruption

interruption.install()
word = "ready"
with interruption.orderly():
    while True:
        try:
            if word:
                print(word, flush=True)
                word = ""
            time.sleep(600)
        except KeyboardInterrupt:
            print("caught", interruption.received(), flush=True)
"""

#: Has nothing to end in an orderly way.
EARLY = """
import time
from trainer.runtime import interruption

interruption.install()
print("ready", flush=True)
time.sleep(600)
"""

#: Python's handlers do not run while its main thread is in one long call of C.
BUSY = """
import hashlib
import threading
from trainer.runtime import interruption

interruption.install()
with interruption.orderly():
    threading.Timer(0.5, print, ["ready"], {"flush": True}).start()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)
"""


#: Writes for a while, and says at its end that it came so far.
CHATTY = """
import sys
import time
from pathlib import Path
from trainer.runtime import interruption

interruption.install()
for _ in range(40):
    print("progress", flush=True)
    print("progress", file=sys.stderr, flush=True)
    time.sleep(0.05)
Path(sys.argv[1]).touch()
"""


@contextmanager
def running(script: str, ignored: str = "") -> Iterator["subprocess.Popen[str]"]:
    """Run a script until it is ready; the shell ignores the given signals, as ``nohup`` does."""
    trap = f"trap '' {ignored}; " if ignored else ""
    command = ["sh", "-c", f'{trap}exec "$0" -c "$1"', sys.executable, script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def caught(process: "subprocess.Popen[str]") -> str:
    """Return what the process says to an interrupt."""
    assert process.stdout is not None
    return process.stdout.readline()


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Return how a process has ended, and what it said."""
    _, said = process.communicate(timeout=60)
    return process.returncode, said.strip()


@pytest.mark.parametrize("first", interruption.SIGNALS)
@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_the_second_ends_at_once(first: signal.Signals, second: signal.Signals) -> None:
    """Even if the orderly end has only begun."""
    with running(STUBBORN) as process:
        process.send_signal(first)
        assert caught(process) == "caught True\n"
        process.send_signal(second)
        assert ended(process) == (130, "stopped at once")


def test_a_closed_terminal_may_hang_up_twice() -> None:
    """Kernel and shell both send SIGHUP: the second one is no person's wish to end at once."""
    with running(STUBBORN) as process:
        process.send_signal(signal.SIGHUP)
        assert caught(process) == "caught True\n"
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)


@pytest.mark.parametrize("number", interruption.SIGNALS)
def test_before_there_is_work_it_ends_with_a_word(number: signal.Signals) -> None:
    """No traceback of the imports that it was at."""
    with running(EARLY) as process:
        process.send_signal(number)
        assert ended(process) == (130, "interrupted")


def test_a_busy_main_thread_does_not_delay_the_second() -> None:
    """Python's own handlers wait for its main thread."""
    with running(BUSY) as process:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)  # two of a kind may come as one
        assert ended(process) == (130, "stopped at once")


def test_a_lost_terminal_is_no_error_if_its_signal_is_ignored(tmp_path: Path) -> None:
    """As after ``disown``, which redirects nothing."""
    ours, its = pty.openpty()
    script = f"trap '' HUP; exec {shlex.join([sys.executable, '-c', CHATTY, str(tmp_path / 'end')])}"
    words = ["setsid", "--ctty", "sh", "-c", script]
    with subprocess.Popen(words, stdin=its, stdout=its, stderr=its) as process:
        os.close(its)
        assert b"progress" in os.read(ours, 1000)
        os.close(ours)
        assert process.wait(60) == 0
    assert (tmp_path / "end").exists()


def test_what_was_ignored_stays_ignored() -> None:
    """As ``nohup`` starts a command: its terminal's end does not concern it, Ctrl-C does."""
    with running(STUBBORN, ignored="HUP") as process:
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGINT)
        assert caught(process) == "caught True\n"
        process.send_signal(signal.SIGINT)
        assert ended(process) == (130, "stopped at once")


def test_closed_outputs_are_no_error() -> None:
    """A daemon may close both before it starts a command."""
    script = "from trainer.runtime import interruption; interruption.install()"
    command = f"exec {shlex.quote(sys.executable)} -c {shlex.quote(script)} >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0

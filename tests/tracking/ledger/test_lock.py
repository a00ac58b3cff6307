"""One writer at a time, and who waits has its turn in the order of coming, whatever happens to the others."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster import await_true
from tracking.ledger.ledger import Ledger
from tracking.ledger.lock import Turn, is_held, is_running, note_interrupt, turn
from trainer.errors import UsageError

#: Holds the ledger until its standard input is closed; says so, and before that for whom it waits.
HOLDER = """
import sys
from pathlib import Path
from tracking.ledger.ledger import Ledger
from tracking.ledger.lock import Turn
with Ledger.open(Path(sys.argv[1]), Turn(on_wait=lambda line: print(line, flush=True))):
    print("mine", flush=True)
    sys.stdin.read()
"""


class Holder:
    """A process that waits for the ledger of a home and holds it."""

    def __init__(self, home: Path) -> None:
        command = [sys.executable, "-c", HOLDER, str(home)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
        )

    def says(self) -> str:
        """Return the next line that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def finish(self) -> None:
        """Let it end by itself."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(30) == 0

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it."""
        self.process.send_signal(number)
        self.process.wait(30)

    def close(self) -> None:
        """End it, if it has not ended, and close its pipes."""
        with self.process:
            self.process.kill()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder for a ledger."""
    return tmp_path / "home"


@contextmanager
def holders(home: Path, count: int) -> Iterator[list[Holder]]:
    """One that holds the ledger and others that wait for it, in this order."""
    started = [Holder(home)]
    try:
        assert started[0].says() == "mine\n"
        for _ in range(count - 1):
            started.append(Holder(home))
            assert f"held by process {started[0].process.pid} on " in started[-1].says()
        yield started
    finally:
        for each in started:
            each.close()


def leftovers(home: Path) -> list[str]:
    """Return what those who waited have left."""
    return [path.name for path in home.iterdir() if "wait" in path.name]


@pytest.mark.slow
def test_first_come_first_served(home: Path) -> None:
    """Each in turn, and a line says for whom it waits and how many are before it; nothing is left behind."""
    with holders(home, 3) as (first, second, third):
        words = f"held by process {first.process.pid} .* --wait .*wait=True"
        with pytest.raises(UsageError, match=words), Ledger.open(home):
            pass
        fourth = Holder(home)
        assert fourth.says().endswith("; 2 waiting before this command\n")
        for now, then in ((first, second), (second, third), (third, fourth)):
            now.finish()
            assert then.says() == "mine\n"
        fourth.finish()
        fourth.close()
    assert leftovers(home) == []
    assert not is_held(home)


@pytest.mark.slow
def test_the_turn_of_one_who_was_killed_goes_to_the_next(home: Path) -> None:
    """Of the holder and of one that waits alike, and the ticket of the killed is removed."""
    with holders(home, 3) as (first, second, third):
        second.kill()
        await_true(lambda: len(leftovers(home)) == 1, 10, "the ticket of the killed to go")
        first.kill()
        assert third.says() == "mine\n"
        third.finish()
    assert leftovers(home) == []


@pytest.mark.slow
def test_ctrl_c_while_waiting_ends_at_once(home: Path) -> None:
    """And takes its ticket away; the next does not wait for it."""
    with holders(home, 3) as (first, second, third):
        begun = time.monotonic()
        second.kill(signal.SIGINT)
        assert time.monotonic() - begun < 5
        await_true(lambda: len(leftovers(home)) == 1, 10, "the ticket to go")
        first.finish()
        assert third.says() == "mine\n"


def test_who_does_not_wait_cannot_push_in(home: Path) -> None:
    """Between two turns the ledger is free for a moment: it belongs to those who wait."""
    with holders(home, 2) as (first, second):
        second.process.send_signal(signal.SIGSTOP)  # so that it cannot take its turn
        first.finish()
        words = f"held by process {second.process.pid} on .* since 20"
        with pytest.raises(UsageError, match=words), Ledger.open(home):
            pass
        second.process.send_signal(signal.SIGCONT)
        assert second.says() == "mine\n"


def test_who_was_interrupted_runs_no_sweep(home: Path) -> None:
    """While its workers are being stopped, and until the next one begins."""
    with Ledger.open(home):
        assert is_running(home)
        note_interrupt(home)
        assert is_held(home)
        assert not is_running(home)
    assert not is_running(home)
    with Ledger.open(home):
        assert is_running(home)


def test_a_turn_that_has_come_is_not_waited_for_again(home: Path) -> None:
    """What is read in one's turn and what is written then are under one lock."""
    said: list[str] = []
    with turn(home, said.append) as mine, Ledger.open(home, mine):
        assert is_held(home)
    with turn(home, said.append) as mine:
        assert is_held(home)
        with Ledger.open(home, mine):
            pass
        assert is_held(home)
    assert not is_held(home)
    assert said == []


def test_nothing_is_created_for_a_turn(home: Path) -> None:
    """Where no home is there is nobody to wait for; opening the ledger creates it."""
    with turn(home, print) as mine:
        assert mine == Turn(on_wait=print)
        assert not home.exists()


@pytest.mark.parametrize(
    "name", ["ledger.sqlite", "ledger.lock", "ledger.reserve", "workers.log", "mlflow.db"]
)
def test_nothing_is_written_through_a_link(tmp_path: Path, name: str) -> None:
    """A home from somebody else may have a link to a file of yours where refold writes."""
    mine = tmp_path / "authorized_keys"
    mine.write_text("ssh-ed25519 mine")
    home = tmp_path / "home"
    home.mkdir()
    for target in (mine, tmp_path / "new"):
        (home / name).symlink_to(target)
        with pytest.raises(UsageError, match=f"{name} is a symbolic link"), Ledger.open(home):
            pass
        assert [each.name for each in home.iterdir()] == [name]
        (home / name).unlink()
    assert mine.read_text() == "ssh-ed25519 mine"
    assert not (tmp_path / "new").exists()


def test_a_folder_of_the_home_may_be_on_another_disk(tmp_path: Path) -> None:
    """Images and artifacts are large, so their folders may be links; so may the home itself."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "datasets").symlink_to(tmp_path / "disk")
    (tmp_path / "link").symlink_to(tmp_path / "home")
    with Ledger.open(tmp_path / "link") as ledger:
        assert ledger.sweep_names() == []


def test_links_that_are_not_refolds_are_no_matter(tmp_path: Path) -> None:
    """A home may be a project's folder, with files of other programs in it."""
    (tmp_path / "v3.toml").touch()
    (tmp_path / "latest.toml").symlink_to(tmp_path / "v3.toml")
    (tmp_path / ".#notes").symlink_to("nobody@nowhere")
    with Ledger.open(tmp_path) as ledger:
        assert ledger.sweep_names() == []

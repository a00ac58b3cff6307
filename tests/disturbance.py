"""Kills, signals and stops of any process of a running command, at random, and what they must not change."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil

from sweeps.home import Home
from tests.command import Command
from tests.mlflow_server import Place, expected_contents
from tests.processes import gone
from tracking.ledger.ledger import Ledger
from tracking.records import SweepRecord
from tracking.reports.out_of_fold import HeldOut
from trainer.datasets import open_stored

#: What a process gets; one that is stopped goes on after a moment.
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL, signal.SIGSTOP)

#: How often a command that was disturbed is started again before it has to have ended well.
_MOST = 60


class Disturbance:
    """Disturbs commands a number of times, and remembers what it did.

    Args:
        seed: decides what is hit, how and when; it is printed.
        count: number of signals in all.
    """

    def __init__(self, seed: str, count: int) -> None:
        self._random = random.Random(seed)
        self._left = count
        self.done: list[str] = []
        self._seen: set[int] = set()
        sys.stdout.write(f"disturbances with REFOLD_KILL_SEED={seed}\n")

    @property
    def over(self) -> bool:
        """Whether all of them have happened."""
        return not self._left

    def pause(self, least: float, most: float) -> float:
        """Return a random number of seconds."""
        return self._random.uniform(least, most)

    def disturb(self, roots: Sequence[int]) -> None:
        """Send a random signal to a random process among these and all that they have started."""
        tree = self._tree(roots)
        if not tree:
            return
        process, number = self._random.choice(tree), self._random.choice(SIGNALS)
        with suppress(psutil.Error):
            what = _called(process)
            process.send_signal(number)
            self._left -= 1
            self.done.append(f"{signal.Signals(number).name} {what}")
            sys.stdout.write(f"{len(self.done)}. {self.done[-1]}\n")
        if number == signal.SIGSTOP:
            time.sleep(self._random.uniform(0.2, 2.5))
            with suppress(psutil.Error):
                process.send_signal(signal.SIGCONT)

    def _tree(self, roots: Sequence[int]) -> list[psutil.Process]:
        found: dict[int, psutil.Process] = {}
        for root in roots:
            with suppress(psutil.Error):
                process = psutil.Process(root)
                for each in (process, *process.children(recursive=True)):
                    if each.status() != psutil.STATUS_ZOMBIE:
                        found[each.pid] = each
        self._seen |= found.keys()
        return [found[pid] for pid in sorted(found)]

    def assert_nothing_left(self) -> None:
        """Check that none of the processes that were there while it disturbed is left."""
        assert [pid for pid in self._seen if not gone(pid)] == []


def _called(process: psutil.Process) -> str:
    """Return what a process is, in words."""
    words = process.cmdline()
    module = next((words[place + 1] for place, word in enumerate(words[:-1]) if word == "-m"), process.name())
    return " ".join([module, *words[words.index(module) + 1 :][:1]]) if module in words else module


def until_done(
    start: Callable[[], "subprocess.Popen[bytes]"], disturbance: Disturbance, seconds: float
) -> None:
    """Start a command again and again, disturbed, until it ends well.

    Args:
        start: starts the command.
        disturbance: what happens to it.
        seconds: that the command takes undisturbed; it is disturbed between a twentieth and half of that.
    """
    for _ in range(_MOST):
        with start() as process:
            while process.poll() is None:
                if disturbance.over:
                    process.wait(600)
                    break
                try:
                    process.wait(disturbance.pause(seconds / 20, seconds / 2))
                except subprocess.TimeoutExpired:
                    disturbance.disturb([process.pid])
        if process.returncode == 0:
            return
    raise AssertionError(f"not done after {_MOST} starts: {disturbance.done}")


def recorded(home: Path, name: str) -> SweepRecord:
    """Return a sweep as the ledger has it."""
    with Ledger.read(home) as ledger:
        return ledger.sweep(name)


def rows(home: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return what identifies the rows of each table of a ledger, without what is a matter of time."""
    identity = {
        "sweeps": "name, key, seed, architectures, trials, fits",
        "proposals": "sweep, architecture, number, hyperparameters",
        "members": "sweep, architecture, number, position, key",
        "fits": "key, spec",
        "further_fits": "sweep, purpose, architecture, number, position, key",
        "reports": "sweep, name",
    }
    with closing(sqlite3.connect(home / "ledger.sqlite")) as ledger:
        return {
            table: sorted(ledger.execute(f"SELECT {columns} FROM {table}"))
            for table, columns in identity.items()
        }


def complete(command: Command, home: Path) -> None:
    """Complete MLflow's record: a sweep that is interrupted while it waits only for MLflow ends well."""
    done = command("sync", "--home", str(home), cwd=home.parent)
    assert done.returncode == 0, done.stderr


def assert_in_mlflow(home: Home, name: str) -> None:
    """Check that MLflow has every run, point, tag and file of a sweep's search once, as the ledger has it."""
    record, uri = recorded(home.path, name), home.own_tracking_uri
    place = Place(uri, home.artifacts, name, database=uri, files=home.path)
    held_out = HeldOut(open_stored(home.path / "datasets" / record.dataset.fingerprint))
    expected = expected_contents(record, held_out)
    found = place.contents()  # two runs with one key are an error
    confirmed = {key for key in found if key not in expected}
    assert len(confirmed) == len(record.confirmed)
    for key, run in expected.items():
        if record.confirmed and run["tags"]["refold.kind"] == "sweep":
            continue  # it has the comparison too, which ``expected_contents`` does not know
        wrong = {
            part: (found[key][part], content) for part, content in run.items() if found[key][part] != content
        }
        assert not wrong, f"{key}: found and expected: {wrong}"


def timeless(home: Home, name: str) -> dict[str, Any]:
    """Return the runs of a sweep by name, with states, scores and files, but nothing that is of its time."""
    uri = home.own_tracking_uri
    place = Place(uri, home.artifacts, name, database=uri, files=home.path)
    found = {}
    for run in place.contents().values():
        scores = {
            key: [(step, value) for step, _, value in points]
            for key, points in run["metrics"].items()
            if "second" not in key and "duration" not in key
        }
        found[run["info"][0]] = {"scores": scores, "status": run["info"][1], "files": sorted(run["files"])}
    return found


def leftovers(home: Path) -> list[str]:
    """Return the files of interrupted work that are in a home."""
    return sorted(path.name for path in home.iterdir() if path.name.startswith(".") or "partial" in path.name)


def seed() -> str:
    """Return the seed of this run: REFOLD_KILL_SEED, else any."""
    return os.environ.get("REFOLD_KILL_SEED") or str(random.randrange(1_000_000))

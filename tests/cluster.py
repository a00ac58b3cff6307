"""Clusters of real processes: schedulers and workers as users start them, to be killed and started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sweeps.execution.workers import Workers
from tests.processor import python_path
from trainer.fits.results import FitRun
from trainer.process.jobs import Job

#: ``refold`` whose fits are a formula and take as many seconds as the variable SECONDS says.
FORMULA = "tests.formula_command"


class Process:
    """A command in a process group of its own, with what it prints in a file.

    Args:
        command: arguments of this Python.
        log: takes its output.
        within: words before the command, ``ip netns exec NAME`` say.
        environment: more variables.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        within: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.command, self.log = [*within, sys.executable, *command], log
        here = {k: v for k, v in os.environ.items() if k not in ("REFOLD_HOME", "MLFLOW_TRACKING_URI")}
        path = python_path(Path(__file__).parents[1])
        self._environment = {**here, "PYTHONPATH": path, **(environment or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Process":
        """Start it, also again."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.log.parent,
                env=self._environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return self

    @property
    def said(self) -> str:
        """All that it has printed so far."""
        return self.log.read_text(errors="replace")

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process is not None and self.process.poll() is None

    def await_word(self, word: str, seconds: float = 120) -> "Process":
        """Return when it has printed ``word``."""
        await_true(lambda: word in self.said or not self.running, seconds, f"{word!r} from {self.command}")
        assert word in self.said, self.said
        return self

    def end(self, number: int = signal.SIGKILL) -> int:
        """End it and return its exit code."""
        assert self.process is not None
        if self.running:
            os.killpg(self.process.pid, number)
        return self.process.wait(60)


def await_true(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Return when a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)


def collect(workers: Workers, count: int, seconds: float = 120) -> list[tuple[Job, FitRun]]:
    """Wait for so many jobs."""
    ended: list[tuple[Job, FitRun]] = []
    deadline = time.monotonic() + seconds
    while len(ended) < count and time.monotonic() < deadline:
        ended += workers.finished(0.5)
    return ended


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Cluster:
    """A scheduler and workers on this machine.

    Args:
        folder: for logs and data.
        certificates: for TLS, or none.
        seconds: that a fit takes which is a formula; None for real training.
    """

    def __init__(self, folder: Path, certificates: Path | None = None, seconds: float | None = 0.0) -> None:
        self.folder, self._certificates, self._seconds = folder, certificates, seconds
        self._port = free_port()
        self.address = f"{'tls' if certificates else 'tcp'}://127.0.0.1:{self._port}"
        self.options = ["--certificates", str(certificates)] if certificates else []
        self.workers: list[Process] = []
        command = ["-m", "refold", "scheduler", "--port", str(self._port), *self.options]
        self.scheduler = Process(command, folder / "scheduler.log")

    def start_worker(
        self, count: int = 1, *more: str, wait: bool = True, environment: Mapping[str, str] | None = None
    ) -> Process:
        """Start a process of ``count`` workers, with a folder of its own, and wait until it has joined."""
        number = len(self.workers)
        module = ["-m", "refold" if self._seconds is None else FORMULA, "worker"]
        arguments = [
            self.address,
            "--nworkers",
            str(count),
            "--folder",
            str(self.folder / f"worker-{number}"),
        ]
        variables = {} if self._seconds is None else {"SECONDS": str(self._seconds)}
        variables |= environment or {}
        command = [*module, *arguments, *self.options, *more]
        log = self.folder / f"worker-{number}.log"
        self.workers.append(Process(command, log, environment=variables).start())
        if wait:
            self.workers[-1].await_word(self.address)
        return self.workers[-1]

    @contextmanager
    def running(self, *counts: int) -> Iterator["Cluster"]:
        """Run a scheduler and processes of so many workers each, and end whatever is left of them."""
        try:
            self.scheduler.start().await_word("scheduler at")
            for count in counts:
                self.start_worker(count)
            yield self
        finally:
            for process in (*self.workers, self.scheduler):
                if process.process is not None:
                    process.end()

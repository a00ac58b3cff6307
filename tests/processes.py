"""Which processes there are."""

import time
from contextlib import suppress
from pathlib import Path

import psutil


def gone(pid: int) -> bool:
    """Return whether there is no such process within ten seconds; a zombie has ended."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def training_processes(ancestor: int) -> set[int]:
    """Return the ids of the training processes that a process has started, or one that it has started."""
    found = set()
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(ancestor).children(recursive=True):
            with suppress(psutil.Error):  # it has just ended
                if "trainer.process.training_process" in process.cmdline():
                    found.add(process.pid)
    return found

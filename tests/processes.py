"""Which processes there are."""

import time
from pathlib import Path


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


def training_processes(log: Path) -> set[int]:
    """Return the ids of the training processes that print to ``log``."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "fd" / "2").readlink() == log:
                found.add(int(process.name))
        except OSError:
            continue
    return found

"""How much memory a process has held, and whether the system has killed any for want of it."""

import re
import resource
from pathlib import Path


def peak_bytes() -> int:
    """Return the most memory that this process has held so far."""
    try:
        # Not 'getrusage': its figure survives exec, so it would be the coordinator's where that was larger.
        held = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    except OSError:
        held = None
    return 1024 * (int(held[1]) if held else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def peak_bytes_of_children() -> int:
    """Return the most that any ended child of this process has held."""
    return 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def kills_for_memory() -> int:
    """Return how many processes the system has killed for want of memory, here or in this container."""
    counted = 0
    for path in ("/proc/vmstat", "/sys/fs/cgroup/memory.events"):
        try:
            found = re.search(r"^oom_kill (\d+)$", Path(path).read_text(encoding="ascii"), re.MULTILINE)
        except OSError:
            continue
        counted += int(found[1]) if found else 0
    return counted

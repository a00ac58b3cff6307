"""Peak memory of processes, and the number of processes that the system killed because memory ran out."""

import re
import resource
from pathlib import Path


def peak_bytes() -> int:
    """Return this process's peak memory so far, in bytes."""
    try:
        # Not 'getrusage': its value survives exec, so a larger peak of the coordinator would be returned.
        held = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    except OSError:
        held = None
    return 1024 * (int(held[1]) if held else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def peak_bytes_of_children() -> int:
    """Return the largest peak memory of this process's ended children, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def kills_for_memory() -> int:
    """Return how many processes the system killed because memory ran out, here or in this container."""
    counted = 0
    for path in ("/proc/vmstat", "/sys/fs/cgroup/memory.events"):
        try:
            found = re.search(r"^oom_kill (\d+)$", Path(path).read_text(encoding="ascii"), re.MULTILINE)
        except OSError:
            continue
        counted += int(found[1]) if found else 0
    return counted

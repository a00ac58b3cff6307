"""Facts about the machine for ``refold doctor``; they are judged there, not here."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from sweeps.definition import checks


@dataclass(frozen=True, slots=True)
class Mount:
    """A line of ``/proc/mounts``: the folder that a file system is mounted on, and its kind."""

    point: Path
    kind: str
    device: str


def mounts(text: str) -> tuple[Mount, ...]:
    """Read ``/proc/mounts``, whose names have octal escapes for spaces and the like."""
    fields = [line.split() for line in text.splitlines()]
    return tuple(Mount(Path(_plain(f[1])), f[2], _plain(f[0])) for f in fields if len(f) >= 3)


def _plain(name: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), name)


def mount_of(path: Path, known: Sequence[Mount]) -> Mount | None:
    """Return the mount that has ``path``: the deepest one; of two on the same folder the later one."""
    over = [mount for mount in known if path.is_relative_to(mount.point)]
    return max(reversed(over), key=lambda mount: len(mount.point.parts), default=None)


def existing(path: Path) -> Path:
    """Return ``path`` or the nearest folder above it that exists."""
    return next((place for place in (path, *path.parents) if place.exists()), Path("/"))


def read(path: str | Path) -> str:
    """Return the text of a system file; empty if this system does not have it."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


#: Where control groups are mounted, and what says to which ones this process belongs.
CGROUPS, OWN_CGROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def available_memory(meminfo: str, cgroups: Path = CGROUPS, own: str | None = None) -> int | None:
    """Return the bytes that new processes may use: the free memory, or what is left of a limit.

    Args:
        meminfo: the text of ``/proc/meminfo``.
        cgroups: the folder of the control groups (version 2, or version 1 under ``memory``).
        own: the text of ``/proc/self/cgroup``, read if None. A container, a batch system or systemd may have
            set the limit for a group of this process, or for a group around it.
    """
    found = re.search(r"MemAvailable:\s+(\d+) kB", meminfo)
    free = [int(found[1]) * 1024] if found else []
    for folder in _groups(read(OWN_CGROUPS) if own is None else own, cgroups):
        left = _left_of_limit(folder)
        free += [] if left is None else [left]
    return max(0, min(free)) if free else None


def _groups(own: str, cgroups: Path) -> list[Path]:
    """Return the folders of this process's control groups of memory, and of all groups around them.

    Inside a container the path may be the host's, which is not there; then the root has the limit.
    """
    found = [cgroups, cgroups / "memory"]
    for line in own.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers in {"", "memory"}:
            root = cgroups / controllers
            group = root / path.lstrip("/")
            found += [folder for folder in (group, *group.parents) if root in folder.parents]
    return found


def _left_of_limit(group: Path) -> int | None:
    """Return the bytes that a control group's processes may still use; None if it has no limit."""
    for limit, usage in (
        ("memory.max", "memory.current"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        most, used = read(group / limit).strip(), read(group / usage).strip()
        if most.isdigit() and used.isdigit():
            # Cached files count as used memory, but are dropped when memory is needed.
            cached = re.search(r"^(?:total_)?inactive_file (\d+)$", read(group / "memory.stat"), re.MULTILINE)
            return int(most) - int(used) + (int(cached[1]) if cached else 0)
    return None


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worker_count(asked: int | None) -> int:
    """Return the number of training processes: the one asked for, or one per core if None.

    Raises:
        UsageError: if it is no whole number from 1 to the limit.
    """
    count: int | None = checks.checked("workers", asked, checks.workers)
    return available_cores() if count is None else count


def memory_for_images(workers: int) -> int | None:
    """Return the bytes that a dataset's images may use in each of ``workers`` training processes.

    That is half of the available memory: networks, gradients and TensorFlow itself need the other half.
    """
    available = available_memory(read("/proc/meminfo"))
    return None if available is None else available // (2 * workers)


def gpus() -> tuple[str, ...]:
    """Return the names of the GPUs whose drivers are loaded, used or not."""
    listed = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    names = [re.search(r"Model:\s+(.+)", read(file)) for file in listed]
    nvidia = tuple(name[1].strip() if name else "an NVIDIA GPU" for name in names)
    if not nvidia:
        nvidia = tuple("an NVIDIA GPU" for _ in Path("/dev").glob("nvidia[0-9]*"))
    return nvidia + (("an AMD GPU",) if Path("/dev/kfd").exists() else ())


def visible_gpus(environment: Mapping[str, str], names: Sequence[str]) -> list[tuple[str, str]]:
    """Return (number, name) of each NVIDIA GPU that this process may use; a batch system may allow only some.

    Args:
        environment: environment variables; ``CUDA_VISIBLE_DEVICES`` chooses GPUs if it is set.
        names: the names of this machine's GPUs; see ``gpus``.
    """
    nvidia = [name for name in names if "AMD" not in name]
    chosen = environment.get("CUDA_VISIBLE_DEVICES")
    if chosen is None or not nvidia:
        return [(str(number), name) for number, name in enumerate(nvidia)]
    numbers = [number.strip() for number in chosen.split(",")]
    return [
        (n, nvidia[int(n) % len(nvidia)] if n.isdigit() else nvidia[0])
        for n in numbers
        if n not in ("", "-1")
    ]


@dataclass(frozen=True, slots=True)
class Pins:
    """Required package versions, and their source.

    Attributes:
        source: the name of the source, for messages.
        exact: whether each package has one version (from a constraints file) and not a range.
        wanted: the version specifier of each package.
    """

    source: str
    exact: bool
    wanted: Mapping[str, Requirement]


def pins(folders: Iterable[Path], required: Iterable[str] | None = None) -> Pins:
    """Return the pins of the first ``constraints.txt`` with refold's packages, else refold's own ranges.

    Args:
        folders: folders to search. An installed refold comes without a constraints file.
        required: refold's requirements; those of the installed package if None.
    """
    for folder in folders:
        wanted = requirements(read(folder / "constraints.txt").splitlines())
        if {"tensorflow", "keras"} <= wanted.keys():
            return Pins(str(folder / "constraints.txt"), exact=True, wanted=wanted)
    lines = requires("refold") or [] if required is None else required
    return Pins("refold's own requirements", exact=False, wanted=requirements(lines))


def requirements(lines: Iterable[str]) -> dict[str, Requirement]:
    """Return the requirements that apply to this Python and platform; other lines are ignored."""
    found: dict[str, Requirement] = {}
    for line in lines:
        try:
            requirement = Requirement(line.partition(" #")[0].strip())
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found[canonicalize_name(requirement.name)] = requirement
    return found


def installed(packages: Iterable[str]) -> dict[str, str | None]:
    """Return the installed version of each package; None if it is not installed."""
    found: dict[str, str | None] = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found

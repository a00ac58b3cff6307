"""What ``refold doctor`` has to know of the machine: plain facts, read and never judged here."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of ``/proc/mounts``: where a file system hangs, and of which kind it is."""

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
    """Return the mount that ``path`` stands on: the deepest one, and of two in one place the later."""
    over = [mount for mount in known if path.is_relative_to(mount.point)]
    return max(reversed(over), key=lambda mount: len(mount.point.parts), default=None)


def existing(path: Path) -> Path:
    """Return ``path`` or the nearest folder above it that is there."""
    return next((place for place in (path, *path.parents) if place.exists()), Path("/"))


def read(path: str | Path) -> str:
    """Return a text of the system's, or nothing where this system does not have it."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def available_memory(meminfo: str, cgroup: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return the bytes that new processes may take: what is free, or what a container has left of its limit.

    Args:
        meminfo: the text of ``/proc/meminfo``.
        cgroup: where the limits of this control group stand (version 2, or 1 under ``memory``).
    """
    found = re.search(r"MemAvailable:\s+(\d+) kB", meminfo)
    free = [int(found[1]) * 1024] if found else []
    for folder, limit, usage in (
        (cgroup, "memory.max", "memory.current"),
        (cgroup / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        most, used = read(folder / limit).strip(), read(folder / usage).strip()
        if most.isdigit() and used.isdigit():
            # Cached files count as used, and make room when it is needed.
            cached = re.search(
                r"^(?:total_)?inactive_file (\d+)$", read(folder / "memory.stat"), re.MULTILINE
            )
            free.append(int(most) - int(used) + (int(cached[1]) if cached else 0))
    return max(0, min(free)) if free else None


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_for_images(workers: int) -> int | None:
    """Return the bytes that a dataset's images may take in each of so many training processes.

    Half of what is available: networks, their gradients and TensorFlow itself need the other half.
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
    """Return (number, name) of the NVIDIA GPUs that may be used here; a batch system may have given us some.

    Args:
        environment: its ``CUDA_VISIBLE_DEVICES`` chooses, where it is set.
        names: of this machine's GPUs, see ``gpus``.
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
    """Which versions are wanted, and who says so.

    Attributes:
        source: to show.
        exact: whether it is one version each (a constraints file), or ranges.
        wanted: package to version specifier.
    """

    source: str
    exact: bool
    wanted: Mapping[str, Requirement]


def pins(folders: Iterable[Path], required: Iterable[str] | None = None) -> Pins:
    """Return the pins of the first ``constraints.txt`` that is about refold, else refold's own ranges.

    Args:
        folders: where to look. An installed refold has no constraints file with it.
        required: refold's requirements; those of the installed package if None.
    """
    for folder in folders:
        wanted = requirements(read(folder / "constraints.txt").splitlines())
        if {"tensorflow", "keras"} <= wanted.keys():
            return Pins(str(folder / "constraints.txt"), exact=True, wanted=wanted)
    lines = requires("refold") or [] if required is None else required
    return Pins("refold's own requirements", exact=False, wanted=requirements(lines))


def requirements(lines: Iterable[str]) -> dict[str, Requirement]:
    """Return what requirement lines say for this Python and platform; other lines are passed over."""
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
    """Return the installed version of each package, None where there is none."""
    found: dict[str, str | None] = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found

"""A dataset that is larger than the memory, from its files to a scored model.

``python -m benchmarks.large_data FOLDER`` writes 100,000 pictures of 64x64 pixels in colour to ``FOLDER``
(1.2 GB when decoded) and runs ``refold inspect``, ``run``, ``verify``, ``export`` and ``evaluate`` on them.
Each command runs with all its processes in a control group of 1 GiB of memory, in which the kernel kills what
needs more; the group's memory includes the cached pages of files, which the kernel gives up when they are in
the way. It prints a table of times and memory. Control groups can only be made as root.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

CLASSES, SIZE, MEMBERS = 10, 64, 5

#: Memory that all processes of a command may have together, in bytes.
LIMIT = 2**30

SWEEP = """\
name = "large"
trials = 1
dataset = {{ source = "{source}", groups = "(g[0-9]+)_" }}

[cv]
folds = 2
epochs = {epochs}

[architectures.lenet]
batch_size = 128
"""


def pictures(group: int) -> npt.NDArray[np.uint8]:
    """Return a group's pictures, ``[5, 64, 64, 3]``: gratings whose direction tells the class, and noise."""
    rng = np.random.default_rng(group)
    angle = np.pi * (group % CLASSES) / CLASSES + rng.normal(0, 0.12)
    rows, columns = np.mgrid[:SIZE, :SIZE] / SIZE
    wave = np.sin(2 * np.pi * 6 * (rows * np.cos(angle) + columns * np.sin(angle)) + rng.uniform(0, 6.28))
    tint = rng.uniform(20, 90, 3)
    clean = 128 + wave[..., None] * tint
    noise = rng.normal(0, 30, (MEMBERS, SIZE, SIZE, 3))
    return np.clip(clean + noise, 0, 255).astype(np.uint8)


def write(folder: Path, groups: range) -> None:
    """Write the pictures of some groups as BMP files, which decode in no time and do not shrink."""
    for group in groups:
        place = folder / f"class{group % CLASSES}"
        for number, picture in enumerate(pictures(group)):
            Image.fromarray(picture).save(place / f"g{group}_{number}.bmp")


def make(folder: Path, images: int) -> None:
    """Write all pictures, on all cores."""
    for number in range(CLASSES):
        (folder / f"class{number}").mkdir(parents=True, exist_ok=True)
    groups = images // MEMBERS
    parts = [range(start, min(start + 500, groups)) for start in range(0, groups, 500)]
    with ProcessPoolExecutor() as pool:
        list(pool.map(write, [folder] * len(parts), parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a command took: seconds, the most memory of its own in MiB, and whether it reached the limit."""

    seconds: float
    own: float
    output: str


@contextmanager
def limited(limit: int) -> Iterator[Path]:
    """Make a control group with a limit of memory; yield its folder.

    Raises:
        OSError: if that is not allowed here.
    """
    v1 = Path("/sys/fs/cgroup/memory")
    group = (v1 if v1.exists() else Path("/sys/fs/cgroup")) / f"refold-{os.getpid()}"
    group.mkdir()
    try:
        name = "memory.limit_in_bytes" if v1.exists() else "memory.max"
        (group / name).write_text(str(limit))
        yield group
    finally:
        for _ in range(50):
            try:
                group.rmdir()
                break
            except OSError:  # processes are ending
                time.sleep(0.1)


def run(words: list[str], folder: Path, limit: int) -> Taken:
    """Run a command within the limit.

    Raises:
        SystemExit: if it fails.
    """
    most = 0.0
    with limited(limit) as group:

        def watch() -> None:
            nonlocal most
            while not over.wait(0.05):
                most = max(most, own_memory(group))

        over = threading.Event()
        watching = threading.Thread(target=watch)
        watching.start()
        begun = time.perf_counter()
        joined = f'echo $$ > {group}/cgroup.procs && exec "$@"'
        done = subprocess.run(
            ["sh", "-c", joined, "sh", sys.executable, "-m", "refold", *words],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        seconds = time.perf_counter() - begun
        over.set()
        watching.join()
    if done.returncode not in {0, 1} or (done.returncode and words[0] != "inspect"):
        said = (done.stdout + done.stderr)[-3000:]
        raise SystemExit(f"refold {' '.join(words)} ended with {done.returncode}:\n{said}")
    return Taken(seconds=seconds, own=most, output=done.stdout)


def own_memory(group: Path) -> float:
    """Return the memory that a group's processes have for themselves, without files' pages, in MiB."""
    names = {"rss", "anon"}  # of control groups of version 1 and 2
    lines = (line.split() for line in (group / "memory.stat").read_text().splitlines())
    return sum(int(value) for name, value in lines if name in names) / 2**20


def commands(folder: Path, source: str, epochs: int) -> Iterator[tuple[str, Taken]]:
    """Run the commands in order; yield what each took."""
    (folder / "large.toml").write_text(SWEEP.format(source=source, epochs=epochs), encoding="utf-8")

    def taken(*words: str) -> Taken:
        return run(list(words), folder, LIMIT)

    yield "inspect", taken("inspect", "large.toml")
    yield "run", taken("run", "large.toml", "--workers", "1", "--quiet")
    yield "verify", taken("verify", "large", "--workers", "1")
    yield "export", (exported := taken("export", "large", "--json"))
    model = json.loads(exported.output)["folder"]
    yield "evaluate", taken("evaluate", model, source, "--groups", "(g[0-9]+)_")


def epochs_of(folder: Path) -> list[float]:
    """Return the seconds of each epoch of the sweep."""
    shown = subprocess.run(
        [sys.executable, "-m", "refold", "show", "large", "--json"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(shown.stdout)
    return [fold["seconds"] for trial in found["trials"] for fold in trial["folds"]]


def main() -> None:
    """Write the pictures, run the commands and print the table."""
    reader = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.large_data")
    reader.add_argument("folder", type=Path, help="an empty folder with 4 GB of room")
    reader.add_argument("--images", type=int, default=100_000)
    reader.add_argument("--epochs", type=int, default=2)
    asked = reader.parse_args()
    folder = asked.folder.absolute()
    begun = time.perf_counter()
    if not (folder / "pictures").exists():
        make(folder / "pictures", asked.images)
        print(f"{asked.images} pictures written in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    shutil.rmtree(folder / "refold-runs", ignore_errors=True)
    print("| command | seconds | own memory, MiB |\n| --- | --- | --- |")
    for name, each in commands(folder, "pictures", asked.epochs):
        print(f"| {name} | {each.seconds:.0f} | {each.own:.0f} |", flush=True)
    print("seconds of each fit:", epochs_of(folder), file=sys.stderr)


if __name__ == "__main__":
    main()

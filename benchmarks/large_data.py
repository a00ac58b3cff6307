"""A dataset that is larger than the memory, from its files to a scored model.

``python -m benchmarks.large_data FOLDER`` writes 100,000 pictures of 64x64 pixels in colour to ``FOLDER``
(1.2 GB when decoded) and runs ``refold inspect``, ``run``, ``verify``, ``export`` and ``evaluate`` on them.

What is limited is the memory that a command and all its processes have for themselves, together: 1 GiB.
Pages of files are not counted, mapped ones included: the system gives them up when they are in the way.
refold is told that the machine has so much, as it would find out in a container, and a watcher looks
every 0.1 s and ends a command that has more. With ``--control-group GROUP`` the kernel does that instead,
and counts pages of files too: GROUP is the folder of a control group that you have made and may write to.
It prints a table of times and memory. ``--npz`` takes the pictures from one ``.npz`` file instead of
100,000 files.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
from PIL import Image

from trainer.datasets import DatasetSource, read

CLASSES, SIZE, MEMBERS = 10, 64, 5

#: Memory that all processes of a command may have for themselves together, in bytes.
LIMIT = 2**30

#: refold, on a machine that has as much memory as the first argument says.
LIMITED = """\
import sys
import psutil
from sweeps.diagnostics import machine
limit, held = int(sys.argv.pop(1)), psutil.Process().memory_info
machine.available_memory = lambda *_: max(0, limit - (held().rss - held().shared))
from refold.__main__ import main
sys.exit(main())
"""

#: Loads the pictures from one kind of source; prints the seconds of that, and the fingerprints.
LOAD = """\
import sys, time
import numpy as np
from trainer.datasets import Arrays, DatasetSource, load
kind, begun = sys.argv[1], time.perf_counter()
if kind == "folder":
    found = load(DatasetSource(source="pictures", groups="(g[0-9]+)_"))
elif kind == ".npz":
    found = load(DatasetSource(source="pictures.npz"))
else:
    with np.load("pictures.npz") as data:
        labels, groups, names = data["labels"], data["groups"], data["class_names"]
        images = data["images"] if kind == "arrays" else np.load("images.npy", mmap_mode="r")
    found = load(Arrays(images, labels, classes=names, groups=groups))
print(f"{time.perf_counter() - begun:.0f} {found.search.fingerprint} {found.exam.fingerprint}")
"""

SWEEP = """\
name = "large"
trials = 1
dataset = {{ source = "{source}"{groups} }}

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


def write_npz(folder: Path) -> None:
    """Write ``pictures.npz`` with the pictures of the folder, in the same order, unless it is there."""
    if (folder / "pictures.npz").exists():
        return
    found = read(DatasetSource(source=str(folder / "pictures"), groups="(g[0-9]+)_"))
    arrays = {"images": found.images, "labels": found.labels, "groups": np.array(found.group_of)}
    np.savez(folder / "pictures.npz", class_names=np.array(found.classes), allow_pickle=False, **arrays)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a command took: seconds, the most memory of its own in MiB, and what it printed."""

    seconds: float
    own: float
    output: str


class Watcher(threading.Thread):
    """Looks at a command's memory until it ends, and ends it if it has more than the limit.

    Args:
        root: the command's process.
        ends: whether to end the command; False if the kernel does it.
    """

    def __init__(self, root: int, *, ends: bool) -> None:
        super().__init__()
        self._root, self._ends = root, ends
        self.most, self.reached = 0, False
        self._over = threading.Event()

    def run(self) -> None:
        """Look until ``stop`` is called."""
        while not self._over.wait(0.1):
            processes = family(self._root)
            own = sum(map(own_memory, processes))
            self.most = max(self.most, own)
            if own > LIMIT and self._ends:
                self.reached = True
                for process in processes:
                    with suppress(psutil.NoSuchProcess):
                        process.kill()

    def stop(self) -> None:
        """End looking."""
        self._over.set()
        self.join()


def family(root: int) -> list[psutil.Process]:
    """Return a process and all that it has started."""
    try:
        process = psutil.Process(root)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def own_memory(process: psutil.Process) -> int:
    """Return the bytes in memory that are no pages of files; 0 if the process has ended."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return sum(1024 * int(kib) for kib in re.findall(r"^Rss(?:Anon|Shmem):\s+(\d+) kB", status, re.MULTILINE))


def run(words: list[str], folder: Path, group: Path | None) -> Taken:
    """Run a command within the limit.

    Raises:
        SystemExit: if it fails, or was ended because it reached the limit.
    """
    command = [sys.executable, "-c", LIMITED, str(LIMIT), *words]
    if group is not None:
        command = [sys.executable, "-m", "refold", *words]
        v1, v2 = group / "memory.limit_in_bytes", group / "memory.max"
        (v1 if v1.exists() else v2).write_text(str(LIMIT))
        command = ["sh", "-c", f'echo $$ > "{group}/cgroup.procs" && exec "$@"', "sh", *command]
    begun = time.perf_counter()
    with (
        tempfile.TemporaryFile("w+") as output,
        subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT) as process,
    ):
        watcher = Watcher(process.pid, ends=group is None)
        watcher.start()
        try:
            code = process.wait()
        finally:
            watcher.stop()
        output.seek(0)
        said = output.read()
    seconds = time.perf_counter() - begun
    if watcher.reached:
        raise SystemExit(f"refold {' '.join(words)} was ended: {watcher.most / 2**20:.0f} MiB")
    if code not in {0, 1} or (code and words[0] != "inspect"):
        raise SystemExit(f"refold {' '.join(words)} ended with {code}:\n{said[-3000:]}")
    return Taken(seconds=seconds, own=watcher.most / 2**20, output=said)


def commands(folder: Path, source: str, epochs: int, group: Path | None) -> Iterator[tuple[str, Taken]]:
    """Run the commands in order; yield what each took."""
    pattern = "(g[0-9]+)_"
    groups = "" if source.endswith(".npz") else f', groups = "{pattern}"'
    (folder / "large.toml").write_text(
        SWEEP.format(source=source, groups=groups, epochs=epochs), encoding="utf-8"
    )

    def taken(*words: str) -> Taken:
        return run(list(words), folder, group)

    yield "inspect", taken("inspect", "large.toml")
    yield "run", taken("run", "large.toml", "--workers", "1", "--quiet")
    yield "verify", taken("verify", "large", "--workers", "1")
    yield "export", (exported := taken("export", "large", "--json"))
    model = json.loads(exported.output[exported.output.index("{") :])["folder"]
    yield "evaluate", taken("evaluate", model, source, *(["--groups", pattern] if groups else []))


def prepare(folder: Path, images: int) -> None:
    """Load the pictures from each kind of source; print seconds, memory and fingerprints.

    Raises:
        SystemExit: if one needs more than the limit; arrays in memory may.
    """
    write_npz(folder)
    pixels = np.lib.format.open_memmap(
        folder / "images.npy", mode="w+", dtype=np.uint8, shape=(images, SIZE, SIZE, 3)
    )
    pixels[:] = read(DatasetSource(source=str(folder / "pictures.npz"))).images
    print("| source | seconds | own memory, MiB | search | exam |\n| --- | --- | --- | --- | --- |")
    for kind in ("folder", ".npz", "mapped arrays", "arrays"):
        with subprocess.Popen(
            [sys.executable, "-c", LOAD, kind], cwd=folder, stdout=subprocess.PIPE, text=True
        ) as process:
            watcher = Watcher(process.pid, ends=kind != "arrays")
            watcher.start()
            said, _ = process.communicate()
            watcher.stop()
        if process.returncode:
            raise SystemExit(f"{kind}: ended with {process.returncode}, {watcher.most / 2**20:.0f} MiB")
        seconds, search, exam = said.split()
        print(f"| {kind} | {seconds} | {watcher.most / 2**20:.0f} | {search[:8]} | {exam[:8]} |", flush=True)


def told_of(folder: Path) -> str:
    """Return the sweep's digest, and the seconds of an epoch with its scoring."""
    shown = subprocess.run(
        [sys.executable, "-m", "refold", "show", "large", "--json"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(shown.stdout)
    epochs = sum(fold["epochs"] for trial in found["trials"] for fold in trial["folds"])
    seconds = sum(trial["duration_s"] for trial in found["trials"]) / epochs
    return f"digest {found['digest']}, {seconds:.0f} s an epoch, reading and scoring included"


def main() -> None:
    """Write the pictures, run the commands and print the table."""
    reader = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.large_data")
    reader.add_argument("folder", type=Path, help="an empty folder with 4 GB of room")
    reader.add_argument("--images", type=int, default=100_000)
    reader.add_argument("--epochs", type=int, default=2)
    reader.add_argument("--npz", action="store_true", help="take the pictures from an .npz file")
    reader.add_argument("--prepare", action="store_true", help="load them from each kind of source, no more")
    reader.add_argument("--control-group", type=Path, help="folder of a control group that sets the limit")
    asked = reader.parse_args()
    folder = asked.folder.absolute()
    begun = time.perf_counter()
    if not (folder / "pictures").exists():
        make(folder / "pictures", asked.images)
        print(f"{asked.images} pictures written in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    if asked.prepare:
        prepare(folder, asked.images)
        return
    source = "pictures"
    if asked.npz:
        source = "pictures.npz"
        write_npz(folder)
    shutil.rmtree(folder / "refold-runs", ignore_errors=True)
    print("| command | seconds | own memory, MiB |\n| --- | --- | --- |")
    for name, each in commands(folder, source, asked.epochs, asked.control_group):
        print(f"| {name} | {each.seconds:.0f} | {each.own:.0f} |", flush=True)
    print(told_of(folder))


if __name__ == "__main__":
    main()

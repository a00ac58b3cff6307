"""The original question, measured: ``python -m benchmarks.original_question``.

Somebody set every seed, trained a small network on 30,000 random images five times, and got five losses.
This trains the same network on such images in fresh processes: with plain Keras, with its seeds, with
refold, and with refold's measures removed one at a time. docs/reproducibility.md explains the table.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.one_training import fit_spec, training_of
from benchmarks.settings import MAIN, REMOVED, Setting
from benchmarks.summary import Row, Training, promise_kept, table
from trainer.datasets import Dataset, store
from trainer.process.jobs import Job
from trainer.process.training_process import TrainingProcess
from trainer.runtime import determinism
from trainer.runtime.environment import environment

ROOT = Path(__file__).resolve().parent.parent
POSTED = "12.5042 to 12.5062 (five runs; a spread of 0.0020)"
CLASSES = 10

#: With a measure removed, one image in so many is trained on, and at most so many runs are made.
REMOVED_SHARE, REMOVED_RUNS = 10, 3

#: Below it not even two batches are left for those runs.
SMALLEST = 1280


def random_images(count: int) -> Dataset:
    """Return ``count`` images of noise, 28x28x1 in [0, 1), with random labels: the same ones every time."""
    draw = np.random.RandomState(2018)  # its streams are frozen, unlike those of NumPy's generators
    images = draw.random_sample((count, 28, 28, 1)).astype(np.float32)
    labels = draw.randint(0, CLASSES, count).astype(np.int32)
    return Dataset(
        name="noise",
        images=images,
        labels=labels,
        classes=tuple(str(label) for label in range(CLASSES)),
        pixel_max=1.0,
    )


def child_environment(setting: Setting) -> dict[str, str]:
    """Return the environment of a process that trains under ``setting``."""
    variables: dict[str, str | None] = {**determinism.training_environment()}
    if setting.trainer == "keras":  # as a script finds it: nothing set but what hides GPUs and log lines
        ours = {"CUDA_VISIBLE_DEVICES", "TF_CPP_MIN_LOG_LEVEL", "KERAS_BACKEND"}
        variables |= dict.fromkeys(set(determinism.CPU.variables) - ours)
    else:
        for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
            variables[name] = str(setting.threads)
        variables["TF_NUM_INTEROP_THREADS"] = str(setting.interop_threads)
    variables |= dict(setting.variables)
    return {name: value for name, value in variables.items() if value is not None}


def train_once(setting: Setting, stored: Path) -> Training:
    """Train once in a fresh process.

    Raises:
        RuntimeError: if it does not end well, with the end of what it printed.
    """
    if setting.trainer == "process":
        return _with_training_process(stored)
    request = json.dumps({**asdict(setting), "dataset": str(stored)})
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.one_training", request],
        env=child_environment(setting),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{setting.key}: the training ended with {done.returncode}: {done.stderr[-2000:]}")
    return Training(**json.loads(done.stdout.splitlines()[-1]))


def _with_training_process(stored: Path) -> Training:
    """Train as a sweep does."""
    with tempfile.TemporaryDirectory() as folder:
        process = TrainingProcess(Path(folder) / "log")
        try:
            job = Job(spec=fit_spec(stored), dataset=str(stored))
            run = process.run(job, lambda _number, _epoch, _seconds: None)
        finally:
            process.close()
    return training_of(run.result, sum(run.timing.epoch_seconds))


def measure(settings: Sequence[Setting], stored: Path, *, runs: int, processes: int) -> Iterator[Row]:
    """Train ``runs`` times under each setting, ``processes`` at a time; print each run as it ends."""
    images = len(np.load(stored / "labels.npy", mmap_mode="r"))
    with ThreadPoolExecutor(processes) as pool:
        started = [
            (setting, [pool.submit(train_once, setting, stored) for _ in range(runs)]) for setting in settings
        ]
        for setting, futures in started:
            trainings = []
            for future in futures:
                trainings.append(future.result())
                say(f"{setting.key:24} {progress(trainings[-1])}")
            yield Row(
                key=setting.key,
                title=setting.title,
                images=images,
                trainings=tuple(trainings),
                reference=setting.reference,
            )


def progress(training: Training) -> str:
    """Return one training on one line."""
    return (
        f"loss {training.loss:.10f}  accuracy {training.accuracy:.8f}  "
        f"weights {training.weights_sha256[:16]}  {training.seconds:.1f} s"
    )


def machine() -> str:
    """Return date, processor, cores and versions as Markdown lines."""
    here = environment()
    packages = ", ".join(f"{name} {here.packages[name]}" for name in ("tensorflow", "keras", "numpy"))
    cpu = here.cpu
    kind = ", ".join(f"{name} {cpu.get(name)}" for name in ("vendor_id", "cpu family", "model"))
    vectors = "AVX-512" if "avx512f" in cpu.get("vectors", "") else "AVX2 or less"
    return (
        f"- date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n"
        f"- processor: {cpu['model name']} ({kind}), {vectors}, {len(os.sched_getaffinity(0))} cores\n"
        f"- software: Python {here.python}, {packages}, {here.system}\n"
    )


def page(rows: Sequence[Row], command: str, seconds: float) -> str:
    """Return the whole report as Markdown."""
    return (
        f"{machine()}- command: `{command}` ({seconds / 60:.0f} minutes)\n"
        f"- losses posted with the question: {POSTED}\n\n{table(rows)}"
    )


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.original_question", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="runs of each main setting (default: 5)")
    parser.add_argument("--images", type=int, default=30_000, help="images (default: 30000)")
    parser.add_argument("--markdown", type=Path, help="write the report to this file as well")
    parser.add_argument("--quick", action="store_true", help="2 runs of 1280 images: minutes, to try it out")
    parser.add_argument("--processes", type=int, default=2, help="trainings at a time (default: 2)")
    asked = parser.parse_args(given)
    if asked.quick:
        asked.runs, asked.images = 2, 1280
    if asked.runs < 2 or asked.images < SMALLEST or asked.processes < 1:
        parser.error(f"at least 2 runs, {SMALLEST} images and 1 process are needed")
    return asked


def main(given: Sequence[str] | None = None) -> int:
    """Run the experiment and print the report; 0 if refold's runs were equal in every byte, else 1."""
    asked = arguments(given)
    start = datetime.now(UTC)
    say(machine())
    with tempfile.TemporaryDirectory() as folder:
        sizes = (
            (MAIN, asked.images, asked.runs),
            (REMOVED, asked.images // REMOVED_SHARE, min(asked.runs, REMOVED_RUNS)),
        )
        rows: list[Row] = []
        for settings, images, runs in sizes:
            stored = store(random_images(images), Path(folder))
            rows += measure(settings, stored, runs=runs, processes=asked.processes)
    command = " ".join(["python -m benchmarks.original_question", *(given or sys.argv[1:])])
    report = page(rows, command, (datetime.now(UTC) - start).total_seconds())
    say(f"\n{report}")
    if asked.markdown:
        asked.markdown.write_text(report, encoding="utf-8")
    kept = promise_kept(rows, ("refold", "small"))
    say("refold: every byte equal in all runs" if kept else "refold: THE RUNS DIFFER")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

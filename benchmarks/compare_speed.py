"""refold against the loops that people write: ``python -m benchmarks.compare_speed``.

Runs the same sweep with refold, by hand, with KerasTuner and with Ray Tune, one after the other on this
machine, each in its own environment (made on the first run, some minutes). Twice: with equal work, and as
each searches by itself. Prints Markdown. ``--out FILE`` keeps the raw figures, and what it holds is not
measured again.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import virtual_environments
from benchmarks.speed_table import MODES, TOOLS, Mode, Row, tables
from benchmarks.task import Task, Trial, best_f1, fold_epochs, read_trials
from benchmarks.with_refold import sweep_file, trials_of_record
from sweeps.definition.prepare import git_commit
from trainer.architectures import BUILT_IN
from trainer.runtime.environment import environment

ROOT = virtual_environments.ROOT
DATA: Mapping[str, tuple[str, int | None]] = {"digits": ("digits", None), "fashion": ("fashion_mnist", 4000)}
MODULES = {"by_hand": "by_hand", "keras_tuner": "with_keras_tuner", "ray_tune": "with_ray_tune"}

#: Set for every tool: it decides nothing but what is printed and who is told.
VARIABLES = {
    "PYTHONPATH": str(ROOT),
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
}

#: Left out of every tool's environment: it would change how fast TensorFlow is, or where records go.
REMOVED = (
    "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "TF_ENABLE_ONEDNN_OPTS",
    "TF_XLA_FLAGS", "MLFLOW_TRACKING_URI", "REFOLD_HOME",
)  # fmt: skip


class ToolFailed(Exception):
    """A tool did not end well: the end of what it printed."""


def run_tool(tool: str, mode: Mode, task: Task, python: Path) -> Row:
    """Run the task with one tool and measure it.

    Args:
        tool: key of ``TOOLS``.
        mode: decides whether refold prunes; that others repeat its trials is in ``task.given``.
        task: what to do.
        python: of the tool's environment.

    Raises:
        ToolFailed: if its command fails, or it did not run as many trials as it was asked for.
    """
    with tempfile.TemporaryDirectory(prefix="speed-") as name:
        folder = Path(name)
        command = _command(tool, mode, task, python, folder)
        # What one tool reads from the disk and the next finds in memory must not be part of the comparison.
        _run([str(python), "-c", "import tensorflow, mlflow"], folder)
        load, started_at = os.getloadavg()[0], datetime.now(UTC)
        start = time.perf_counter()
        _run(command, folder)
        seconds = time.perf_counter() - start
        trials = _trials(tool, python, folder)
    asked = len(task.given) if task.given is not None else task.trials * len(task.architectures)
    if len(trials) != asked:
        raise ToolFailed(f"{tool} ran {len(trials)} trials instead of {asked}")
    return Row(
        mode=mode,
        tool=tool,
        seconds=seconds,
        trials=tuple(trials),
        load=load,
        started_at=f"{started_at:%Y-%m-%d %H:%M}",
        versions=virtual_environments.versions(python),
    )


def _command(tool: str, mode: Mode, task: Task, python: Path, folder: Path) -> list[str]:
    if tool == "refold":
        text = sweep_file(task, prune=mode == "search")
        (folder / "sweep.toml").write_text(text, encoding="utf-8")
        return [str(python), "-m", "refold", "run", str(folder / "sweep.toml"), *_home(folder)]
    task.write(folder / "task.json")
    files = (str(folder / "task.json"), str(folder / "trials.json"))
    return [str(python), "-m", f"benchmarks.{MODULES[tool]}", *files]


def _trials(tool: str, python: Path, folder: Path) -> list[Trial]:
    if tool != "refold":
        return read_trials(folder / "trials.json")
    shown = _run([str(python), "-m", "refold", "show", "speed", "--json", *_home(folder)], folder)
    return trials_of_record(shown)


def _home(folder: Path) -> list[str]:
    return ["--home", str(folder / "home")]


def _run(command: Sequence[str], folder: Path) -> str:
    """Run a command to its end and return what it wrote to standard output."""
    inherited = {name: value for name, value in os.environ.items() if name not in REMOVED}
    with (folder / "log").open("w+b") as log:
        done = subprocess.run(
            command, env=inherited | VARIABLES, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, check=False
        )
        if done.returncode:
            end = (folder / "log").read_text(encoding="utf-8", errors="replace")[-3000:]
            raise ToolFailed(f"{' '.join(command)} ended with {done.returncode}:\n{end}")
    return done.stdout.decode()


class Results:
    """The rows so far, in a file that always holds all of them.

    Raises:
        ValueError: if the file holds those of another task.
    """

    def __init__(self, path: Path | None, task: Task) -> None:
        self._path = path
        self._about: dict[str, Any] = {
            "task": json.loads(json.dumps(task.sizes)),
            "commit": git_commit(ROOT),
            "machine": environment().cpu,
            "cores": len(os.sched_getaffinity(0)),
        }
        self.rows: list[Row] = []
        if path is not None and path.exists():
            held = json.loads(path.read_text(encoding="utf-8"))
            if held["task"] != self._about["task"]:
                raise ValueError(f"{path} holds the results of another task: name another file")
            self.rows = [Row.from_json(row) for row in held["rows"]]

    def row(self, mode: Mode, tool: str) -> Row | None:
        """Return what was measured, None if it was not."""
        return next((row for row in self.rows if (row.mode, row.tool) == (mode, tool)), None)

    def add(self, row: Row) -> None:
        """Keep a row."""
        self.rows.append(row)
        if self._path is not None:
            content = json.dumps(self._about | {"rows": [row.to_json() for row in self.rows]}, indent=1)
            self._path.write_text(content + "\n", encoding="utf-8")


def measure(task: Task, modes: Sequence[Mode], tools: Sequence[str], folder: Path, results: Results) -> None:
    """Run what is missing; refold first, because its trials are what the others repeat.

    Args:
        task: the sweep, without given trials.
        modes: which of ``MODES``.
        tools: which of ``TOOLS``.
        folder: where environments are kept.
        results: takes the rows.
    """
    for mode in modes:
        for tool in (tool for tool in TOOLS if tool in tools or (mode == "equal" and tool == "refold")):
            if results.row(mode, tool) is not None:
                continue
            theirs = task
            if mode == "equal" and tool != "refold":
                record = results.row("equal", "refold")
                assert record is not None  # noqa: S101 - it came first
                theirs = replace(task, given=record.trials)
            row = run_tool(tool, mode, theirs, virtual_environments.interpreter(tool, folder))
            results.add(row)
            say(
                f"{mode:6}  {tool:11}  {row.seconds:8.1f} s  {fold_epochs(row.trials):6} fold-epochs  "
                f"best macro-F1 {best_f1(row.trials) or 0:.4f}"
            )


def page(results: Results, task: Task, command: str) -> str:
    """Return the whole report as Markdown."""
    here = environment()
    packages = sorted({item for row in results.rows for item in row.versions.items()})
    loads = [row.load for row in results.rows]
    dates = sorted(row.started_at for row in results.rows)
    samples = f" ({task.samples:,} images)" if task.samples else ""
    return (
        f"- date: {dates[0]} to {dates[-1]} UTC, load before each run {min(loads):.1f} to {max(loads):.1f}\n"
        f"- processor: {here.cpu.get('model name', 'unknown')}, {len(os.sched_getaffinity(0))} cores\n"
        f"- software: {', '.join(f'{name} {number}' for name, number in packages)}\n"
        f"- sweep: {task.dataset}{samples}, {', '.join(task.architectures)}; {task.trials} trials each, "
        f"{task.folds} folds, at most {task.epochs} epochs, patience {task.patience}, seed {task.seed}\n"
        f"- command: `{command}`\n\n{tables(results.rows)}"
    )


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare_speed", description=__doc__)
    parser.add_argument("--data", choices=DATA, default="digits", help="default: digits")
    parser.add_argument("--samples", type=int, help="images of it (default: all digits, 4000 of fashion)")
    parser.add_argument("--architectures", default=",".join(BUILT_IN), help="default: all six")
    parser.add_argument("--trials", type=int, default=4, help="of each architecture (default: 4)")
    parser.add_argument("--folds", type=int, default=5, help="default: 5")
    parser.add_argument("--epochs", type=int, default=15, help="at most (default: 15)")
    parser.add_argument("--patience", type=int, default=5, help="default: 5")
    parser.add_argument("--seed", type=int, default=1, help="default: 1")
    parser.add_argument("--only", default=",".join(TOOLS), help=f"some of {','.join(TOOLS)}")
    parser.add_argument("--modes", default=",".join(MODES), help="equal, search or both (default: both)")
    parser.add_argument("--out", type=Path, help="keep the raw figures as JSON; go on where it ends")
    parser.add_argument("--markdown", type=Path, help="write the report to this file as well")
    parser.add_argument(
        "--environments",
        type=Path,
        default=ROOT / "build" / "environments",
        help="where virtual environments are kept (default: build/environments)",
    )
    asked = parser.parse_args(given)
    for name, known in (("architectures", BUILT_IN), ("only", TOOLS), ("modes", MODES)):
        values = tuple(getattr(asked, name).split(","))
        unknown = [value for value in values if value not in known]
        if unknown:
            parser.error(f"--{name}: {unknown[0]!r} is unknown, there is {', '.join(known)}")
        setattr(asked, name, values)
    sizes = (asked.trials, asked.epochs, asked.patience, asked.folds - 1)
    if min(sizes) < 1:
        parser.error("at least 1 trial, 1 epoch, a patience of 1 and 2 folds are needed")
    return asked


def main(given: Sequence[str] | None = None) -> int:
    """Measure, print the report, and return 0; 1 if a tool failed."""
    asked = arguments(given)
    dataset, samples = DATA[asked.data]
    task = Task(
        dataset=dataset,
        samples=asked.samples or samples,
        architectures=asked.architectures,
        trials=asked.trials,
        folds=asked.folds,
        epochs=asked.epochs,
        patience=asked.patience,
        seed=asked.seed,
    )
    try:
        results = Results(asked.out, task)
        measure(task, asked.modes, asked.only, asked.environments.resolve(), results)
    except (ToolFailed, ValueError, OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    command = " ".join(["python -m benchmarks.compare_speed", *(sys.argv[1:] if given is None else given)])
    report = page(results, task, command)
    say(f"\n{report}")
    if asked.markdown:
        asked.markdown.write_text(report, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

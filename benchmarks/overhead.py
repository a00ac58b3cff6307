"""What refold costs a trial beside training: ``python -m benchmarks.overhead``.

The real loop, ledger and MLflow view on disk, with the tests' closed formula in place of training. A sweep
that has come far already is made up, its last trials are run and their parts timed. MLflow's writer, in a
sweep a thread of its own, writes after every fit here, as it does where a fit takes a second or more. Prints
Markdown.
"""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.stopwatch import Stopwatch
from sweeps.api import sweep as api
from sweeps.definition.plan import Plan
from sweeps.definition.prepare import Prepared
from sweeps.definition.spec import Prune
from sweeps.execution import loop
from sweeps.execution.progress import Silent
from sweeps.home import Home
from sweeps.search.proposals import propose
from sweeps.search.schedule import Schedule
from tests.closed_formula import InlineWorkers, Saying, in_memory_ledger, plan, prepared, run_of, starter
from tracking.ledger.file import SCHEMA_VERSION
from tracking.ledger.ledger import Ledger
from tracking.mlflow import view
from tracking.mlflow.content import trial_key
from tracking.mlflow.runs import KnownRun, RunWriter
from tracking.records import SweepRecord
from trainer.fits.seeds import proposal_seed
from trainer.fits.specs import FitSpec
from trainer.hyperparameters import Float

ROOT = Path(__file__).resolve().parent.parent
FOLDS = 5

Clock = Callable[[], float]

#: Parts of the coordinator's loop, and of MLflow's writer.
LOOP = ("propose", "schedule", "keys", "ledger", "rest")
MLFLOW = ("read the ledger", "sweep's run", "trials' runs", "pictures", "rest of the view")

_FIRST_EPOCH = """
import sys, time
from sweeps.api import sweep as api
from sweeps.execution.events import EpochEnded, FitStarted

class Times:
    def handle(self, event):
        if isinstance(event, FitStarted):
            print("fit", time.time(), flush=True)
        elif isinstance(event, EpochEnded):
            print("epoch", time.time(), flush=True)

api.run(sys.argv[1], home=sys.argv[2], progress=Times())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhead:
    """Milliseconds a trial of one sweep, by part; ``resume_s`` are the seconds until it goes on."""

    trials: int
    loop: Mapping[str, float]
    mlflow: Mapping[str, float]
    resume_s: float


def made_up_plan(trials: int) -> Plan:
    """Return a sweep of one architecture, whose trials train all their folds."""
    made = plan(architectures=1, trials=trials, folds=FOLDS, prune=Prune(enabled=False))
    (alpha,) = made.architectures
    space = {**alpha.space, "dropout": Float(low=0.0, high=0.3)}
    return replace(made, architectures=(replace(alpha, space=space),))


def fill(made: Prepared, home: Path, trials: int) -> None:
    """Write a ledger in which the first ``trials`` trials are complete, at random hyperparameters.

    It is filled in memory and then put on disk: what is to be measured comes after.
    """
    ledger = in_memory_ledger()
    loop.enter(made, ledger)
    (architecture,) = made.plan.architectures
    for number in range(trials):
        seed = proposal_seed(made.plan.seed, architecture.name, number)
        specs = made.plan.fit_specs(
            architecture, number, propose(architecture.space, [], [], seed=seed, startup=1)
        )
        ledger.add_proposal(made.spec.name, architecture.name, number, specs, time.time())
        for spec in specs:
            ledger.add_run(spec, run_of(spec))
    ledger.renew_seals()
    home.mkdir(parents=True, exist_ok=True)
    memory = ledger._connection
    memory.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    disk = sqlite3.connect(home / "ledger.sqlite")
    memory.backup(disk)
    disk.close()
    memory.close()


class _Workers(InlineWorkers):
    """Counts what stands in for training apart."""

    def __init__(self, watch: Stopwatch) -> None:
        super().__init__(2)
        self._watch = watch

    def finished(self, timeout: float) -> Any:
        """See ``Workers``."""
        with self._watch.part("stand-in for training"):
            return super().finished(timeout)


@contextmanager
def _at_first_proposal(begin: Callable[[], None]) -> Iterator[None]:
    """Call ``begin`` before the first trial that the ledger does not hold is proposed."""
    begun = False

    def proposal(*given: Any, **named: Any) -> Any:
        nonlocal begun
        if not begun:
            begun = True
            begin()
        return propose(*given, **named)

    vars(loop)["propose"] = proposal
    try:
        yield
    finally:
        vars(loop)["propose"] = propose


def measure(trials: int, last: int, clock: Clock = time.perf_counter) -> Overhead:
    """Run the last trials of a sweep and time their parts.

    Args:
        trials: how many the sweep has.
        last: how many of them are run; the others are made up before.
        clock: what time is.
    """
    made = prepared(made_up_plan(trials))
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        fill(made, home.path, trials - last)
        shutil.copytree(home.path, home.path / "copy")
        loop, resume_s = _timed_loop(made, home, clock)
        mlflow = _timed_mlflow(made, Home(home.path / "copy"), clock)
    return Overhead(
        trials=trials,
        loop={name: 1000 * loop.get(name, 0.0) / last for name in LOOP},
        mlflow={name: 1000 * mlflow.get(name, 0.0) / last for name in MLFLOW},
        resume_s=resume_s,
    )


def _timed_loop(made: Prepared, home: Home, clock: Clock) -> tuple[dict[str, float], float]:
    """Return the seconds of each part of the loop, and those until it proposes something new."""
    watch = Stopwatch(clock)
    key: Any = FitSpec.key
    start = clock()
    begun: list[float] = []

    def begin() -> None:
        begun.append(clock() - start)
        watch.restart()
        # Only now: a key is worked out in a property, which the watch cannot replace.
        timed = cached_property(watch._timed("keys", key.func))
        timed.__set_name__(FitSpec, "key")
        FitSpec.key = timed  # type: ignore[method-assign, assignment]

    try:
        with _at_first_proposal(begin):
            watch.watch("propose", loop, "propose")
            watch.watch("schedule", Schedule, "open_trials", "record", "waiting")
            watch.watch("schedule", loop, "choose")
            watch.watch("ledger", Ledger, "add_proposal", "add_run", "run_of")
            watch.watch("once, at the end", Ledger, "sweep")
            _run(made, home, watch)
            end = clock() - start
            watch.let_go()
    finally:
        FitSpec.key = key  # type: ignore[method-assign]
        watch.let_go()
    parts = dict(watch.seconds)
    return parts | {"rest": end - begun[0] - sum(parts.values())}, begun[0]


def _timed_mlflow(made: Prepared, home: Home, clock: Clock) -> dict[str, float]:
    """Return the seconds of each part of MLflow's writer, written after every fit."""
    name = made.spec.name
    mlflow_view = view.MlflowView(home.own_tracking_uri, home.artifacts, name)

    def read() -> SweepRecord:
        with Ledger.read(home.path) as reader:
            return reader.sweep(name)

    _believe_written(mlflow_view, read())
    watch = Stopwatch(clock)
    watch.watch("sweep's run", view, "sweep_content", "_progress")
    watch.watch("trials' runs", view, "trial_content")
    watch.watch("trials' runs", RunWriter, "create", "write")
    watch.watch("pictures", RunWriter, "_log_files")

    def write() -> None:
        with watch.part("read the ledger"):
            record = read()
        with watch.part("rest of the view"):
            mlflow_view.write(record)

    try:
        with _at_first_proposal(watch.restart):
            _run(made, home, watch, on_change=write)
    finally:
        watch.let_go()
    return dict(watch.seconds)


def _run(made: Prepared, home: Home, watch: Stopwatch, on_change: Callable[[], None] = lambda: None) -> None:
    """Run what is missing of the sweep."""
    with Ledger.open(home.path) as ledger:
        record = loop.run_sweep(
            made,
            home.path,
            ledger,
            start_workers=starter(_Workers(watch)),
            workers=2,
            progress=Silent(),
            on_change=on_change,
        )
    assert record.finished  # noqa: S101 - or the figures mean nothing


def _believe_written(view: view.MlflowView, record: SweepRecord) -> None:
    """Let the view take the trials so far for written: writing thousands would take an hour."""
    view.write(replace(record, trials=()))
    for trial in record.trials:
        state = (trial.state, True, tuple(fold.run.result.key for fold in trial.folds))
        view._runs[trial_key(record, trial)] = KnownRun("", state=state)


def whole_sweep(trials: int) -> float:
    """Return milliseconds a trial of a whole sweep, until MLflow, in its own thread, has all of it.

    Raises:
        RuntimeError: if MLflow does not have it then.
    """
    heard = Saying()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        start = time.perf_counter()
        api.run_recorded(
            prepared(made_up_plan(trials)),
            home,
            home.own_tracking_uri,
            start_workers=starter(InlineWorkers(2)),
            workers=2,
            progress=heard,
        )
        milliseconds = 1000 * (time.perf_counter() - start) / trials
        if any("refold sync" in line for line in heard.said):
            raise RuntimeError(" ".join(heard.said))
        return milliseconds


def first_epoch(sweep: str) -> tuple[float, float]:
    """Return the seconds from the start of a process to its first fit and to the end of the first epoch."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sweep.toml").write_text(sweep, encoding="utf-8")
        start = time.time()
        done = subprocess.run(
            [sys.executable, "-c", _FIRST_EPOCH, f"{folder}/sweep.toml", f"{folder}/home"],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
    times: dict[str, float] = {}
    for line in done.stdout.splitlines():
        kind, at = line.split()
        times.setdefault(kind, float(at) - start)
    return times["fit"], times["epoch"]


def table(rows: Sequence[Overhead]) -> str:
    """Return the rows as two Markdown tables, all in milliseconds a trial."""
    loop: list[tuple[str, ...]] = [("trials", *LOOP, "loop, a trial", "going on again")]
    loop += [
        (
            f"{row.trials:,}",
            *(f"{row.loop[name]:.1f}" for name in LOOP),
            f"{sum(row.loop.values()):.1f}",
            f"{row.resume_s:.1f} s",
        )
        for row in rows
    ]
    mlflow: list[tuple[str, ...]] = [("trials", *MLFLOW, "MLflow, a trial")]
    mlflow += [
        (
            f"{row.trials:,}",
            *(f"{row.mlflow[name]:.1f}" for name in MLFLOW),
            f"{sum(row.mlflow.values()):.1f}",
        )
        for row in rows
    ]
    return "\n".join(_markdown(lines) for lines in (loop, mlflow))


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    head, *rest = lines
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ["---:"] * len(head), *rest))


def main(given: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument("--trials", default="100,1000,5000", help="lengths (default: 100,1000,5000)")
    parser.add_argument("--last", type=int, default=10, help="trials run at each length (default: 10)")
    parser.add_argument("--whole", type=int, default=100, help="trials of a whole sweep (default: 100)")
    parser.add_argument("--no-training", action="store_true", help="leave out the start to the first epoch")
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="count what the processor does, not what is waited for: on a busy machine",
    )
    parser.add_argument("--out", type=Path, help="write the figures to this file as JSON")
    asked = parser.parse_args(given)
    try:
        lengths = [int(length) for length in asked.trials.split(",")]
    except ValueError:
        parser.error(f"--trials {asked.trials}: numbers with commas between, like 100,1000")
    if asked.last < 1 or asked.whole < 1 or min(lengths) <= asked.last:
        parser.error("--last and --whole are at least 1, and every length of --trials is above --last")
    clock = time.thread_time if asked.processor_time else time.perf_counter
    rows = [measure(length, asked.last, clock) for length in lengths]
    sys.stdout.write(
        f"Milliseconds a trial of {FOLDS} folds, one architecture, training left out:\n\n{table(rows)}\n"
    )
    whole = whole_sweep(asked.whole)
    sys.stdout.write(
        f"A whole sweep of {asked.whole} trials until MLflow has all of it, MLflow's own start included: "
        f"{whole:.1f} ms a trial\n"
    )
    figures: dict[str, Any] = {
        "rows": [
            {"trials": r.trials, "loop": r.loop, "mlflow": r.mlflow, "resume_s": r.resume_s} for r in rows
        ],
        "whole": {"trials": asked.whole, "ms": whole},
    }
    if not asked.no_training:
        fit, epoch = first_epoch(
            'name = "start"\ntrials = 1\n[cv]\nfolds = 2\nepochs = 1\n[architectures.baseline]\n'
        )
        sys.stdout.write(
            f"digits: {fit:.1f} s to the first fit, {epoch:.1f} s to the end of its first epoch\n"
        )
        figures["start"] = {"first_fit_s": fit, "first_epoch_s": epoch}
    if asked.out:
        asked.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

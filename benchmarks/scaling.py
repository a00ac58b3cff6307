"""How many workers a window keeps busy: ``python -m benchmarks.scaling``.

A discrete-event simulation of refold's own schedule, no training and no waiting: which share of the ideal,
all workers busy all the time, is reached with each ``search.window`` on 1, 4, 16 and 64 workers. Fits cost
what the architectures cost on two cores, and vary; one worker is a straggler. The rule of thumb that comes
of it stands in ``sweeps/execution/window_advice.py``.
"""

import argparse
import heapq
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sweeps.definition.plan import Plan, PlannedArchitecture
from sweeps.definition.spec import CrossValidation, Prune, Search
from sweeps.execution.dispatch import choose
from sweeps.search.schedule import Schedule, Trial
from trainer.fits.results import Epoch, FitResult
from trainer.fits.seeds import derive
from trainer.fits.specs import FitSpec

WORKERS, WINDOWS = (1, 4, 16, 64), (*range(1, 17), 24, 32)
GOAL = 0.9

#: Mean seconds of a fit on digits (README: 4 trials of 3 folds, two cores), in the order of the sweep.
COSTS: Mapping[str, float] = {
    "baseline": 1.3, "lenet": 1.0, "vgg": 3.3, "resnet": 7.7, "densenet": 2.7, "mobilenet": 3.3
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the simulated sweep consists of.

    Attributes:
        costs: mean seconds of a fit for each architecture.
        trials: of each architecture, at least 1.
        folds: at least 2.
        epochs: the most a fit trains; early stopping takes up to half of them off.
        spread: standard deviation of the logarithm of what a trial's hyperparameters make of its fits' cost,
            at least 0.
        prune: how trials are pruned. With it the first fold is a gate.
        straggler: one of several workers takes so many times as long, at least 1.
        seed: of costs and scores.
    """

    costs: Mapping[str, float]
    trials: int = 40
    folds: int = 5
    epochs: int = 15
    spread: float = 0.5
    prune: Prune = Prune()
    straggler: float = 3.0
    seed: int = 1

    def fit(self, spec: FitSpec, number: int) -> tuple[FitResult, float]:
        """Return what a fit comes to, and its seconds at full speed: the same whenever it runs."""
        place = (spec.architecture, number, int(spec.fold or 0))
        score = 0.95 - 0.1 * self._draw("trial", *place[:2]) ** 2 - 0.01 * self._draw("fold", *place)
        curve = [score - 0.3 / epoch for epoch in range(1, self._length(place) + 1)]
        state: Literal["complete", "pruned"] = "complete"
        for rung in spec.thresholds.rungs if spec.thresholds and spec.fold == 0 else ():
            if len(curve) >= rung.epoch and curve[rung.epoch - 1] < rung.f1:
                state, curve = "pruned", curve[: rung.epoch]
        hits = round(10_000 * score)
        result = FitResult(
            key=spec.key,
            state=state,
            epochs=tuple(_epoch(f1) for f1 in curve),
            best_epoch=len(curve),
            confusion=((hits, 10_000 - hits), (10_000 - hits, hits)) if state == "complete" else (),
            f1=hits / 10_000 if state == "complete" else None,
        )
        cost = self.costs[spec.architecture] * math.exp(self.spread * self._normal(*place[:2]))
        return result, cost * len(curve) / (0.75 * self.epochs)

    def _length(self, place: tuple[str | int, ...]) -> int:
        return max(1, round(self.epochs * (1.0 - 0.5 * self._draw("stopping", *place))))

    def _normal(self, *names: str | int) -> float:
        size = math.sqrt(-2 * math.log(self._draw("size", *names)))
        return size * math.cos(2 * math.pi * self._draw("angle", *names))

    def _draw(self, *names: str | int) -> float:
        """Return a number in (0, 1) that depends on its names alone."""
        return (derive(self.seed, *names) + 0.5) / 2**31


def _epoch(f1: float) -> Epoch:
    return Epoch(loss=1.0, accuracy=f1, stop_loss=1.0, stop_accuracy=f1, stop_f1=f1, weights_sha256="")


def share_of_ideal(load: Load, *, workers: int, window: int) -> float:
    """Return how much of the workers' time a sweep uses, in (0, 1]; a surplus fit of a pruned trial counts.

    Args:
        load: the sweep.
        workers: at least 1; with more than one, the last is the straggler.
        window: of the search, at least 1.
    """
    speeds = [1.0] * (workers - 1) + [1.0 / load.straggler if workers > 1 else 1.0]
    work, end = _run(load, window, speeds)
    return work / (end * sum(speeds))


def _run(load: Load, window: int, speeds: Sequence[float]) -> tuple[float, float]:
    """Return the seconds of work, at full speed, and the time at which the last fit that is needed ends."""
    schedule = Schedule(_plan(load, window), lambda _architecture, number, *_: {"number": number})
    now = work = 0.0
    clock: list[tuple[float, int, FitResult]] = []  # (end, worker, result), no two of one worker
    last: dict[str, tuple[str, int]] = {}
    running: set[int] = set()
    schedule.open_trials()
    while not schedule.finished:
        busy = {worker for _, worker, _ in clock}
        waiting = [item for item in schedule.waiting() if id(item[1]) not in running]
        for worker in range(len(speeds)):
            if worker in busy or not waiting:
                continue
            trial, spec = choose(waiting, _group, worker=str(worker), last=last)
            waiting = [item for item in waiting if item[1] is not spec]
            running.add(id(spec))
            last[str(worker)] = _group((trial, spec))
            result, seconds = load.fit(spec, trial.number)
            work += seconds
            heapq.heappush(clock, (now + seconds / speeds[worker], worker, result))
        now, _, result = heapq.heappop(clock)
        schedule.record(result)
        schedule.open_trials()
    return work - sum((end - now) * speeds[worker] for end, worker, _ in clock), now


def _group(item: tuple[Trial, FitSpec]) -> tuple[str, int]:
    trial, _ = item
    return trial.architecture.name, trial.number


def _plan(load: Load, window: int) -> Plan:
    return Plan(
        seed=load.seed,
        dataset="",
        trials=load.trials,
        cv=CrossValidation(folds=load.folds, epochs=load.epochs),
        search=Search(window=window),
        prune=load.prune,
        architectures=tuple(PlannedArchitecture(name=name, digest=name, space={}) for name in load.costs),
    )


def needed_window(shares: Mapping[int, float], goal: float = GOAL) -> int | None:
    """Return the smallest window that reaches ``goal``, None if none does.

    >>> needed_window({1: 0.5, 2: 0.91, 3: 0.89})
    2
    """
    return min((window for window, share in shares.items() if share >= goal), default=None)


def table(shares: Mapping[int, Mapping[int, float]]) -> str:
    """Return ``shares[workers][window]`` as a Markdown table, the smallest window that is enough below it."""
    windows = sorted({window for column in shares.values() for window in column})
    header = ("window", *(f"{workers} worker{'s' * (workers > 1)}" for workers in shares))
    rows = [(str(window), *(f"{column[window]:.0%}" for column in shares.values())) for window in windows]
    needed = [needed_window(column) for column in shares.values()]
    last = (f"{GOAL:.0%} from", *(str(window or f"not by {windows[-1]}") for window in needed))
    lines = [header, ("---:",) * len(header), *rows, last]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def measure(load: Load, workers: Sequence[int], windows: Sequence[int]) -> dict[int, dict[int, float]]:
    """Return ``share_of_ideal`` for each number of workers and window."""
    return {
        count: {window: share_of_ideal(load, workers=count, window=window) for window in windows}
        for count in workers
    }


def loads(trials: int, folds: int) -> dict[str, Load]:
    """Return the sweeps that the report is about, by title."""
    six: dict[str, Any] = {"costs": COSTS, "trials": trials, "folds": folds}
    one: dict[str, Any] = {"costs": {"resnet": COSTS["resnet"]}, "trials": 6 * trials, "folds": folds}
    return {
        f"Six architectures, {trials} trials each, {folds} folds, pruned as by default": Load(**six),
        "The same without pruning": Load(**six, prune=Prune(enabled=False)),
        f"One architecture, {6 * trials} trials, pruned as by default": Load(**one),
        "One architecture without pruning": Load(**one, prune=Prune(enabled=False)),
    }


def main(given: Sequence[str] | None = None) -> int:
    """Simulate and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--trials", type=int, default=40, help="of each of six architectures (default: 40)")
    parser.add_argument("--folds", type=int, default=5, help="default: 5")
    parser.add_argument("--straggler", type=float, default=3.0, help="times as slow (default: 3)")
    asked = parser.parse_args(given)
    if asked.trials < 1 or asked.folds < 2 or asked.straggler < 1:
        parser.error("at least 1 trial, 2 folds and a straggler of 1 are needed")
    for title, load in loads(asked.trials, asked.folds).items():
        sys.stdout.write(f"{title}:\n\n{table(measure(load, WORKERS, WINDOWS))}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())

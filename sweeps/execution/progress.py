"""What a person sees while a sweep runs: a live table on a terminal, plain lines elsewhere."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

from sweeps.definition.spec import Plan
from trainer.fits.results import FitRun
from trainer.fits.specs import FitSpec


class Progress(Protocol):
    """Hears of a sweep as it goes. Called from several threads; must not raise."""

    def begin(self, plan: Plan, workers: int) -> None:
        """The sweep begins, or goes on."""
        ...

    def epoch_ended(self, event: Mapping[str, Any]) -> None:
        """A worker has finished an epoch: key, epoch from 1, f1 of the stop set, seconds."""
        ...

    def fit_started(self, trial: int, spec: FitSpec) -> None:
        """A worker has been given a fit."""
        ...

    def fit_ended(self, trial: int, spec: FitSpec, run: FitRun, *, recorded: bool) -> None:
        """A fit has ended; ``recorded`` if the ledger held it from an earlier run."""
        ...

    def trial_ended(self, architecture: str, trial: int, score: float | None) -> None:
        """A trial has ended: its pooled macro-F1, or None if it has none."""
        ...

    def say(self, text: str) -> None:
        """Something the user should know, one line."""
        ...


class Silent:
    """Shows nothing."""

    def begin(self, plan: Plan, workers: int) -> None:
        """See ``Progress``."""

    def epoch_ended(self, event: Mapping[str, Any]) -> None:
        """See ``Progress``."""

    def fit_started(self, trial: int, spec: FitSpec) -> None:
        """See ``Progress``."""

    def fit_ended(self, trial: int, spec: FitSpec, run: FitRun, *, recorded: bool) -> None:
        """See ``Progress``."""

    def trial_ended(self, architecture: str, trial: int, score: float | None) -> None:
        """See ``Progress``."""

    def say(self, text: str) -> None:
        """See ``Progress``."""


@dataclass(slots=True)
class Tally:
    """What has been done and what that says about the time left."""

    plan: Plan
    workers: int
    done: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    best: dict[str, tuple[float, int]] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for architecture in self.plan.architectures:
            self.done[architecture.name] = self.ended[architecture.name] = 0
            self.seconds[architecture.name] = []

    @property
    def fits_per_architecture(self) -> int:
        """Fits that each architecture has if none fails."""
        return self.plan.trials * self.plan.cv.folds

    def time_left(self) -> float | None:
        """Return the expected seconds until the sweep ends, None before the first fit has ended.

        Each architecture's remaining fits cost what its own have cost so far (the mean of all where it has
        none yet). It cannot be less than the longest chain: the trials of one architecture follow each other
        in windows, and a trial keeps no more workers busy than it has folds.
        """
        known = [second for seconds in self.seconds.values() for second in seconds]
        if not known:
            return None
        overall = sum(known) / len(known)
        work, chain = 0.0, 0.0
        for name, seconds in self.seconds.items():
            mean = sum(seconds) / len(seconds) if seconds else overall
            spared = len(seconds) / self.done[name] if self.done[name] else 1.0
            left = (self.fits_per_architecture - self.done[name]) * mean * spared
            side_by_side = min(self.workers, self.plan.cv.folds * self.plan.search.window)
            work, chain = work + left, max(chain, left / side_by_side)
        return max(work / self.workers, chain)

    def count(self, spec: FitSpec, run: FitRun) -> None:
        """Take in a finished fit."""
        self.done[spec.architecture] += 1
        self.seconds[spec.architecture].append(run.timing.seconds)

    def end_trial(self, architecture: str, trial: int, score: float | None) -> None:
        """Take in an ended trial; the fits that a failed or pruned one no longer needs count as done."""
        self.ended[architecture] += 1
        if score is None:
            self.done[architecture] = max(
                self.done[architecture], self.ended[architecture] * self.plan.cv.folds
            )
        elif architecture not in self.best or score > self.best[architecture][0]:
            self.best[architecture] = (score, trial)


class PlainProgress:
    """One line for each fit: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._tally: Tally | None = None
        self._recorded = 0

    def begin(self, plan: Plan, workers: int) -> None:
        """See ``Progress``."""
        self._tally = Tally(plan, workers)

    def epoch_ended(self, event: Mapping[str, Any]) -> None:
        """See ``Progress``."""

    def fit_started(self, trial: int, spec: FitSpec) -> None:
        """See ``Progress``."""
        if self._recorded:
            self._line(f"{self._recorded} fits were recorded already")
            self._recorded = 0

    def fit_ended(self, trial: int, spec: FitSpec, run: FitRun, *, recorded: bool) -> None:
        """See ``Progress``."""
        if self._tally is None:
            return
        self._tally.count(spec, run)
        if recorded:
            self._recorded += 1
            return
        total = self._tally.fits_per_architecture * len(self._tally.plan.architectures)
        done = f"{sum(self._tally.done.values()):>{len(str(total))}}/{total}"
        left = duration(self._tally.time_left())
        self._line(
            f"{done}  {spec.architecture} t{trial:04} fold {spec.fold}: {outcome(run)}; about {left} left"
        )

    def trial_ended(self, architecture: str, trial: int, score: float | None) -> None:
        """See ``Progress``."""
        if self._tally:
            self._tally.end_trial(architecture, trial, score)

    def say(self, text: str) -> None:
        """See ``Progress``."""
        self._line(text)

    def _line(self, text: str) -> None:
        with self._lock:
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)


class LiveProgress:
    """A table that is redrawn in place: architectures, what each worker is at, and the time left."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._live: Live | None = None
        self._tally: Tally | None = None
        self._running: dict[str, tuple[int, FitSpec, str]] = {}
        self._began = time.monotonic()

    def begin(self, plan: Plan, workers: int) -> None:
        """See ``Progress``."""
        self._tally = Tally(plan, workers)

    def __enter__(self) -> "LiveProgress":
        self._live = Live(
            get_renderable=self._draw, console=self._console, refresh_per_second=2, transient=True
        )
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def epoch_ended(self, event: Mapping[str, Any]) -> None:
        """See ``Progress``."""
        with self._lock:
            if event["key"] in self._running:
                trial, spec, _ = self._running[event["key"]]
                text = f"epoch {event['epoch']} of at most {spec.epochs}, F1 {event['f1']:.4f}"
                self._running[event["key"]] = (trial, spec, text)

    def fit_started(self, trial: int, spec: FitSpec) -> None:
        """See ``Progress``."""
        with self._lock:
            self._running[spec.key] = (trial, spec, "starting")

    def fit_ended(self, trial: int, spec: FitSpec, run: FitRun, *, recorded: bool) -> None:
        """See ``Progress``."""
        with self._lock:
            self._running.pop(spec.key, None)
            if self._tally:
                self._tally.count(spec, run)

    def trial_ended(self, architecture: str, trial: int, score: float | None) -> None:
        """See ``Progress``."""
        with self._lock:
            if self._tally:
                self._tally.end_trial(architecture, trial, score)

    def say(self, text: str) -> None:
        """See ``Progress``."""
        self._console.print(text, highlight=False, markup=False)

    def _draw(self) -> Table:
        with self._lock:
            outer = Table.grid()
            if self._tally is None:
                return outer
            table = Table(box=None, pad_edge=False, header_style="bold")
            for title in ("architecture", "fits", "trials", "best F1", "of trial"):
                table.add_column(title, justify="left" if title == "architecture" else "right")
            for name, done in self._tally.done.items():
                best = self._tally.best.get(name)
                score, which = (f"{best[0]:.4f}", f"t{best[1]:04}") if best else ("", "")
                fits = f"{done}/{self._tally.fits_per_architecture}"
                table.add_row(
                    name, fits, f"{self._tally.ended[name]}/{self._tally.plan.trials}", score, which
                )
            outer.add_row(table)
            for trial, spec, text in self._running.values():
                outer.add_row(f"  {spec.architecture} t{trial:04} fold {spec.fold}: {text}")
            passed = duration(time.monotonic() - self._began)
            outer.add_row(f"{passed} so far, about {duration(self._tally.time_left())} left")
            return outer


def outcome(run: FitRun) -> str:
    """Return one fit's outcome in words."""
    result = run.result
    if result.state != "complete":
        return f"{result.state}: {result.reason}"
    epochs = f"best epoch {result.best_epoch} of {len(result.epochs)}"
    return f"F1 {result.f1:.4f} ({epochs}, {run.timing.seconds:.1f} s)"


def duration(seconds: float | None) -> str:
    """Return a duration as a person says it.

    >>> duration(59.6), duration(754), duration(7260), duration(None)
    ('1 min', '13 min', '2 h 1 min', '?')
    """
    if seconds is None:
        return "?"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"

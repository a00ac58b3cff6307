"""Progress of a running sweep: a live table on a terminal, plain lines elsewhere."""

import threading
import time
from typing import Protocol, assert_never

from rich.console import Console
from rich.live import Live
from rich.text import Text

from sweeps.execution.events import (
    EpochEnded,
    Event,
    FitEnded,
    FitStarted,
    Interrupted,
    Notice,
    SweepBegan,
    TrainingBegan,
    TrialEnded,
)
from sweeps.execution.tally import RECORDED, Tally
from tracking.reports.text_table import Column, Table, wrapped
from trainer.escaping import for_terminal
from trainer.fits.names import fit_name, trial_name
from trainer.fits.results import FitRun
from trainer.metrics.metric import Metric
from trainer.quantities import counted, duration


class Progress(Protocol):
    """Receives the events of a running sweep."""

    def handle(self, event: Event) -> None:
        """Take in an event. Called from several threads; must not raise."""
        ...


class Silent:
    """Shows nothing."""

    def handle(self, event: Event) -> None:
        """Do nothing."""


class PlainProgress:
    """One line for each fit: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._tally: Tally | None = None
        self._training = False

    def handle(self, event: Event) -> None:
        """Print a line for the event, if it has one."""
        match event:
            case SweepBegan():
                self._tally = Tally(event.plan, event.workers)
            case TrainingBegan():
                self._training = True
                for line in self._tally.recorded_lines() if self._tally else ():
                    self._line(line)
            case FitStarted() | EpochEnded():
                pass
            case FitEnded():
                self._fit_ended(event)
            case TrialEnded():
                self._trial_ended(event)
            case Interrupted():
                self._line(interrupted(event))
            case Notice():
                self._line(event.text)
            case _:
                assert_never(event)

    def _fit_ended(self, event: FitEnded) -> None:
        if self._tally is None:
            return
        self._tally.count_fit(event)
        if event.origin == "now":
            left = duration(self._tally.time_left())
            name = fit_name(event.spec, event.trial)
            text = outcome(event.run, event.spec.metric)
            self._line(f"{self._tally.fraction}  {name}: {text}; about {left} left")
        elif self._training:
            self._line(f"{self._tally.fraction}  {recorded(event)}")

    def _trial_ended(self, event: TrialEnded) -> None:
        if self._tally is None:
            return
        spared = self._tally.count_trial(event)
        if event.state != "complete" and self._training:
            self._line(f"{self._tally.fraction}  {stopped(event, spared)}")

    def _line(self, text: str) -> None:
        with self._lock:
            # Not printed by Rich: if Ctrl-C cuts off one of its prints, the line about the interrupt would
            # not appear.
            self._console.file.write(f"{for_terminal(text)}\n")
            self._console.file.flush()


class LiveProgress:
    """A table that is redrawn in place: architectures, what each worker trains, and the time left."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._live: Live | None = None
        self._tally: Tally | None = None
        self._running: dict[str, tuple[FitStarted, str]] = {}
        self._training = False
        self._began = time.monotonic()

    def __enter__(self) -> "LiveProgress":
        self._live = Live(
            get_renderable=self._draw, console=self._console, refresh_per_second=2, transient=True
        )
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def handle(self, event: Event) -> None:
        """Take in an event; the next drawing shows it."""
        with self._lock:
            lines = self._lines(event)
        for line in lines:  # after the lock is released: printing draws the table again
            for part in wrapped(for_terminal(line), self._console.width):
                self._console.print(part, highlight=False, markup=False, emoji=False)

    def _lines(self, event: Event) -> list[str]:
        """Take in an event; return the lines to print above the table."""
        match event:
            case SweepBegan():
                self._tally = Tally(event.plan, event.workers)
            case TrainingBegan():
                self._training = True
                return self._tally.recorded_lines() if self._tally else []
            case FitStarted():
                self._running[event.spec.key] = (event, "starting")
            case EpochEnded():
                self._epoch_ended(event)
            case FitEnded():
                return self._fit_ended(event)
            case TrialEnded():
                self._trial_ended(event)
            case Interrupted():
                return [interrupted(event)]
            case Notice():
                return [event.text]
            case _:
                assert_never(event)
        return []

    def _epoch_ended(self, event: EpochEnded) -> None:
        if event.key in self._running:
            started, _ = self._running[event.key]
            label = started.spec.metric.label
            score = "" if event.score is None else f", {label} {event.score:.4f}"
            text = f"epoch {event.epoch} of at most {started.spec.epochs}{score}"
            self._running[event.key] = (started, text)

    def _fit_ended(self, event: FitEnded) -> list[str]:
        self._running.pop(event.spec.key, None)
        if self._tally:
            self._tally.count_fit(event)
        return [recorded(event)] if self._training and event.origin != "now" else []

    def _trial_ended(self, event: TrialEnded) -> None:
        if self._tally:
            self._tally.count_trial(event)

    def _draw(self) -> Text:
        with self._lock:
            if self._tally is None:
                return Text()
            running = self._running.values()
            fits = [for_terminal(f"  {fit_name(each.spec, each.trial)}: {text}") for each, text in running]
            passed, left = time.monotonic() - self._began, self._tally.time_left()
            lines = [
                *standings(self._tally).lines(self._console.width),
                *fits,
                f"{duration(passed)} so far, about {duration(left)} left",
            ]
        return Text("\n".join(lines), no_wrap=True, overflow="ellipsis")


def standings(tally: Tally) -> Table:
    """Return a row for each architecture; "stopped" counts its trials that were pruned or failed."""
    columns = (
        Column(title="architecture"),
        Column(title="fits", right=True),
        Column(title="trials", right=True, rank=1),
        Column(title="stopped", right=True, rank=2),
        Column(title=f"best {tally.plan.metric.label}", right=True),
        Column(title="trial", rank=3),
    )
    return Table(columns=columns, rows=[_standing(tally, name) for name in tally.done])


def _standing(tally: Tally, name: str) -> list[str]:
    score, trial = tally.best.get(name, (None, ""))
    return [
        name,
        f"{tally.done[name]}/{tally.fits_per_architecture}",
        f"{tally.ended[name]}/{tally.plan.trials}",
        str(tally.stopped[name] or ""),
        "" if score is None else f"{score:.4f}",
        trial,
    ]


def outcome(run: FitRun, metric: Metric) -> str:
    """Return one fit's outcome in words."""
    result = run.result
    if result.state != "complete":
        return f"{result.state}: {result.reason}"
    epochs = f"best epoch {result.best_epoch} of {len(result.epochs)}"
    if result.epochs[-1].stop_f1 is None:  # a refit keeps its last epoch
        epochs = counted(len(result.epochs), "epoch")
    return f"{metric.label} {result.score:.4f} ({epochs}, {duration(run.timing.seconds)})"


def recorded(event: FitEnded) -> str:
    """Return the source of a fit that is not trained because the ledger has it."""
    assert event.origin != "now"  # noqa: S101 - a fit that is trained now is shown with its outcome
    return f"{fit_name(event.spec, event.trial)}: {RECORDED[event.origin]}"


def stopped(event: TrialEnded, spared: int) -> str:
    """Return what became of a trial that was pruned or failed, and of its other fits."""
    others = "fit" if spared == 1 else f"{spared} fits"
    more = f": its other {others} will not be trained" if spared else ""
    was = "was pruned" if event.state == "pruned" else event.state
    return f"{trial_name(event.architecture, event.number)} {was}{more}"


def interrupted(event: Interrupted) -> str:
    """Return what an interrupt costs: the next run begins the fits under way again."""
    if not event.under_way:
        return "stopping the workers"
    return (
        f"stopping the workers; {counted(event.under_way, 'fit')} under way will begin again in the next run"
    )

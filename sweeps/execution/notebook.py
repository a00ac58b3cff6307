"""Progress of a running sweep in a notebook: one line that changes."""

import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, assert_never

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
from sweeps.execution.progress import interrupted
from sweeps.execution.tally import Tally
from trainer.escaping import for_html, for_terminal
from trainer.quantities import duration

#: Seconds between two changes of the line: every change is a message to the browser.
PAUSE = 0.25


def notebook_display() -> Callable[..., Any] | None:
    """Return IPython's ``display`` in a notebook's kernel; None elsewhere, IPython's prompt included."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if getattr(shell, "kernel", None) is None:
        return None
    return import_module("IPython.display").display  # type: ignore[no-any-return]


class Line:
    """A line of output that changes in its place.

    Args:
        display: IPython's ``display``.
    """

    def __init__(self, display: Callable[..., Any]) -> None:
        self._text = ""
        self._shown_at = 0.0
        self._handle = display(_Text(""), display_id=True)

    def show(self, text: str, *, last: bool = False) -> None:
        """Change the line, at most once per ``PAUSE`` seconds; with ``last`` in any case."""
        self._text = text
        if last or time.monotonic() - self._shown_at >= PAUSE:
            self._shown_at = time.monotonic()
            self._handle.update(_Text(text))

    def close(self) -> None:
        """Show the last text."""
        self.show(self._text, last=True)


class _Text:
    """A text that notebooks show unchanged."""

    def __init__(self, text: str) -> None:
        self._text = for_terminal(text)

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return f"<pre>{for_html(self._text)}</pre>"


class NotebookProgress:
    """One changing line for the whole sweep, and one fixed line for each notice."""

    def __init__(self, display: Callable[..., Any]) -> None:
        self._display = display
        self._line: Line | None = None
        self._tally: Tally | None = None
        self._lock = threading.Lock()
        self._began = time.monotonic()

    def __enter__(self) -> "NotebookProgress":
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._line is not None:
                self._line.close()

    def handle(self, event: Event) -> None:
        """Take in an event, and show how far the sweep has come."""
        with self._lock:
            for text in self._lines(event):
                sys.stdout.write(f"{for_terminal(text)}\n")
            if self._line is not None and self._tally is not None:
                self._line.show(self._standing(self._tally))

    def _lines(self, event: Event) -> list[str]:
        """Take in an event; return the fixed lines to show."""
        match event:
            case SweepBegan():
                self._tally, self._line = Tally(event.plan, event.workers), Line(self._display)
            case TrainingBegan():
                return self._tally.recorded_lines() if self._tally else []
            case FitEnded():
                if self._tally:
                    self._tally.count_fit(event)
            case TrialEnded():
                if self._tally:
                    self._tally.count_trial(event)
            case FitStarted() | EpochEnded():
                pass
            case Interrupted():
                return [interrupted(event)]
            case Notice():
                return [event.text]
            case _:
                assert_never(event)
        return []

    def _standing(self, tally: Tally) -> str:
        trials = f"{sum(tally.ended.values())}/{tally.plan.trials * len(tally.plan.architectures)} trials"
        stopped = sum(tally.stopped.values())
        passed, left = duration(time.monotonic() - self._began), tally.time_left()
        parts = [
            f"{tally.fraction.strip()} fits",
            trials + (f" ({stopped} pruned or failed)" if stopped else ""),
            *_best(tally),
            f"done in {passed}" if left == 0 else f"{passed} so far, about {duration(left)} left",
        ]
        return "; ".join(parts)


def _best(tally: Tally) -> list[str]:
    best = None
    for score, trial in tally.best.values():
        if best is None or tally.plan.metric.better(score, best[0]):
            best = (score, trial)
    return [f"best {best[1]} {best[0]:.4f}"] if best else []

"""A thread that keeps a view up to date while a sweep trains.

Training never waits for it, and its failures never stop training.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from tracking.errors import StoreUnusable, ViewUnavailable
from tracking.records import SweepRecord

#: Attempts of the last write. After these the view has to be completed by ``refold sync``.
_LAST_TRIES = 3
_LAST_PAUSE = 0.5

_THREAD = "refold-recorder"


class View(Protocol):
    """A view that can be brought up to date with a record any number of times."""

    def write(self, record: SweepRecord, *, live: bool = True) -> None:
        """Bring the view up to date.

        Args:
            record: the sweep.
            live: whether it is running now; False for the last write.

        Raises:
            ViewUnavailable: if that cannot be done now.
        """


def left_behind() -> bool:
    """Return whether a recorder's thread still runs in this process, even if the recorder was closed."""
    return any(thread.name == _THREAD for thread in threading.enumerate())


class Recorder:
    """Writes a view in the background.

    Args:
        read: returns the current record; called in the recorder's thread.
        view_factory: makes the view; called in the recorder's thread, because its imports may take seconds.
        on_problem: called once, in the recorder's thread, with one line if the view cannot be written.
        pause: seconds between two writes; all changes within them are written together.
        longest_pause: upper limit in seconds of the pause, which doubles with every failed attempt.

    Attributes:
        problem: why the last attempt failed; None if it succeeded.
        unusable: whether it failed because the view's store is damaged: trying again does not help.
    """

    def __init__(
        self,
        read: Callable[[], SweepRecord],
        view_factory: Callable[[], View],
        on_problem: Callable[[str], None],
        *,
        pause: float = 1.0,
        longest_pause: float = 60.0,
    ) -> None:
        self._read = read
        self._view_factory = view_factory
        self._on_problem = on_problem
        self._pause = pause
        self._longest_pause = longest_pause
        self._view: View | None = None
        self._told = False
        self._change = threading.Condition()
        self._wanted = self._written = 0
        self._closing = False
        self.problem: str | None = None
        self.unusable = False
        # A daemon thread: otherwise a server that hangs would keep an interrupted process alive.
        self._thread = threading.Thread(target=self._work, name=_THREAD, daemon=True)
        self._thread.start()

    def nudge(self) -> None:
        """Say that the record has changed. Returns at once."""
        with self._change:
            self._wanted += 1
            self._change.notify_all()

    def close(self, timeout: float) -> bool:
        """Write a last time and end the thread.

        Args:
            timeout: seconds to wait for the last write.

        Returns:
            Whether the view is up to date. If not, nothing is lost: ``refold sync`` completes it.
        """
        with self._change:
            if not self._closing:
                self._closing = True
                self._wanted += 1
                self._change.notify_all()
        self._thread.join(timeout)
        with self._change:
            return self._written == self._wanted

    def _work(self) -> None:
        """Write after each change, until closed."""
        failures = last_tries = 0
        opened = False
        while True:
            with self._change:
                self._change.wait_for(lambda: self._wanted > self._written)
                wanted, last = self._wanted, self._closing
            began = time.monotonic()
            self.problem = self._attempt(live=not last)
            took = time.monotonic() - began
            if self.problem is None:
                failures = 0
                with self._change:
                    self._written = wanted
            else:
                failures += 1
                self._tell(self.problem)
            last_tries += last
            if last and (self.problem is None or last_tries == _LAST_TRIES):
                return
            # The first write also opens the view, once, which takes seconds: these do not count for the rest.
            self._rest(failures, took if opened else 0.0)
            opened = True

    def _attempt(self, *, live: bool) -> str | None:
        """Write the view; return why it failed, None if it did not."""
        try:
            if self._view is None:
                self._view = self._view_factory()
            self._view.write(self._read(), live=live)
        except ViewUnavailable as error:
            self.unusable = isinstance(error, StoreUnusable)
            return str(error)
        except Exception as error:  # noqa: BLE001  # after any error the sweep goes on
            return f"{type(error).__name__}: {error}".splitlines()[0]
        return None

    def _tell(self, problem: str) -> None:
        """Report the first problem only: an unstable server would fill the screen."""
        if not self._told:
            self._told = True
            with suppress(Exception):
                self._on_problem(problem)

    def _rest(self, failures: int, took: float) -> None:
        """Wait before the next attempt, longer after each failure; ``close`` ends the wait.

        The wait is at least three times as long as the last write took (at most ``longest_pause``), so that
        writing a large sweep takes no more than a quarter of a core.
        """
        pause = min(max(self._pause * 2**failures, 3 * took), self._longest_pause)
        with self._change:
            closing = self._change.wait_for(lambda: self._closing, timeout=pause)
        if closing and failures:
            time.sleep(min(_LAST_PAUSE, pause))

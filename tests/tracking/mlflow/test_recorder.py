"""The recorder: training never waits for the view and never fails by it."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from tracking.errors import ViewUnavailable
from tracking.mlflow.recorder import Recorder
from tracking.records import SweepRecord

Make = Callable[..., SweepRecord]


class FakeView:
    """Writes into a list; can be told to fail or to block."""

    def __init__(self) -> None:
        self.written: list[Any] = []
        self.failures: list[Exception] = []
        self.go = threading.Event()
        self.go.set()
        self.began = threading.Event()

    def write(self, record: SweepRecord, *, live: bool = True) -> None:
        """Fail as often as asked for, then write."""
        self.began.set()
        assert self.go.wait(30)
        if self.failures:
            raise self.failures.pop(0)
        self.written.append(record)


def recorder(view: FakeView, record: Any, said: list[str], **options: float) -> Recorder:
    """A recorder that is in a hurry."""
    return Recorder(lambda: record, lambda: view, said.append, **({"pause": 0.001} | options))


def test_closing_writes_the_last_state(sweep: Make) -> None:
    """Even if nothing was nudged: the view is up to date, and that is what close says."""
    view = FakeView()
    said: list[str] = []
    kept = recorder(view, sweep(), said)
    assert kept.close(30)
    assert view.written == [sweep()]
    assert kept.close(30)
    assert said == []


def test_nudges_are_written_together(sweep: Make) -> None:
    """A thousand changes while one write is under way become one more write, and nobody waits."""
    view = FakeView()
    said: list[str] = []
    view.go.clear()
    kept = recorder(view, sweep(), said)
    kept.nudge()
    assert view.began.wait(30)
    began = time.monotonic()
    for _ in range(1000):
        kept.nudge()
    assert time.monotonic() - began < 5
    view.go.set()
    assert kept.close(30)
    assert 2 <= len(view.written) <= 3


def test_a_problem_is_told_once_and_overcome(sweep: Make) -> None:
    """Failures are tried again; the user reads one line, and at the end all is written."""
    view = FakeView()
    said: list[str] = []
    view.failures = [ViewUnavailable("away"), ViewUnavailable("still away"), OSError("odd\nlines")]
    kept = recorder(view, sweep(), said)
    kept.nudge()
    while not view.written:
        time.sleep(0.01)
    assert kept.close(30)
    assert said == ["away"]
    assert kept.problem is None


def test_a_view_that_stays_away_is_given_up_at_the_end(sweep: Make) -> None:
    """Three last attempts, then close says that the view is behind."""
    view = FakeView()
    said: list[str] = []
    view.failures = [ViewUnavailable("away")] * 1000
    kept = recorder(view, sweep(), said)
    assert not kept.close(30)
    assert said == ["away"]
    assert kept.problem == "away"
    assert len(view.failures) == 997


def test_closing_does_not_wait_for_a_view_that_hangs(sweep: Make) -> None:
    """The time limit holds."""
    view = FakeView()
    said: list[str] = []
    view.go.clear()
    kept = recorder(view, sweep(), said)
    kept.nudge()
    assert view.began.wait(30)
    began = time.monotonic()
    assert not kept.close(0.1)
    assert time.monotonic() - began < 5
    view.go.set()
    assert kept.close(30)


def test_a_write_that_began_before_the_last_change_does_not_count(sweep: Make) -> None:
    """Close is only content with a write that began after it was called."""
    view = FakeView()
    said: list[str] = []
    view.go.clear()
    kept = recorder(view, sweep(), said)
    kept.nudge()
    assert view.began.wait(30)
    threading.Timer(0.2, view.go.set).start()
    assert kept.close(30)
    assert len(view.written) == 2


def test_closing_does_not_wait_for_a_long_pause(sweep: Make) -> None:
    """A recorder that rests after a failure is woken by close."""
    view = FakeView()
    said: list[str] = []
    view.failures = [ViewUnavailable("away")]
    kept = recorder(view, sweep(), said, pause=1000.0, longest_pause=1000.0)
    kept.nudge()
    while not said:
        time.sleep(0.01)
    began = time.monotonic()
    assert kept.close(30)
    assert time.monotonic() - began < 10


def test_opening_the_view_is_not_rested_from(sweep: Make) -> None:
    """The first write opens the view, which takes seconds; what comes meanwhile is written right after it."""
    view = FakeView()
    said: list[str] = []
    view.go.clear()
    kept = recorder(view, sweep(), said)
    kept.nudge()
    assert view.began.wait(30)
    time.sleep(1)
    view.began.clear()
    view.go.set()
    kept.nudge()
    assert view.began.wait(2)  # a rest from it would last for three
    assert kept.close(30)


def test_nothing_that_goes_wrong_ends_the_recorder(sweep: Make) -> None:
    """A reader, a factory and a listener that raise are survived."""
    view = FakeView()
    steps = iter([RuntimeError("no ledger"), RuntimeError("no mlflow"), None])

    def read() -> SweepRecord:
        if (step := next(steps, None)) is not None:
            raise step
        return sweep()

    def complain(line: str) -> None:
        raise RuntimeError(line)

    kept = Recorder(read, lambda: view, complain, pause=0.001)
    kept.nudge()
    while not view.written:
        time.sleep(0.01)
    assert kept.close(30)


def test_a_hanging_view_does_not_keep_the_process() -> None:
    """After Ctrl-C the process ends although the thread is in the middle of a write."""
    program = (
        "import time\n"
        "from tracking.mlflow.recorder import Recorder\n"
        "class View:\n"
        "    def write(self, record, live): time.sleep(600)\n"
        "kept = Recorder(lambda: None, View, print)\n"
        "kept.nudge(); time.sleep(0.2)\n"
        "raise KeyboardInterrupt\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert b"KeyboardInterrupt" in done.stderr

"""Interrupts: Ctrl-C, SIGTERM and SIGHUP end a command in an orderly way, and a second one ends it at once.

A signal that was ignored when the process started stays ignored: that is how ``nohup`` works. Such a process
goes on when its terminal is gone.
"""

import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: From a person, from a job scheduler, from a terminal that was closed.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

#: The exit code of an interrupted command.
EXIT_CODE = 130

#: What the second interrupt says.
AT_ONCE = "stopped at once"

_ENDING = threading.RLock()
_SHOW_CURSOR = "\x1b[?25h"


class _State:
    """What the signal handlers know. There is one, because signals belong to the process.

    Attributes:
        orderly: whether a ``KeyboardInterrupt`` is caught by code that ends the work in an orderly way.
        received: whether an interrupt has been raised.
    """

    orderly = False
    received = False


def install() -> None:
    """Handle the signals from now on. Called once, in the main thread, before long imports."""
    if sys.stdout is not None and sys.stdout.isatty():  # None: it was closed before the start
        sys.stdout = _outlive_terminal(sys.stdout)
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr = _outlive_terminal(sys.stderr)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    # Python runs handlers between two instructions of the main thread, which may be busy for long. These
    # bytes are written when the signal arrives, so another thread sees the second one at once.
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_end_at_the_second, args=(reading,), daemon=True).start()
    for number in heeded():
        signal.signal(number, _interrupt)


def heeded() -> list[signal.Signals]:
    """Return the signals that this process does not ignore."""
    return [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def orderly() -> Iterator[None]:
    """Let an interrupt raise ``KeyboardInterrupt`` in this block. Outside of it the process ends with a word.

    The block catches the exception itself.
    """
    _State.orderly = True
    try:
        yield
    finally:
        _State.orderly = False


def received() -> bool:
    """Return whether an interrupt has been raised. It may have become another exception on its way."""
    return _State.received


def end_at_once(word: str) -> NoReturn:
    """End this process with a word on standard error. What it has started ends with it, by its pipes."""
    _ENDING.acquire()  # two threads may see the same signal; the other one waits here for the end
    shown = _SHOW_CURSOR if os.isatty(2) else ""  # a live table hides it
    with suppress(OSError):
        os.write(2, f"{shown}\n{word}\n".encode())
    os._exit(EXIT_CODE)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    if not _State.orderly:
        end_at_once("interrupted")
    if not _State.received:
        _State.received = True
        raise KeyboardInterrupt
    if number != signal.SIGHUP:
        end_at_once(AT_ONCE)


def _end_at_the_second(pipe: int) -> None:
    """Wait for signals. A closed terminal may send more than one SIGHUP, so that is never the second."""
    received = 0
    while content := os.read(pipe, 1):
        number = content[0]
        if number in SIGNALS:
            received += 1
            if received > 1 and number != signal.SIGHUP:
                end_at_once(AT_ONCE)


class _Terminal(io.FileIO):
    """A terminal that may go away: what is written then goes nowhere, and is no error."""

    def write(self, content: "ReadableBuffer", /) -> int:
        try:
            return super().write(content)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return memoryview(content).nbytes


def _outlive_terminal(stream: TextIO) -> TextIO:
    """Return a stream that writes to the same terminal, or to nowhere when that is gone."""
    terminal = io.BufferedWriter(_Terminal(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(terminal, encoding=stream.encoding, errors=stream.errors, line_buffering=True)

"""Interrupts: Ctrl-C, SIGTERM and SIGHUP end a command in an orderly way, and a second one ends it at once.

A signal that was ignored when the process started stays ignored: that is how ``nohup`` works. Such a process
goes on when its terminal is gone, and writes to nowhere.
"""

import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

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
        terminals: those of standard output and standard error that were terminals at the start.
    """

    orderly = False
    received = False
    terminals: tuple[int, ...] = ()


def install() -> None:
    """Handle the signals from now on. Called once, in the main thread, before long imports."""
    _State.terminals = tuple(number for number in (1, 2) if os.isatty(number))
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    # Python runs handlers between two instructions of the main thread, which may be busy for long. These
    # bytes are written when the signal arrives, so another thread sees the second one at once.
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reading,), daemon=True).start()
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
    if number == signal.SIGHUP:
        _leave_lost_terminals()
    if not _State.orderly:
        end_at_once("interrupted")
    if not _State.received:
        _State.received = True
        raise KeyboardInterrupt
    if number != signal.SIGHUP:
        end_at_once(AT_ONCE)


def _watch(pipe: int) -> None:
    """End the process at the second signal; leave a terminal that is gone."""
    watched = select.poll()
    watched.register(pipe, select.POLLIN)
    for number in _State.terminals:
        watched.register(number, 0)  # the end of a terminal is always told
    received = 0
    while True:
        for descriptor, _ in watched.poll():
            if descriptor != pipe:
                watched.unregister(descriptor)
                _leave_lost_terminals()
            elif (number := os.read(pipe, 1)[0]) in SIGNALS:
                received += 1
                # A closed terminal may send more than one SIGHUP, so that is never the second.
                if received > 1 and number != signal.SIGHUP:
                    end_at_once(AT_ONCE)


def _leave_lost_terminals() -> None:
    """Write to nowhere in the place of a terminal that is gone: writing to it would be an error."""
    for number in _State.terminals:
        if not os.isatty(number):
            with suppress(OSError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, number)
                os.close(nowhere)

"""Copies a process's output to a shared log, and keeps the end of it for messages."""

import re
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

#: Bytes of the output's end that are kept: more than a long traceback has.
_KEPT = 32_768

#: Seconds to wait for the rest of an ended process's output: a process that it started may keep the pipe
#: open.
_REST = 2.0

#: Lines that TensorFlow prints at every start, before it reads any log level.
_CHATTER = re.compile(r"WARNING: All log messages before absl::|[IW]\d{4} [\d:.]+ +\d+ \S+:\d+\]")

_TRACEBACK = "Traceback (most recent call last):"
_PLACE = re.compile(r' +File "(.+)", line (\d+)')


class OutputCopy:
    """Copies a process's output to a log, in a thread, until all writers have closed the pipe.

    Args:
        source: the reading end of the process's pipe; closed at the end.
        log: the file to append to. If the disk is full, output is lost, but the process is not disturbed.
    """

    def __init__(self, source: IO[bytes], log: Path) -> None:
        self._source, self._target = source, log.open("ab", buffering=0)
        self._end = b""
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def last_line(self) -> str:
        """Return the last informative line of a process that has ended; empty if there is none."""
        self.finish()
        return last_line(self._end.decode(errors="replace"))

    def finish(self) -> None:
        """Wait a short time until all of the process's output is in the log."""
        self._thread.join(_REST)

    def _copy(self) -> None:
        with self._source, self._target:
            while part := self._source.read1(65_536):  # type: ignore[attr-defined]
                self._end = (self._end + part)[-_KEPT:]
                with suppress(OSError):
                    self._target.write(part)


def last_line(text: str) -> str:
    r"""Return the last informative line of a process's output, or "".

    Of a traceback that is the error, with file and line: the first line after the list of source lines,
    because TensorFlow's errors go on with advice.

    >>> last_line('Traceback (most recent call last):\n  File "a.py", line 3\nValueError: few\nAdvice.\n')
    'ValueError: few (a.py line 3)'
    """
    lines = [line for line in text.splitlines() if line.strip() and not _CHATTER.match(line)]
    begins = [number for number, line in enumerate(lines) if line.endswith(_TRACEBACK)]
    if begins:
        told = lines[begins[-1] + 1 :]
        error = next((number for number, line in enumerate(told) if not line[0].isspace()), None)
        if error is not None:
            places = [place for line in told[:error] if (place := _PLACE.match(line))]
            where = f" ({places[-1][1]} line {places[-1][2]})" if places else ""
            return _short(told[error]) + where
    return _short(lines[-1]) if lines else ""


def _short(line: str) -> str:
    return " ".join(line.split())[:300]

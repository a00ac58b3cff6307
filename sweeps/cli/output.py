"""Output of the command line: tables and answers on standard output, everything else on standard error.

On a terminal lines are broken at spaces, never within a word; a pipe or a file gets each line whole.
"""

import json
import sys
from typing import Any

from rich.console import Console

from tracking.reports.text_table import Table, wrapped


class _Output(Console):
    """Standard output for 'refold show ... | head': Rich would exit with 1 when the pipe is closed."""

    def on_broken_pipe(self) -> None:
        """Raise the error that ``main`` handles."""
        raise BrokenPipeError


_out = _Output(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def put(*lines: str) -> None:
    """Print lines of the answer."""
    for line in lines:
        for part in wrapped(line, _width(_out)):
            _out.print(part, markup=False)


def put_table(table: Table, *, indent: str = "") -> None:
    """Print a table, as wide as the terminal allows."""
    width = _width(_out)
    head, *rows = table.lines(None if width is None else width - len(indent))
    _out.print(indent + head, style="bold", markup=False)
    for row in rows:
        _out.print(indent + row, markup=False)


def say(text: str) -> None:
    """Print a line on standard error and flush it, which matters for log files of long processes.

    Rich is not used here: after Ctrl-C has cut off one of its prints, a console holds back what follows.
    """
    for part in wrapped(text, _width(err)):
        err.file.write(f"{part}\n")
    err.file.flush()


def print_json(value: Any) -> None:
    """Print JSON data."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _width(console: Console) -> int | None:
    return console.width if console.is_terminal else None

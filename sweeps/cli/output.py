"""Output of the command line: tables and answers on standard output, everything else on standard error.

On a terminal lines are broken at spaces, never within a word; a pipe or a file gets each line whole. No line
controls the terminal, whatever it quotes: what cannot be seen is shown escaped.
"""

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from tracking.reports.text_table import Table, wrapped
from trainer.errors import UsageError
from trainer.escaping import for_json, for_terminal


class _Output(Console):
    """Standard output for 'refold show ... | head': Rich would exit with 1 when the pipe is closed."""

    def on_broken_pipe(self) -> None:
        """Raise the error that ``main`` handles."""
        raise BrokenPipeError


# Without markup and emoji Rich prints names such as "[/red]" and ":smile:" as they are.
_out = _Output(highlight=False, soft_wrap=True, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def put(*lines: str) -> None:
    """Print lines of the answer."""
    for line in lines:
        for part in wrapped(for_terminal(line), width()):
            _out.print(part)


def put_bold(line: str) -> None:
    """Print a heading that is not too wide."""
    _out.print(for_terminal(line), style="bold")


def width() -> int | None:
    """Return how many cells of the terminal the answer has room for; None for a pipe or a file."""
    return _width(_out)


def put_table(table: Table, *, indent: str = "") -> None:
    """Print a table, as wide as the terminal allows."""
    room = width()
    head, *rows = table.lines(None if room is None else room - len(indent))
    _out.print(indent + head, style="bold")
    for row in rows:
        _out.print(indent + row)


def say(text: str) -> None:
    """Print a line on standard error and flush it, which matters for log files of long processes.

    Rich is not used here: after Ctrl-C has cut off one of its prints, a console holds back what follows.
    """
    for part in wrapped(for_terminal(text), _width(err)):
        err.file.write(f"{part}\n")
    err.file.flush()


def print_json(value: Any) -> None:
    """Print JSON data."""
    sys.stdout.write(for_json(json.dumps(value, indent=2)) + "\n")


def _width(console: Console) -> int | None:
    return console.width if console.is_terminal else None


def check_writable(option: str, path: Path | None) -> None:
    """Check that a file can be written where an option says, before minutes of work.

    Raises:
        UsageError: if it is a folder, or in none.
    """
    if path is not None and not path.absolute().parent.is_dir():
        raise UsageError(f"{option} {path}: its folder does not exist; make it first")
    if path is not None and path.is_dir():
        raise UsageError(f"{option} {path}: it is a folder; name a file")

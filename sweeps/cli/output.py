"""Where the command line prints: tables and answers on standard output, everything else on standard error."""

import json
import sys
from typing import Any

from rich.console import Console


class _Output(Console):
    """Standard output that lets 'refold show ... | head' end well; Rich would exit with 1."""

    def on_broken_pipe(self) -> None:
        """Leave it to ``main``."""
        raise BrokenPipeError


#: A pipe or a file has no width of its own; tables should not be folded to 80 columns in it.
out = _Output(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print a line at once: standard error may be the log file of a process that runs for weeks."""
    err.print(text, markup=False)
    err.file.flush()


def print_json(value: Any) -> None:
    """Print JSON data."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")

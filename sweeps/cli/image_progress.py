"""Says how far reading and comparing many images are."""

import time
from collections.abc import Callable

from rich.console import Console

from sweeps.cli.output import err, say

#: Seconds before the first line, and between two lines: on a terminal, and in a file or a pipe.
ON_TERMINAL, IN_FILE = 1.0, 10.0


class ImageProgress:
    """Prints lines to standard error, the first one only if the work takes longer than a moment.

    Args:
        console: where lines are printed; it decides how often.
        clock: gives seconds.
        quiet: whether to print nothing.
    """

    def __init__(
        self, console: Console = err, clock: Callable[[], float] = time.monotonic, *, quiet: bool = False
    ) -> None:
        self._every = ON_TERMINAL if console.is_terminal else IN_FILE
        self._clock, self._quiet = clock, quiet
        self._said = clock()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take in how many images of all are done: ``what`` is "reading" or the like."""
        if self._quiet or done >= total or self._clock() - self._said < self._every:
            return
        self._said = self._clock()
        say(f"{what} {total:,} images: {100 * done // total} %")

    def reading(self, done: int, total: int) -> None:
        """Take in how many images of all are read."""
        self("reading", done, total)

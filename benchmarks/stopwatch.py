"""How long named parts of a program take, each without the parts inside it."""

import functools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Stopwatch:
    """Adds up seconds by part. For one thread.

    Args:
        clock: gives seconds; ``time.thread_time`` leaves out waiting, for the disk or for other programs.

    Attributes:
        seconds: of each part so far, without those of the parts that ran inside it.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.seconds: dict[str, float] = defaultdict(float)
        self._inside: list[float] = []
        self._replaced: list[tuple[Any, str, Any]] = []

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what happens inside as ``name``."""
        self._inside.append(0.0)
        start = self._clock()
        try:
            yield
        finally:
            took = self._clock() - start
            self.seconds[name] += took - self._inside.pop()
            if self._inside:
                self._inside[-1] += took

    def watch(self, name: str, owner: Any, *attributes: str) -> None:
        """Count the calls of functions of a module or class as ``name``, until ``let_go``."""
        for attribute in attributes:
            function = getattr(owner, attribute)
            self._replaced.append((owner, attribute, function))
            setattr(owner, attribute, self._timed(name, function))

    def let_go(self) -> None:
        """Put back what ``watch`` replaced."""
        for owner, attribute, function in reversed(self._replaced):
            setattr(owner, attribute, function)
        self._replaced.clear()

    def restart(self) -> None:
        """Forget all seconds."""
        self.seconds.clear()

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*given: Any, **named: Any) -> Any:
            with self.part(name):
                return function(*given, **named)

        return timed

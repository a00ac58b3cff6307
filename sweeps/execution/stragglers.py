"""Fits that take far longer than their like: on a slow machine, or one that is busy with something else."""

from collections import defaultdict
from dataclasses import dataclass, field

from trainer.quantities import duration

#: A straggler has taken so many times as long as the longest fit of its architecture, ...
TIMES = 3.0

#: ... of which so many have ended, and so many seconds longer.
ENDED, SECONDS = 3, 30.0


@dataclass(slots=True)
class Stragglers:
    """Notices each straggler once. Times are seconds of any clock."""

    _began: dict[str, tuple[float, str, str, str]] = field(default_factory=dict)
    _longest: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _ended: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def begin(self, key: str, architecture: str, called: str, worker: str, now: float) -> None:
        """A worker has been given the fit ``key``, which people know as ``called``."""
        self._began[key] = (now, architecture, called, worker)

    def end(self, key: str, now: float) -> None:
        """A fit has ended."""
        if key in self._began:
            began, architecture, _, _ = self._began.pop(key)
            self._longest[architecture] = max(self._longest[architecture], now - began)
            self._ended[architecture] += 1

    def late(self, now: float) -> list[str]:
        """Return a line for each fit that has become a straggler since it was asked last."""
        found = []
        for key, (began, architecture, called, worker) in list(self._began.items()):
            passed, longest, ended = now - began, self._longest[architecture], self._ended[architecture]
            if ended >= ENDED and passed > max(TIMES * longest, longest + SECONDS):
                del self._began[key]
                found.append(
                    f"{called} is a straggler: {duration(passed)} on {worker} so far, where the "
                    f"longest of {ended} others of {architecture} took {duration(longest)}"
                )
        return found

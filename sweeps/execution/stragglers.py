"""Stragglers: fits that take far longer than others of their architecture, as on a slow or busy machine."""

from collections import defaultdict
from dataclasses import dataclass, field

from trainer.quantities import duration

#: A fit is a straggler once it has taken TIMES as long as the longest ended fit of its architecture, and
#: SECONDS longer than that; ENDED fits of its architecture must have ended first.
TIMES, SECONDS, ENDED = 3.0, 30.0, 3


@dataclass(slots=True)
class Stragglers:
    """Finds each straggler once. Times are seconds of one clock, whose zero does not matter."""

    _began: dict[str, tuple[float, str, str, str]] = field(default_factory=dict)
    _longest: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _ended: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def begin(self, key: str, architecture: str, called: str, worker: str, now: float) -> None:
        """Note that a worker was given the fit ``key``, which messages call ``called``."""
        self._began[key] = (now, architecture, called, worker)

    def end(self, key: str, now: float) -> None:
        """Note that a fit has ended."""
        if key in self._began:
            began, architecture, _, _ = self._began.pop(key)
            self._longest[architecture] = max(self._longest[architecture], now - began)
            self._ended[architecture] += 1

    def late(self, now: float) -> list[str]:
        """Return a line for each fit that has become a straggler since the last call."""
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

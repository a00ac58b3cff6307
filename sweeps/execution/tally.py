"""Counts of a sweep's events: how far it has come, and the time left."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sweeps.definition.plan import Plan
from sweeps.execution.events import FitEnded, Origin, TrialEnded
from trainer.fits.names import trial_name
from trainer.quantities import counted

#: The words for fits that were not trained now.
RECORDED: Mapping[Origin, str] = {
    "earlier run": "recorded by an earlier run of this sweep",
    "another sweep": "taken from another sweep in this home, which trained the same",
}


@dataclass(slots=True)
class Tally:
    """Counts of what was done.

    Attributes:
        plan: the sweep's plan.
        workers: number of workers that train side by side, at least 1.
        done: number of fits that have ended or whose trial has ended, by architecture.
        seconds: the seconds that each ended fit took, by architecture.
        ended: number of ended trials, by architecture.
        stopped: number of trials that were pruned or failed, by architecture.
        best: the best score so far and the name of its trial, by architecture.
        recorded: number of fits that were not trained now, by their origin.
        spared: number of fits that pruned and failed trials did not need.
    """

    plan: Plan
    workers: int
    done: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    stopped: dict[str, int] = field(default_factory=dict)
    best: dict[str, tuple[float, str]] = field(default_factory=dict)
    recorded: dict[Origin, int] = field(default_factory=dict)
    spared: int = 0
    _fits: dict[tuple[str, int], int] = field(default_factory=dict)
    _ended: set[tuple[str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        for architecture in self.plan.architectures:
            self.done[architecture.name] = self.ended[architecture.name] = 0
            self.stopped[architecture.name] = 0
            self.seconds[architecture.name] = []

    @property
    def fits_per_architecture(self) -> int:
        """Number of fits of each architecture if all its trials are complete."""
        return self.plan.trials * self.plan.cv.folds

    @property
    def fraction(self) -> str:
        """The number of fits that are done, and of all fits, like ``" 7/24"``."""
        total = self.fits_per_architecture * len(self.plan.architectures)
        return f"{sum(self.done.values()):>{len(str(total))}}/{total}"

    def time_left(self) -> float | None:
        """Return the expected seconds until the sweep ends, None before the first fit has ended.

        Each remaining fit counts with the mean of its architecture's ended fits, or the mean of all ended
        fits if its architecture has none. The time is at least that of the slowest architecture alone: its
        trials follow each other in windows, and a trial keeps no more workers busy than it has folds.
        """
        known = [second for seconds in self.seconds.values() for second in seconds]
        if not known:
            return None
        overall = sum(known) / len(known)
        work, chain = 0.0, 0.0
        for name, seconds in self.seconds.items():
            mean = sum(seconds) / len(seconds) if seconds else overall
            trained = min(1.0, len(seconds) / self.done[name]) if self.done[name] else 1.0
            left = (self.fits_per_architecture - self.done[name]) * mean * trained
            side_by_side = min(self.workers, self.plan.cv.folds * self.plan.search.window)
            work, chain = work + left, max(chain, left / side_by_side)
        return max(work / self.workers, chain)

    def count_fit(self, event: FitEnded) -> None:
        """Take in a finished fit."""
        name = event.spec.architecture
        self.seconds[name].append(event.run.timing.seconds)
        if event.origin != "now":
            self.recorded[event.origin] = self.recorded.get(event.origin, 0) + 1
        if (name, event.trial) not in self._ended:  # a later fit was counted when its trial ended
            self.done[name] += 1
            self._fits[name, event.trial] = self._fits.get((name, event.trial), 0) + 1

    def count_trial(self, event: TrialEnded) -> int:
        """Take in an ended trial; return how many of its fits will not be trained."""
        name, trial = event.architecture, (event.architecture, event.number)
        self._ended.add(trial)
        self.ended[name] += 1
        self.stopped[name] += event.state != "complete"
        spared = self.plan.cv.folds - self._fits.pop(trial, 0)
        self.done[name] += spared
        self.spared += spared
        better = self.plan.metric.better
        if event.score is not None and (name not in self.best or better(event.score, self.best[name][0])):
            self.best[name] = (event.score, trial_name(*trial))
        return spared

    def recorded_lines(self) -> list[str]:
        """Return why a sweep does not begin at 0: one line per reason why fits need no training."""
        lines = [
            f"{counted(count, 'fit')} {'was' if count == 1 else 'were'} {RECORDED[origin]}"
            for origin, count in self.recorded.items()
        ]
        if self.spared:
            fits = counted(self.spared, "fit")
            lines.append(f"{fits} of pruned or failed trials will not be trained")
        return lines

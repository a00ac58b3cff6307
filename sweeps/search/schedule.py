"""Which trial may begin and which fit may run: pure functions, without clock, workers or database.

Trial n of an architecture is proposed from exactly the outcomes of its trials 0 to n - window, with the
trials between as pending. So a proposal depends on outcomes alone, never on the number of workers or on the
order in which fits finish; these decide only when it is made.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sweeps.definition.plan import Plan, PlannedArchitecture
from sweeps.search.outcomes import Ended
from sweeps.search.proposals import Observation
from sweeps.search.thresholds import thresholds
from tracking.records import TrialState, sequence
from trainer.fits.results import FitResult
from trainer.fits.specs import FitSpec
from trainer.hyperparameters import Hyperparameters, Value

#: ``propose(architecture, number, observed, pending)``: hyperparameters for the trial of that number.
Propose = Callable[
    [PlannedArchitecture, int, Sequence[Observation], Sequence[Hyperparameters]], Mapping[str, Value]
]


@dataclass(slots=True)
class Trial:
    """One trial under way or ended.

    Attributes:
        results: the results of its fits, by position; includes those that came too late to count.
        ended: its outcome for later proposals; None until it has ended.
    """

    architecture: PlannedArchitecture
    number: int
    hyperparameters: Mapping[str, Value]
    specs: tuple[FitSpec, ...]
    results: dict[int, FitResult] = field(default_factory=dict)
    state: TrialState = "running"
    ended: Ended | None = None

    def take(self, position: int, result: FitResult) -> None:
        """Take in the result of the fit at ``position``."""
        self.results[position] = result
        self.state, counted = sequence(
            self.results, len(self.specs), self.specs[0].thresholds, self.specs[0].metric
        )
        if self.state != "running":
            results = tuple(self.results[position] for position in range(counted))
            self.ended = Ended(self.hyperparameters, self.state, results, self.specs[0].metric)

    def waiting(self) -> list[FitSpec]:
        """Return the fits that have no result and can still matter.

        After a fold that ended the trial there are none. With pruning, the first fold runs alone: most pruned
        trials end in it, so other folds wait until it has ended.
        """
        ended = [position for position, result in self.results.items() if result.state != "complete"]
        end = min(ended, default=len(self.specs))
        if self.specs[0].thresholds is not None and 0 not in self.results:
            end = 1
        return [spec for position, spec in enumerate(self.specs[:end]) if position not in self.results]


class Schedule:
    """The trials of a sweep; each is opened as soon as the outcomes that its proposal needs are known."""

    def __init__(self, plan: Plan, propose: Propose) -> None:
        self._plan = plan
        self._propose = propose
        self._trials: dict[str, list[Trial]] = {a.name: [] for a in plan.architectures}
        self._places: dict[str, tuple[Trial, int]] = {}
        self._ended = 0

    @property
    def finished(self) -> bool:
        """Whether every trial has ended."""
        return self._ended == self._plan.trials * len(self._trials)

    def open_trials(self) -> list[Trial]:
        """Propose every trial that may begin now, and return the new trials."""
        opened = []
        for architecture in self._plan.architectures:
            trials = self._trials[architecture.name]
            while len(trials) < self._plan.trials and self._may_begin(trials):
                trial = self._propose_trial(architecture, trials)
                trials.append(trial)
                opened.append(trial)
        return opened

    def record(self, result: FitResult) -> Trial:
        """Take in the result of a fit and return its trial."""
        trial, position = self._places[result.key]
        if position not in trial.results:
            before = trial.state
            trial.take(position, result)
            self._ended += before == "running" and trial.state != "running"
        return trial

    def waiting(self) -> list[tuple[Trial, FitSpec]]:
        """Return the fits without a result that can still matter, the most urgent first.

        Lower trial numbers come first, so that all architectures advance together.
        """
        window = self._plan.search.window
        last = [trial for trials in self._trials.values() for trial in trials[-window:]]
        running = sorted((t for t in last if t.state == "running"), key=lambda trial: trial.number)
        return [(trial, spec) for trial in running for spec in trial.waiting()]

    def _may_begin(self, trials: Sequence[Trial]) -> bool:
        needed = max(0, len(trials) - self._plan.search.window + 1)
        return all(trial.state != "running" for trial in trials[:needed])

    def _propose_trial(self, architecture: PlannedArchitecture, trials: Sequence[Trial]) -> Trial:
        number = len(trials)
        needed = max(0, number - self._plan.search.window + 1)
        ended, cv = [trial.ended for trial in trials[:needed] if trial.ended], self._plan.cv
        observed = [trial.observation(cv.epochs) for trial in ended]
        # Inside the window a trial counts as pending even if it has ended: otherwise timing would decide.
        pending = [trial.hyperparameters for trial in trials[needed:]]
        hyperparameters = self._propose(architecture, number, observed, pending)
        asked = thresholds(
            self._plan.prune,
            ended,
            folds=cv.folds,
            epochs=cv.epochs,
            metric=self._plan.metric,
            held_out=self._plan.held_out,
        )
        specs = self._plan.fit_specs(architecture, number, hyperparameters, thresholds=asked)
        trial = Trial(architecture, number, hyperparameters, specs)
        for position, spec in enumerate(specs):
            self._places[spec.key] = (trial, position)
        return trial

"""What a sweep has done so far, as plain frozen data: the ledger gives it, every view is drawn from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from operator import itemgetter
from statistics import fmean, stdev
from typing import Any, Literal

from trainer.canonical import digest
from trainer.fits.environment import Environment
from trainer.fits.metrics import MACRO_F1, Metric, pooled
from trainer.fits.names import trial_name
from trainer.fits.pruning import shortfall
from trainer.fits.results import Confusion, FitResult, FitRun, FitState
from trainer.fits.specs import FitSpec, Thresholds
from trainer.hyperparameters import Value

TrialState = FitState | Literal["running"]


class Purpose(StrEnum):
    """What fits beside a search are for: comparing winners, or measuring where variance comes from.

    Their seeds are derived from it: changing a value would change the fits.
    """

    COMPARISON = "comparison"
    VARIANCE = "variance"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldRecord:
    """One fit of a trial: what was asked for and what came of it."""

    spec: FitSpec
    run: FitRun


@dataclass(frozen=True, kw_only=True)  # without slots: pooling thousands of predictions is done once
class TrialRecord:
    """One architecture with one set of hyperparameters, as far as it has been cross-validated.

    Attributes:
        architecture: its name.
        number: from 0 within the architecture.
        state: "running" until all folds are in or one has ended the trial.
        hyperparameters: what was proposed, in the order of their names.
        seed: derived from the sweep's; its hyperparameters were proposed with it (each fit has its own).
        proposed_at: POSIX seconds.
        folds: finished fits in (repeat, fold) order; the last one ended the trial if it failed or was pruned.
    """

    architecture: str
    number: int
    state: TrialState
    hyperparameters: Mapping[str, Value]
    seed: int
    proposed_at: float
    folds: tuple[FoldRecord, ...]

    @property
    def name(self) -> str:
        """What people know it as, such as ``resnet/3``."""
        return trial_name(self.architecture, self.number)

    @property
    def metric(self) -> Metric:
        """What its fits are scored by."""
        return self.folds[0].spec.metric if self.folds else MACRO_F1

    @cached_property
    def confusion(self) -> Confusion | None:
        """Confusion matrix of all out-of-fold predictions so far, or None before the first fold."""
        parts = [fold.run.result.confusion for fold in self.folds if fold.run.result.confusion]
        return pooled(parts) if parts else None

    @cached_property
    def f1(self) -> float | None:
        """The trial's score if it is complete: the metric of its pooled out-of-fold predictions."""
        return self.metric.of(self.confusion) if self.state == "complete" and self.confusion else None

    @property
    def fold_scores(self) -> tuple[float, ...]:
        """Score of each finished fold."""
        return tuple(fold.run.result.f1 for fold in self.folds if fold.run.result.f1 is not None)

    @property
    def f1_mean(self) -> float | None:
        """Mean of the finished folds' scores."""
        return fmean(self.fold_scores) if self.fold_scores else None

    @property
    def f1_std(self) -> float | None:
        """Standard deviation of the finished folds' scores (n - 1 in the denominator)."""
        return stdev(self.fold_scores) if len(self.fold_scores) > 1 else None

    @property
    def reason(self) -> str | None:
        """Why the trial failed or was pruned, in one line."""
        if self.state not in ("failed", "pruned"):
            return None
        last, fits = self.folds[-1].run.result, self.folds[-1].spec.folds
        return last.reason or _shortfall(
            self.folds[0].spec.thresholds, [fold.run.result for fold in self.folds], fits, self.metric
        )

    @property
    def training_seconds(self) -> float:
        """Seconds of all its fits added up, whatever ran side by side."""
        return sum(fold.run.timing.seconds for fold in self.folds)

    def outcome(self) -> dict[str, Any]:
        """Return what enters the sweep's digest: no times, hosts or paths."""
        return {
            "architecture": self.architecture,
            "number": self.number,
            "state": self.state,
            "hyperparameters": dict(self.hyperparameters),
            "seed": self.seed,
            "f1": self.f1,
            "folds": [
                {
                    "repeat": fold.spec.repeat,
                    "fold": fold.spec.fold,
                    "f1": fold.run.result.f1,
                    "best_epoch": fold.run.result.best_epoch,
                    "epochs": len(fold.run.result.epochs),
                    "weights_sha256": fold.run.result.weights_sha256,
                }
                for fold in self.folds
            ],
        }


def sequence(
    results: Mapping[int, FitResult],
    expected: int,
    thresholds: Thresholds | None,
    metric: Metric = MACRO_F1,
) -> tuple[TrialState, int]:
    """Return a trial's state and how many of its fits count, as if they had run one after the other.

    Folds run side by side, so a later one may have finished when an earlier one fails or shows that the
    trial cannot win: it is dropped, because one after the other it would not have run. So the outcome does
    not depend on the number of workers.

    Args:
        results: of the finished fits by position (repeat * folds + fold).
        expected: number of fits a complete trial has.
        thresholds: what the trial has to reach, or None.
        metric: what its fits are scored by.
    """
    done: list[FitResult] = []
    for position in range(expected):
        result = results.get(position)
        if result is None:
            return "running", len(results)
        done.append(result)
        if result.state != "complete":
            return result.state, len(done)
        if _shortfall(thresholds, done, expected, metric):
            return "pruned", len(done)
    return "complete", expected


def _shortfall(
    thresholds: Thresholds | None, done: Sequence[FitResult], fits: int, metric: Metric
) -> str | None:
    scores = [metric.worst if result.f1 is None else result.f1 for result in done]
    return shortfall(thresholds, scores, [result.confusion for result in done], fits, metric)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRecord:
    """What was concluded from a sweep, ready to be shown: as JSON text and as an HTML page (may be empty)."""

    content: str
    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRecord:
    """A model that was exported from a sweep.

    Attributes:
        key: which fits make it.
        folder: where its folder was put, absolute.
        weights: digests of the weights that were trained for it, by fit key.
    """

    key: str
    folder: str
    weights: Mapping[str, str]

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> "ExportRecord":
        """Read what is needed from what ``model.json`` said of a model, and where its folder was."""
        weights = {fit["key"]: fit["weights_sha256"] for fit in card.get("fits", [])}
        return cls(key=card["key"], folder=card["folder"], weights=weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRecord:
    """What the record keeps of the dataset: enough to recognise it, not the images."""

    name: str
    fingerprint: str
    samples: int
    classes: tuple[str, ...]
    input_shape: tuple[int, int, int]
    pixel_max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRecord:
    """One sweep: what was asked for, and its trials in (trial number, architecture) order.

    Attributes:
        name: unique in a home.
        key: SHA-256 of all that decides the sweep's bits.
        seed: the sweep's seed.
        toml: the sweep file as it was read, or as it would be written.
        dataset: what it ran on.
        architectures: their names in the sweep file's order.
        trials_per_architecture: how many were asked for.
        fits_per_trial: folds times repeats.
        created_at: POSIX seconds.
        environment: what the first run ran on.
        trials: proposed so far.
        confirmed: winners that were trained again on fresh repeats (1 and up), as trials with those fits.
        reports: what was concluded, by name ("comparison", "variance-resnet").
        git_commit: what the sweep file's folder stood at, with ``+`` if files differed; None outside git.
    """

    name: str
    key: str
    seed: int
    toml: str
    dataset: DatasetRecord
    architectures: tuple[str, ...]
    trials_per_architecture: int
    fits_per_trial: int
    created_at: float
    environment: Environment
    trials: tuple[TrialRecord, ...]
    confirmed: tuple[TrialRecord, ...] = ()
    reports: Mapping[str, ReportRecord] = field(default_factory=dict)
    git_commit: str | None = None

    @property
    def metric(self) -> Metric:
        """What its trials are scored by."""
        return next((trial.metric for trial in self.trials if trial.folds), MACRO_F1)

    @property
    def finished(self) -> bool:
        """Whether every trial that was asked for has ended."""
        ended, asked = self.progress
        return ended == asked

    @property
    def progress(self) -> tuple[int, int]:
        """How many trials have ended, and how many were asked for."""
        ended = sum(trial.state != "running" for trial in self.trials)
        return ended, len(self.architectures) * self.trials_per_architecture

    @property
    def digest(self) -> str:
        """SHA-256 over the outcomes of the ended trials; two sweeps are the same exactly when it is."""
        ended = [trial.outcome() for trial in self.trials if trial.state != "running"]
        return digest(sorted(ended, key=lambda outcome: (outcome["number"], outcome["architecture"])))

    @property
    def ranking(self) -> tuple[TrialRecord, ...]:
        """Complete trials, best score first; ties go by trial number, then by the sweep's order."""
        place = {name: index for index, name in enumerate(self.architectures)}
        scored = [
            ((-trial.metric.oriented(trial.f1), trial.number, place[trial.architecture]), trial)
            for trial in self.trials
            if trial.f1 is not None
        ]
        return tuple(trial for _, trial in sorted(scored, key=itemgetter(0)))

    @property
    def winners(self) -> tuple[TrialRecord, ...]:
        """The best complete trial of each architecture that has one, best first."""
        seen: dict[str, TrialRecord] = {}
        for trial in self.ranking:
            seen.setdefault(trial.architecture, trial)
        return tuple(seen.values())

"""The record of a sweep so far, as plain frozen data: the ledger returns it, all views are made from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from operator import itemgetter
from statistics import fmean, stdev
from typing import Any, Literal

import numpy.typing as npt

from trainer.canonical import digest, optional
from trainer.fits.environment import Environment
from trainer.fits.names import trial_name
from trainer.fits.pruning import shortfall
from trainer.fits.results import FitResult, FitRun, FitState
from trainer.fits.specs import FitSpec, Thresholds
from trainer.hyperparameters import Value
from trainer.metrics.confusion import Confusion, macro_f1, pooled
from trainer.metrics.metric import MACRO_F1, Metric

TrialState = FitState | Literal["running"]


class Purpose(StrEnum):
    """The purpose of extra fits: comparing winners by folds, by an exam, or measuring sources of variance.

    Their seeds are derived from its value, so changing a value would change the fits.
    """

    COMPARISON = "comparison"
    VARIANCE = "variance"
    EXAM = "exam"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldRecord:
    """One fit of a trial: its specification and its run."""

    spec: FitSpec
    run: FitRun

    def for_metric(self) -> npt.NDArray[Any]:
        """Return what the sweep's metric needs of the predictions.

        Returns:
            ``[n]`` predicted classes, or ``[n, classes]`` probabilities.
        """
        result = self.run.result
        return result.predicted_classes() if self.spec.metric.counts else result.class_probabilities()


def begin_alike(fits: Sequence[FoldRecord]) -> bool:
    """Whether several fits, which have seeds of their own, have all begun with the same weights.

    A network has then seeds of its own, or weights from a file. Fits that are not complete do not count.
    """
    begun = [fit.run.result.initial_weights_sha256 for fit in fits if fit.run.result.state == "complete"]
    return len(begun) > 1 and len(set(begun)) == 1


@dataclass(frozen=True, kw_only=True)  # without slots: pooling thousands of predictions is done once
class TrialRecord:
    """One architecture with one set of hyperparameters, and its fits so far.

    Attributes:
        architecture: its name.
        number: from 0 within the architecture.
        state: "running" until all folds have ended, or one has ended the trial.
        hyperparameters: those that were proposed, sorted by name.
        seed: of the proposal, derived from the sweep's seed. Each fit has seeds of its own.
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
        """The trial's name, such as ``resnet/3``."""
        return trial_name(self.architecture, self.number)

    @property
    def metric(self) -> Metric:
        """The metric of its fits."""
        return self.folds[0].spec.metric if self.folds else MACRO_F1

    @cached_property
    def confusion(self) -> Confusion | None:
        """Confusion matrix of all out-of-fold predictions so far, or None before the first fold has ended."""
        parts = [fold.run.result.confusion for fold in self.folds if fold.run.result.confusion]
        return pooled(parts) if parts else None

    @cached_property
    def score(self) -> float | None:
        """The trial's score if it is complete: the sweep's metric of its pooled out-of-fold predictions.

        A metric of probabilities is the mean of the folds' values.
        """
        if self.state != "complete" or not self.confusion:
            return None
        return self.metric.over_folds(self.fold_scores, (fold.run.result.confusion for fold in self.folds))

    @property
    def fold_scores(self) -> tuple[float, ...]:
        """Score of each finished fold."""
        return tuple(fold.run.result.score for fold in self.folds if fold.run.result.score is not None)

    @property
    def score_mean(self) -> float | None:
        """Mean of the finished folds' scores."""
        return fmean(self.fold_scores) if self.fold_scores else None

    @property
    def score_std(self) -> float | None:
        """Standard deviation of the finished folds' scores (n - 1 in the denominator)."""
        return stdev(self.fold_scores) if len(self.fold_scores) > 1 else None

    @property
    def f1(self) -> float | None:
        """Macro-F1 of its pooled out-of-fold predictions if the trial is complete."""
        return macro_f1(self.confusion) if self.state == "complete" and self.confusion else None

    @property
    def f1_mean(self) -> float | None:
        """Mean of the finished folds' macro-F1."""
        return fmean(self._fold_f1) if self._fold_f1 else None

    @property
    def f1_std(self) -> float | None:
        """Standard deviation of the finished folds' macro-F1 (n - 1 in the denominator)."""
        return stdev(self._fold_f1) if len(self._fold_f1) > 1 else None

    @property
    def _fold_f1(self) -> tuple[float, ...]:
        return tuple(fold.run.result.f1 for fold in self.folds if fold.run.result.f1 is not None)

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
        """Sum of the seconds of all its fits, even if some ran side by side."""
        return sum(fold.run.timing.seconds for fold in self.folds)

    def outcome(self) -> dict[str, Any]:
        """Return the trial's part of the sweep's digest: no times, hosts or paths."""
        scored = {} if self.metric == MACRO_F1 else {"metric": self.metric.recorded, "score": self.score}
        return {
            **scored,
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
                    **({"score": fold.run.result.score} if scored else {}),
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
    """Return a trial's state and the number of its fits that count, as if they had run one after the other.

    Folds run side by side. If an earlier fold fails, or shows that the trial cannot win, a later fold may
    have finished already. It is dropped, because one after the other it would not have run. So the outcome
    does not depend on the number of workers.

    Args:
        results: of the finished fits by position (repeat * folds + fold).
        expected: number of fits of a complete trial.
        thresholds: what the trial has to reach, or None if nothing is pruned.
        metric: the metric of its fits.
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
    scores = [metric.worst if result.score is None else result.score for result in done]
    return shortfall(thresholds, scores, [result.confusion for result in done], fits, metric)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRecord:
    """A report on a sweep, ready to be shown: as JSON text, and as an HTML page (may be empty)."""

    content: str
    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRecord:
    """A model that was exported from a sweep.

    Attributes:
        key: identifies the model by its fits.
        folder: the absolute path of its folder.
        weights: digests of its trained weights, by fit key.
    """

    key: str
    folder: str
    weights: Mapping[str, str]

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> "ExportRecord":
        """Read an exported model from the ledger's copy of its ``model.json``, which has its folder too."""
        weights = {fit["key"]: fit["weights_sha256"] for fit in card.get("fits", [])}
        return cls(key=card["key"], folder=card["folder"], weights=weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamRecord:
    """The recorded description of a sweep's exam.

    Attributes:
        fingerprint: of its images and labels.
        samples: number of its images.
        origin: what it is, in words, such as ``"the official test set"``.
        groups: number of its groups; None if every image is by itself.
    """

    fingerprint: str
    samples: int
    origin: str
    groups: int | None = optional(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRecord:
    """The recorded description of a dataset: enough to recognise it, without the images.

    Attributes:
        name: its name.
        fingerprint: of the images of the search.
        samples: number of these.
        classes: their classes.
        input_shape: (height, width, channels).
        pixel_max: the value of a full pixel.
        groups: number of their groups; None if every image is by itself.
        folds: number of the folds that came with the data; None if refold has drawn them.
        exam: the exam; None if there is none, or if the sweep was recorded before there were exams.
    """

    name: str
    fingerprint: str
    samples: int
    classes: tuple[str, ...]
    input_shape: tuple[int, int, int]
    pixel_max: float
    groups: int | None = optional(None)
    folds: int | None = optional(None)
    exam: ExamRecord | None = optional(None)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The fingerprints of the images of the search, and of the exam's if there is one."""
        return (self.fingerprint, *([self.exam.fingerprint] if self.exam else []))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A model that was scored on an exam.

    Attributes:
        exam: the exam's fingerprint.
        sweep: the sweep whose model it was; empty for a model of elsewhere.
        purpose: what it was scored for, such as ``"export"``.
        model: the key of the model.
        at: POSIX seconds.
    """

    exam: str
    sweep: str
    purpose: str
    model: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRecord:
    """One sweep: its settings, and its trials in (trial number, architecture) order.

    Attributes:
        name: unique in a home.
        key: SHA-256 of all settings that decide the sweep's bits.
        seed: the sweep's seed.
        toml: the text of the sweep file; for a sweep built in Python the text that it would have.
        dataset: its dataset.
        architectures: their names in the sweep file's order.
        trials_per_architecture: number of trials of each, as set.
        fits_per_trial: folds times repeats.
        created_at: POSIX seconds.
        environment: software and machine of the first run.
        trials: those proposed so far.
        confirmed: winners that were trained again on fresh repeats (from 1), as trials with those fits.
        examined: the recorded refits that were scored on the exam, by (architecture, trial number) in the
            order of their seeds; some may have failed.
        reports: reports by name ("comparison", "exam", "variance-resnet").
        git_commit: commit of the sweep file's folder, with ``+`` if files were changed; None outside git.
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
    examined: Mapping[tuple[str, int], tuple[FoldRecord, ...]] = field(default_factory=dict)
    reports: Mapping[str, ReportRecord] = field(default_factory=dict)
    git_commit: str | None = None

    @property
    def metric(self) -> Metric:
        """The metric of its trials."""
        return next((trial.metric for trial in self.trials if trial.folds), MACRO_F1)

    @property
    def finished(self) -> bool:
        """Whether all trials have ended."""
        ended, asked = self.progress
        return ended == asked

    @property
    def progress(self) -> tuple[int, int]:
        """The number of ended trials, and the number of all trials of the sweep."""
        ended = sum(trial.state != "running" for trial in self.trials)
        return ended, len(self.architectures) * self.trials_per_architecture

    @property
    def digest(self) -> str:
        """SHA-256 over the outcomes of the ended trials: equal digests mean equal outcomes."""
        ended = [trial.outcome() for trial in self.trials if trial.state != "running"]
        return digest(sorted(ended, key=lambda outcome: (outcome["number"], outcome["architecture"])))

    @property
    def ranking(self) -> tuple[TrialRecord, ...]:
        """Complete trials, best score first; ties are sorted by trial number, then by the sweep's order."""
        place = {name: index for index, name in enumerate(self.architectures)}
        scored = [
            ((-trial.metric.oriented(trial.score), trial.number, place[trial.architecture]), trial)
            for trial in self.trials
            if trial.score is not None
        ]
        return tuple(trial for _, trial in sorted(scored, key=itemgetter(0)))

    @property
    def winners(self) -> tuple[TrialRecord, ...]:
        """The best complete trial of each architecture that has one, best first."""
        seen: dict[str, TrialRecord] = {}
        for trial in self.ranking:
            seen.setdefault(trial.architecture, trial)
        return tuple(seen.values())

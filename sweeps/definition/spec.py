"""What a sweep is, as plain frozen data: what its file says, and what that comes to once data is known."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from trainer.architectures import BUILT_IN, UserSource
from trainer.canonical import digest
from trainer.datasets import DatasetSource
from trainer.fits.seeds import Seeds
from trainer.fits.specs import PROCEDURE, FitSpec, Stopping, Thresholds
from trainer.hyperparameters import Range, Space, Value
from trainer.space_json import space_to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidation:
    """How a trial is scored.

    Attributes:
        folds: number of parts, at least 2.
        epochs: the most a fit trains, at least 1.
        patience: epochs without a better stop-set macro-F1 before it stops, at least 1.
        min_delta: gain that counts as better, in [0, 1).
        stop_share: part of the training images that early stopping watches, in (0, 0.5].
    """

    folds: int = 5
    epochs: int = 30
    patience: int = 5
    min_delta: float = 0.0
    stop_share: float = 0.1

    @property
    def stopping(self) -> Stopping:
        """The early-stopping rule of every fit."""
        return Stopping(patience=self.patience, min_delta=self.min_delta, share=self.stop_share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How hyperparameters are proposed.

    Attributes:
        startup: trials of an architecture that are drawn at random before TPE begins, at least 1.
        window: trial n is proposed from the outcomes of trials 0 to n - window, at least 1. A wider window
            keeps more workers busy and searches a little more blindly. Part of the sweep's identity.
    """

    startup: int = 5
    window: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Prune:
    """Which trials are not trained to their end. Part of the sweep's identity.

    Attributes:
        enabled: whether any is.
        margin: a trial ends when the best scores that its architecture has had on the remaining folds, plus
            this, could not lift its mean to the best one's; at least 0, and from 1 on no winner can be lost.
        rungs: epochs of the first fold after which the worst trials end, ascending; None for the default
            ones, those of them that lie before the last epoch.
        keep: share of observed trials with which a trial must keep up at a rung, in (0, 1]; 1 switches rungs
            off.
        startup: trials that must be observed before rungs ask for anything, at least 1.
    """

    enabled: bool = True
    margin: float = 0.005
    rungs: tuple[int, ...] | None = None
    keep: float = 0.4
    startup: int = 4

    def rungs_within(self, epochs: int) -> tuple[int, ...]:
        """Return the rungs of a sweep whose fits train at most ``epochs``."""
        if self.keep == 1.0:
            return ()
        return self.rungs if self.rungs is not None else tuple(r for r in DEFAULT_RUNGS if r < epochs)


DEFAULT_RUNGS = (2,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a fit may take. No part of the sweep's identity: it depends on the machine what keeps within it.

    Attributes:
        fit_minutes: a fit that takes longer is stopped and recorded as failed; None for no limit.
    """

    fit_minutes: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchitectureChoice:
    """One architecture of a sweep, as the sweep file asks for it.

    Attributes:
        name: a built-in name, or the user's name for the one at ``source``.
        source: ``"file.py:Name"``, or None for a built-in.
        ranges: replaces entries of the default space: a narrower range, or a fixed value.
    """

    name: str
    source: str | None = None
    ranges: Mapping[str, Range] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSpec:
    """A sweep file. Every value has a default but ``name``.

    Attributes:
        name: letters, digits, ``-``, ``_`` and ``.``; unique in a home.
        seed: all randomness derives from it, in [0, 2**31).
        dataset: where the images come from.
        trials: for each architecture, at least 1.
        cv: the cross-validation.
        search: the search.
        prune: which trials are not trained to their end.
        limits: what a fit may take.
        device: what fits are trained on, ``"cpu"`` or ``"gpu"``.
        architectures: in the order they are listed; all six built-in ones by default.
        experiment: name of the MLflow experiment; the sweep's name if None.
        folder: what relative paths are relative to: where the sweep file lies.
    """

    name: str
    seed: int = 1
    dataset: DatasetSource = DatasetSource(source="digits")
    trials: int = 10
    cv: CrossValidation = CrossValidation()
    search: Search = Search()
    prune: Prune = Prune()
    limits: Limits = Limits()
    device: str = "cpu"
    architectures: tuple[ArchitectureChoice, ...] = tuple(ArchitectureChoice(name=name) for name in BUILT_IN)
    experiment: str | None = None
    folder: Path = Path()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedArchitecture:
    """An architecture that can be trained: its space is complete, its source is known."""

    name: str
    digest: str
    space: Space
    source: UserSource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that decides a sweep's bits: two sweeps with equal plans have equal outcomes.

    Attributes:
        seed: the sweep's.
        dataset: fingerprint of the dataset.
        trials: for each architecture.
        cv: the cross-validation.
        search: the search.
        prune: which trials are not trained to their end.
        architectures: in the sweep's order.
        platform: versions and processor that its fits run on; part of each fit's key, so that a home that
            is used with another TensorFlow or on another machine never mixes them.
        device: what its fits are trained on.
    """

    seed: int
    dataset: str
    trials: int
    cv: CrossValidation
    search: Search
    prune: Prune
    architectures: tuple[PlannedArchitecture, ...]
    platform: tuple[tuple[str, str], ...] = ()
    device: str = "cpu"

    def identity(self) -> dict[str, Any]:
        """Return what makes this sweep this sweep, as JSON data.

        The number of trials is no part of it: trial n is the same in a longer sweep.
        """
        return {
            "procedure": PROCEDURE,
            "seed": self.seed,
            "dataset": self.dataset,
            "cv": asdict(self.cv),
            "search": asdict(self.search),
            "prune": asdict(self.prune) | {"rungs": list(self.prune.rungs_within(self.cv.epochs))},
            **({"device": self.device} if self.device != "cpu" else {}),  # earlier sweeps do not say it
            "architectures": {
                a.name: {"digest": a.digest, "space": space_to_json(a.space)} for a in self.architectures
            },
        }

    @property
    def key(self) -> str:
        """SHA-256 of the identity."""
        return digest(self.identity())

    def fit_specs(
        self,
        architecture: PlannedArchitecture,
        trial: int | str,
        hyperparameters: Mapping[str, Value],
        *,
        thresholds: Thresholds | None = None,
        repeat: int = 0,
    ) -> tuple[FitSpec, ...]:
        """Return the fits that one repeat of a trial consists of, in fold order.

        Args:
            architecture: the trial's.
            trial: its number; or a name of other fits, whose seeds are then the same for all trials.
            hyperparameters: the trial's.
            thresholds: what it has to reach, None where nothing is pruned; rungs are for the first fold.
            repeat: which cross-validation, 0 in the search.
        """
        others = replace(thresholds, rungs=()) if thresholds else None
        return tuple(
            FitSpec(
                dataset=self.dataset,
                architecture=architecture.name,
                architecture_digest=architecture.digest,
                hyperparameters=tuple(sorted(hyperparameters.items())),
                folds=self.cv.folds,
                repeat=repeat,
                fold=fold,
                seeds=Seeds.of_fit(self.seed, trial=trial, repeat=repeat, fold=fold),
                epochs=self.cv.epochs,
                stopping=self.cv.stopping,
                thresholds=thresholds if fold == 0 else others,
                platform=self.platform,
                device=self.device,
            )
            for fold in range(self.cv.folds)
        )

"""What decides a sweep's bits: what its file says, once its data and its architectures' code are known."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sweeps.definition.spec import CrossValidation, Prune, Search
from trainer.canonical import digest, optional, optional_parts, recorded
from trainer.fits.seeds import Seeds
from trainer.fits.specs import PROCEDURE, FitSpec, Thresholds
from trainer.hyperparameters import Space, Value
from trainer.space_json import space_to_json
from trainer.user_code import UserSource


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
    device: str = optional("cpu")

    def identity(self) -> dict[str, Any]:
        """Return what makes this sweep this sweep, as JSON data.

        The number of trials is no part of it: trial n is the same in a longer sweep. Optional parts are
        absent while they have their defaults.
        """
        return {
            "procedure": PROCEDURE,
            "seed": self.seed,
            "dataset": self.dataset,
            "cv": recorded(self.cv),
            "search": recorded(self.search),
            "prune": recorded(self.prune) | {"rungs": list(self.prune.rungs_within(self.cv.epochs))},
            **optional_parts(self),
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

"""The plan: all that decides a sweep's bits, with its data and its architectures' code known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sweeps.definition.spec import CrossValidation, Prune, Search
from trainer.canonical import digest, optional, optional_parts, recorded
from trainer.fits.seeds import Seeds
from trainer.fits.specs import PROCEDURE, FitSpec, Thresholds
from trainer.hyperparameters import Hyperparameters, Space, Value
from trainer.metrics.metric import Metric
from trainer.metrics.table import metric_called
from trainer.recipe.augmentation import is_augmented
from trainer.space_json import space_to_json
from trainer.user_code import UserSource


def given(start: Sequence[Hyperparameters], number: int) -> Hyperparameters:
    """Return the values that the trial of this number takes from the starting points; none after these."""
    return start[number] if number < len(start) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedArchitecture:
    """An architecture with everything that training needs: its complete space and its source.

    Attributes:
        name: its name.
        digest: of its source.
        space: its complete space.
        source: of a user's architecture.
        start: its starting points: values that its first trials take in place of proposed ones, one entry a
            trial.
    """

    name: str
    digest: str
    space: Space
    source: UserSource | None = None
    start: tuple[Hyperparameters, ...] = optional(())

    def given(self, number: int) -> Hyperparameters:
        """Return the values that the trial of this number takes in place of proposed ones; often none."""
        return given(self.start, number)

    def identity(self) -> dict[str, Any]:
        """Return the architecture's part of a plan's identity."""
        return {"digest": self.digest, "space": space_to_json(self.space), **optional_parts(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that decides a sweep's bits: two sweeps with equal plans have equal outcomes.

    Attributes:
        seed: the sweep's seed.
        dataset: fingerprint of the dataset.
        trials: number of trials of each architecture.
        cv: the cross-validation; if its metric is of one class, with the class's place.
        search: the search.
        prune: which trials are not trained to their end.
        architectures: in the sweep's order.
        platform: package versions and processor that fits run on. It is part of each fit's key, so that a
            home used with another TensorFlow or on another machine never mixes fits of the two.
        device: the device that fits are trained on.
        held_out: number of images of each class in each fold of the search, ``[folds][classes]``, if images
            belong to groups or came with folds; otherwise empty, as folds are stratified image by image.
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
    held_out: tuple[tuple[int, ...], ...] = optional(())

    def identity(self) -> dict[str, Any]:
        """Return everything that two runs of the same sweep must have in common, as JSON data.

        The number of trials is left out: trial n is the same in a longer sweep. Optional parts are left out
        at their defaults.
        """
        return {
            "procedure": PROCEDURE,
            "seed": self.seed,
            "dataset": self.dataset,
            "cv": recorded(self.cv),
            "search": recorded(self.search),
            "prune": recorded(self.prune)
            | {
                "margin": self.prune.margin_of(self.metric),
                "rungs": list(self.prune.rungs_within(self.cv.epochs)),
            },
            **optional_parts(self),
            "architectures": {each.name: each.identity() for each in self.architectures},
        }

    @property
    def metric(self) -> Metric:
        """The metric of fits and trials."""
        return metric_called(self.cv.metric)

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
        """Return the fits of one repeat of a trial, in fold order.

        Args:
            architecture: the trial's.
            trial: the trial's number; or a name, for fits whose seeds are the same for all trials.
            hyperparameters: the trial's.
            thresholds: the scores that the trial has to reach; None without pruning. Rungs apply to the first
                fold.
            repeat: number of the cross-validation; 0 is the search's.
        """
        others = replace(thresholds, rungs=()) if thresholds else None
        augmented = is_augmented(hyperparameters)
        return tuple(
            FitSpec(
                dataset=self.dataset,
                architecture=architecture.name,
                architecture_digest=architecture.digest,
                hyperparameters=tuple(sorted(hyperparameters.items())),
                folds=self.cv.folds,
                repeat=repeat,
                fold=fold,
                seeds=Seeds.of_fit(self.seed, trial=trial, repeat=repeat, fold=fold, augmented=augmented),
                epochs=self.cv.epochs,
                stopping=self.cv.stopping,
                thresholds=thresholds if fold == 0 else others,
                platform=self.platform,
                device=self.device,
                metric_name=self.metric.recorded,
            )
            for fold in range(self.cv.folds)
        )

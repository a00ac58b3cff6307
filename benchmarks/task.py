"""What ``compare_speed`` gives every tool to do, and what each gives back: plain data, handed on as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.architectures import built_in
from trainer.canonical import canonical_json
from trainer.datasets import DatasetSource, load
from trainer.hyperparameters import SHARED_SPACE, Hyperparameters, Space

#: What refold's sweep files have by default, and so every tool here: random trials before the search
#: begins, and the share of the training images that early stopping watches.
STARTUP, STOP_SHARE = 5, 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One trial as a tool ran it.

    Attributes:
        architecture: its name.
        number: from 0 within the architecture.
        hyperparameters: what was tried.
        epochs: how many each fold trained, in fold order; fewer folds than the task's if it was ended early.
        f1: macro-F1 of the pooled out-of-fold predictions, None if not every fold was trained.
    """

    architecture: str
    number: int
    hyperparameters: Hyperparameters
    epochs: tuple[int, ...]
    f1: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A sweep that any of the tools can run.

    Attributes:
        dataset: a built-in name.
        samples: so many of its images, None for all.
        architectures: names of refold's.
        trials: of each architecture.
        folds: of the cross-validation.
        epochs: the most a fit trains.
        patience: epochs without a better stop-set macro-F1 before it stops.
        seed: of the split, the stop sets and the search.
        given: trials to repeat with exactly these hyperparameters and numbers of epochs ("equal work");
            None to search.
    """

    dataset: str
    samples: int | None = None
    architectures: tuple[str, ...]
    trials: int
    folds: int
    epochs: int
    patience: int
    seed: int = 1
    given: tuple[Trial, ...] | None = field(default=None)

    @property
    def sizes(self) -> dict[str, Any]:
        """The task without the trials that are given: what has to agree for two runs to be comparable."""
        return {name: value for name, value in asdict(self).items() if name != "given"}

    def space(self, architecture: str) -> Space:
        """Return what refold searches for an architecture by default."""
        return {**SHARED_SPACE, **built_in(architecture).space}

    def given_trials(self, architecture: str) -> tuple[Trial, ...]:
        """Return the given trials of one architecture, in the order of their numbers."""
        mine = [trial for trial in self.given or () if trial.architecture == architecture]
        return tuple(sorted(mine, key=lambda trial: trial.number))

    def epochs_of(self, architecture: str, hyperparameters: Hyperparameters) -> tuple[int, ...] | None:
        """Return how long each fold of a given trial trains, None in a free search."""
        if self.given is None:
            return None
        asked = canonical_json(dict(hyperparameters))
        return next(
            trial.epochs
            for trial in self.given_trials(architecture)
            if canonical_json(dict(trial.hyperparameters)) == asked
        )

    def write(self, path: Path) -> None:
        """Write the task for another process."""
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Task":
        """Read what ``write`` wrote."""
        data = json.loads(path.read_text(encoding="utf-8"))
        given = None if data["given"] is None else tuple(trials_of(data["given"]))
        return cls(**data | {"architectures": tuple(data["architectures"]), "given": given})


@dataclass(frozen=True, slots=True)
class Data:
    """The images as Keras takes them: ``[n, height, width, channels]`` float32 in [0, pixel_max]."""

    images: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int32]
    classes: int
    pixel_max: float

    @classmethod
    def of(cls, task: Task) -> "Data":
        """Load the task's images."""
        dataset = load(DatasetSource(source=task.dataset, samples=task.samples)).search
        images = dataset.images.astype(np.float32)
        return cls(images, np.asarray(dataset.labels), len(dataset.classes), dataset.pixel_max)


def trials_of(data: Sequence[Mapping[str, Any]]) -> list[Trial]:
    """Rebuild trials from their fields as JSON has them."""
    return [Trial(**{**trial, "epochs": tuple(trial["epochs"])}) for trial in data]


def write_trials(trials: Sequence[Trial], path: Path) -> None:
    """Write what a tool did."""
    path.write_text(json.dumps([asdict(trial) for trial in trials], indent=1), encoding="utf-8")


def read_trials(path: Path) -> list[Trial]:
    """Read what ``write_trials`` wrote."""
    return trials_of(json.loads(path.read_text(encoding="utf-8")))


def fold_epochs(trials: Sequence[Trial]) -> int:
    """Return how many epochs all fits of all trials trained."""
    return sum(sum(trial.epochs) for trial in trials)


def best_f1(trials: Sequence[Trial]) -> float | None:
    """Return the highest score, None if no trial was complete."""
    return max((trial.f1 for trial in trials if trial.f1 is not None), default=None)

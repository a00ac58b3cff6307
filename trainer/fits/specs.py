"""The specification of one fit: everything that decides its bits, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from trainer.canonical import digest, optional, recorded
from trainer.fits.seeds import Seeds
from trainer.hyperparameters import Value
from trainer.metrics.metric import Metric
from trainer.metrics.table import metric_called

#: Counts the changes of refold's own training arithmetic. A fit of another procedure is another fit.
PROCEDURE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """The early-stopping rule.

    Attributes:
        metric: name in records of the sweep's metric (``metrics.table``).
        patience: epochs without an improvement after which training ends, at least 1.
        min_delta: gain in what is watched that counts as an improvement, in [0, 1).
        share: part of the training images that becomes the stop set, in (0, 0.5].
        watch: what of the stop set is watched, "metric" or "loss" (its cross-entropy, in nats; lower is
            better).
    """

    metric: str = "f1"
    patience: int = 5
    min_delta: float = 0.0
    share: float = 0.1
    watch: str = optional("metric")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A score that a fit must have reached by an epoch.

    Attributes:
        epoch: from 1; the score is checked after it.
        f1: the best stop-set score so far must be at least this. Records have this name from when macro-F1
            was the only metric.
    """

    epoch: int
    f1: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What a trial has to reach, or it is pruned. Computed from the outcomes of observed trials alone.

    Attributes:
        rungs: for the first fold, in the order of their epochs.
        ceilings: the best score that is assumed possible on each fold; empty while there is no incumbent.
        incumbent_mean: the best mean of the folds' scores among the observed trials.
        incumbent_f1: the best score of an observed trial as a whole, by whatever metric; see ``Rung.f1``.
        held_out: number of images of each class in each fold, ``[folds][classes]``; empty if the folds are
            stratified image by image, so that these numbers differ by at most one.
    """

    rungs: tuple[Rung, ...] = ()
    ceilings: tuple[float, ...] = ()
    incumbent_mean: float = 0.0
    incumbent_f1: float = 0.0
    held_out: tuple[tuple[int, ...], ...] = optional(())

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Thresholds":
        """Rebuild thresholds from JSON data."""
        rungs = tuple(Rung(**rung) for rung in data["rungs"])
        held_out = tuple(map(tuple, data.get("held_out", ())))
        return cls(**{**data, "rungs": rungs, "ceilings": tuple(data["ceilings"]), "held_out": held_out})


@dataclass(frozen=True, kw_only=True)  # without slots: the key is asked for often and worked out once
class FitSpec:
    """One training, exactly: two equal specs give equal bytes on one kind of machine.

    Fields that are added later, here or in a part, must be declared with ``canonical.optional``. Then the
    keys of recorded fits do not change.

    Attributes:
        dataset: fingerprint of the dataset.
        architecture: its name.
        architecture_digest: SHA-256 of its source.
        hyperparameters: (name, value) pairs sorted by name.
        folds: number of folds of the cross-validation.
        repeat: which cross-validation, from 0.
        fold: the held-out fold, or None to train on everything (a refit).
        seeds: one for each source of variation.
        epochs: the most epochs; without a stopping rule the exact number.
        stopping: the early-stopping rule, or None (a refit has no stop set).
        thresholds: what its trial has to reach, or None if nothing is pruned. Training applies the rungs.
        platform: (name, value) pairs of the deciding packages' versions and the kind of processor.
        exam: fingerprint of the exam that a refit is scored on after training; None for none. It changes no
            weight: a refit without it has the same ones.
        horizon: number of epochs that the learning rate's schedule is made for, if it is not ``epochs``: a
            refit ends earlier within the schedule of its folds. 0 if it is ``epochs``.
        reductions: of a refit with a plateau schedule, the epochs (from 1) after which the learning rate is
            reduced.
        metric_name: name in records of the sweep's metric (``metrics.table``).
    """

    dataset: str
    architecture: str
    architecture_digest: str
    hyperparameters: tuple[tuple[str, Value], ...]
    folds: int
    repeat: int
    fold: int | None
    seeds: Seeds
    epochs: int
    stopping: Stopping | None
    thresholds: Thresholds | None = None
    platform: tuple[tuple[str, str], ...] = ()
    precision: str = "float32"
    threads: int = 1
    device: str = "cpu"
    procedure: int = PROCEDURE
    exam: str | None = optional(None)
    horizon: int = optional(0)
    reductions: tuple[int, ...] = optional(())
    metric_name: str = optional("f1")

    @cached_property
    def key(self) -> str:
        """SHA-256 of the spec: the name under which the ledger keeps the result."""
        return digest(self.to_json())

    @property
    def metric(self) -> Metric:
        """The metric of its sweep; raises ValueError if there is no such metric."""
        return metric_called(self.metric_name)

    def to_json(self) -> dict[str, Any]:
        """Return the spec as plain JSON data; ``from_json`` is the inverse."""
        data: dict[str, Any] = recorded(self)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "FitSpec":
        """Rebuild a spec from what ``to_json`` returned.

        Raises:
            ValueError: if its metric does not exist.
        """
        metric_called(data.get("metric_name", cls.metric_name))
        stopping = data["stopping"]
        thresholds = data.get("thresholds")  # a fit of procedure 1 has none
        return cls(
            **{
                **data,
                "hyperparameters": tuple((name, value) for name, value in data["hyperparameters"]),
                "platform": tuple((name, value) for name, value in data["platform"]),
                "seeds": Seeds(**data["seeds"]),
                "reductions": tuple(data.get("reductions", ())),
                "stopping": None if stopping is None else Stopping(**stopping),
                "thresholds": None if thresholds is None else Thresholds.from_json(thresholds),
            }
        )

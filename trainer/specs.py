"""What one fit is: all that decides its bits, and nothing else."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trainer.canonical import digest
from trainer.hyperparameters import Value
from trainer.seeds import Seeds

#: Counts the changes of refold's own training arithmetic. A fit of another procedure is another fit.
PROCEDURE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """The early-stopping rule.

    Attributes:
        metric: what the stop set is watched for; only ``"f1"`` (macro-F1) exists.
        patience: epochs without an improvement after which training ends, at least 1.
        min_delta: gain in macro-F1 that counts as an improvement, in [0, 1).
        share: part of the training images that becomes the stop set, in (0, 0.5].
    """

    metric: str = "f1"
    patience: int = 5
    min_delta: float = 0.0
    share: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSpec:
    """One training, exactly: two equal specs give equal bytes on one kind of machine.

    Attributes:
        dataset: fingerprint of the dataset.
        architecture: its name.
        architecture_digest: SHA-256 of its source.
        hyperparameters: (name, value) pairs sorted by name.
        folds: number of folds of the cross-validation.
        repeat: which cross-validation, from 0.
        fold: the held-out fold, or None to train on everything (a refit).
        seeds: one for each source of variation.
        epochs: at most so many; exactly so many without a stopping rule.
        stopping: the early-stopping rule, or None (a refit has no stop set).
        platform: (name, value) pairs of the deciding packages' versions and the kind of processor.
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
    platform: tuple[tuple[str, str], ...] = ()
    precision: str = "float32"
    threads: int = 1
    device: str = "cpu"
    procedure: int = PROCEDURE

    @property
    def key(self) -> str:
        """SHA-256 of the spec: the name under which the ledger keeps the result."""
        return digest(asdict(self))

    def to_json(self) -> dict[str, Any]:
        """Return the spec as plain JSON data; ``from_json`` is the inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "FitSpec":
        """Rebuild a spec from what ``to_json`` returned."""
        stopping = data["stopping"]
        return cls(
            **{
                **data,
                "hyperparameters": tuple((name, value) for name, value in data["hyperparameters"]),
                "platform": tuple((name, value) for name, value in data["platform"]),
                "seeds": Seeds(**data["seeds"]),
                "stopping": None if stopping is None else Stopping(**stopping),
            }
        )

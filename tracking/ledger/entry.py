"""What the ledger has of a sweep before its first trial, as a row of ``sweeps`` and back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tracking.ledger.details import SweepDetails
from tracking.records import DatasetRecord, ExamRecord
from trainer.canonical import canonical_json, recorded
from trainer.fits.environment import Environment
from trainer.json_shape import check


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepEntry:
    """What the ledger has of a sweep before its first trial. The fields are the columns of ``sweeps``.

    The exception is ``git_commit``, which is in the column of the environment.
    """

    name: str
    key: str
    identity: Mapping[str, Any]
    toml: str
    seed: int
    dataset: DatasetRecord
    architectures: tuple[str, ...]
    trials: int
    fits: int
    environment: Environment
    git_commit: str | None
    details: SweepDetails
    created_at: float

    def to_row(self) -> tuple[object, ...]:
        """Return the entry as a row; ``from_row`` is the inverse."""
        environment = {**self.environment.to_json(), "git_commit": self.git_commit}
        return (
            self.name, self.key, canonical_json(self.identity), self.toml, self.seed,
            canonical_json(recorded(self.dataset)), canonical_json(self.architectures),
            self.trials, self.fits, canonical_json(environment),
            canonical_json(self.details.to_json()), self.created_at,
        )  # fmt: skip

    @classmethod
    def from_row(cls, columns: Mapping[str, Any]) -> "SweepEntry":
        """Rebuild the entry from a row, by column.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: if the row is damaged.
        """
        found = dict(columns)
        for column in ("identity", "dataset", "architectures", "environment", "details"):
            found[column] = json.loads(found[column])
        check(tuple[str, ...], found["architectures"], "architectures")
        check(Mapping[str, object], found["identity"], "identity")
        return cls(
            **found
            | {
                "dataset": _dataset_from_json(found["dataset"]),
                "architectures": tuple(found["architectures"]),
                "git_commit": found["environment"].pop("git_commit", None),
                "environment": Environment.from_json(found["environment"]),
                "details": SweepDetails.from_json(found["details"]),
            }
        )


def _dataset_from_json(data: Mapping[str, Any]) -> DatasetRecord:
    check(DatasetRecord, data, "dataset")
    height, width, channels = data["input_shape"]
    exam = data.get("exam")
    parts = {
        "classes": tuple(data["classes"]),
        "input_shape": (height, width, channels),
        "exam": None if exam is None else ExamRecord(**exam),
    }
    return DatasetRecord(**{**data, **parts})

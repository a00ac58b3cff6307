"""The request of ``refold doctor`` to a training process, and the answers; both are sent as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trainer.hyperparameters import Value
from trainer.user_code import UserSource


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRequest:
    """An architecture to be tried out.

    Attributes:
        name: its name in the sweep.
        source: the code of a user's architecture, or None.
        digest: digest of its source.
        hyperparameters: those to try.
    """

    name: str
    source: UserSource | None
    digest: str
    hyperparameters: Mapping[str, Value]

    def to_json(self) -> dict[str, object]:
        """Return the request as plain JSON data; ``from_json`` is the inverse."""
        return asdict(self) | {"source": None if self.source is None else self.source.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "StepRequest":
        """Rebuild a request from what ``to_json`` returned."""
        source = data["source"]
        return cls(**{**data, "source": None if source is None else UserSource.from_json(source)})


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightRequest:
    """The architectures to be tried out on the stored dataset in the folder ``dataset``."""

    dataset: str
    architectures: Sequence[StepRequest]

    def to_json(self) -> dict[str, object]:
        """Return the request as plain JSON data; ``from_json`` is the inverse."""
        return {"dataset": self.dataset, "architectures": [each.to_json() for each in self.architectures]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "PreflightRequest":
        """Rebuild a request from what ``to_json`` returned."""
        architectures = [StepRequest.from_json(each) for each in data["architectures"]]
        return cls(dataset=data["dataset"], architectures=architectures)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPassed:
    """Two training steps of an architecture, run twice from the same seeds.

    Attributes:
        repeats: whether both runs gave the same weights and the same probabilities.
        finite: whether the loss was finite.
        seconds: duration of the second run, which does not trace.
        tracing: what the first run took beyond that: building and tracing the network.
    """

    repeats: bool
    finite: bool
    seconds: float
    tracing: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailed:
    """An architecture that cannot be trained.

    Attributes:
        error: what is wrong, one line.
        deterministic: False if an op has no deterministic implementation; True for any other error.
        node: the op at fault, or None.
    """

    error: str
    deterministic: bool = True
    node: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAnswer:
    """The result for one architecture.

    Attributes:
        name: its name in the sweep.
        outcome: of its training steps.
        peak_bytes: peak memory of the process up to then.
    """

    name: str
    outcome: StepPassed | StepFailed
    peak_bytes: int

    def to_json(self) -> dict[str, object]:
        """Return the answer as plain JSON data; ``from_json`` is the inverse."""
        kind = "passed" if isinstance(self.outcome, StepPassed) else "failed"
        return {"name": self.name, "peak_bytes": self.peak_bytes, kind: asdict(self.outcome)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "StepAnswer":
        """Rebuild an answer from what ``to_json`` returned."""
        passed = data.get("passed")
        outcome = StepFailed(**data["failed"]) if passed is None else StepPassed(**passed)
        return cls(name=data["name"], outcome=outcome, peak_bytes=data["peak_bytes"])

"""The request to the process that writes models in the formats of other programs, and its answer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from trainer.hyperparameters import Value
from trainer.user_code import UserSource


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptWeights:
    """The weights of a trained network.

    Attributes:
        weights: an ``.npz`` as ``Keep`` in ``trainer.process.jobs`` describes it.
        sha256: the digest that they must have.
    """

    weights: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertRequest:
    """A model to be written.

    Attributes:
        architecture: its name.
        source: the code of a user's architecture, or None.
        digest: digest of the architecture's source in the recorded fits.
        hyperparameters: of the networks.
        dataset: folder of the stored dataset.
        members: the trained networks; the probabilities of several are averaged. Empty for a rehearsal, which
            uses untrained weights.
        count: number of networks, in a rehearsal too.
        formats: their names.
        dispensable: those of them that are left out if they cannot hold the model.
        folder: takes the files.
    """

    architecture: str
    source: UserSource | None
    digest: str
    hyperparameters: Mapping[str, Value]
    dataset: str
    members: tuple[KeptWeights, ...]
    count: int
    formats: tuple[str, ...]
    folder: str
    dispensable: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the request as plain JSON data; ``from_json`` is the inverse."""
        return asdict(self) | {"source": None if self.source is None else self.source.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ConvertRequest":
        """Rebuild a request from what ``to_json`` returned."""
        source = data["source"]
        parts = {
            "source": None if source is None else UserSource.from_json(source),
            "members": tuple(KeptWeights(**member) for member in data["members"]),
            "formats": tuple(data["formats"]),
            "dispensable": tuple(data["dispensable"]),
        }
        return cls(**{**data, **parts})


#: A format cannot hold the model; the files cannot be written; the weights have another digest.
Obstacle = Literal["refused", "unwritable", "mismatch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertAnswer:
    """The outcome of a request.

    Attributes:
        obstacle: the kind of problem; None if everything was written.
        what: the problem in one line.
        left_out: the dispensable formats that cannot hold the model, each with the reason in one line.
    """

    obstacle: Obstacle | None = None
    what: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Return the answer as plain JSON data; ``from_json`` is the inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ConvertAnswer":
        """Rebuild an answer from what ``to_json`` returned."""
        return cls(**data)

"""What is asked of the process that describes a Keras file as an MLflow model."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FlavourRequest:
    """An MLflow model that is to be written.

    Attributes:
        keras: the file.
        folder: to write.
        images: ``.npy`` of raw pixels; the first one becomes the example.
        probabilities: ``.npy``, what the model gives for them.
        requirements: packages with their versions.
        metadata: what MLflow shows beside the model.
    """

    keras: str
    folder: str
    images: str
    probabilities: str
    requirements: tuple[str, ...]
    metadata: Mapping[str, object]

    def to_json(self) -> dict[str, object]:
        """Return the request as plain JSON data; ``from_json`` is the inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "FlavourRequest":
        """Rebuild a request from what ``to_json`` returned."""
        return cls(**{**data, "requirements": tuple(data["requirements"])})

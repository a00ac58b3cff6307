"""The request to the process that makes an MLflow model of a Keras file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FlavourRequest:
    """An MLflow model to be written.

    Attributes:
        keras: the ``.keras`` file.
        folder: the MLflow model's folder, which is created.
        images: an ``.npy`` of raw pixels; the first image becomes the example.
        probabilities: an ``.npy`` of the model's probabilities for ``images``.
        requirements: packages with their versions.
        metadata: shown by MLflow beside the model.
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

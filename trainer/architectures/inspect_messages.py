"""The request to the process that tries out a user's architecture, and its answer; both are sent as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trainer.hyperparameters import Space
from trainer.space_json import space_from_json, space_to_json
from trainer.user_code import UserSource


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectRequest:
    """An architecture to be tried.

    Attributes:
        base: folder that the file's name is relative to, and that a cell imports modules from.
        spec: ``"file.py:Name"``.
        cell: the text of a notebook's cell, or None.
        name: what the sweep calls the architecture.
        input_shape: height, width, channels of the sweep's images.
        classes: how many classes there are, at least 2.
        files: the files that the code reads, as seen from the folder of its main file.
        keep_seeds: whether seeds that the code gives to its initial weights are meant.
    """

    base: str
    spec: str
    cell: str | None
    name: str
    input_shape: tuple[int, int, int]
    classes: int
    files: tuple[str, ...] = ()
    keep_seeds: bool = False

    def to_json(self) -> dict[str, object]:
        """Return the request as plain JSON data; ``from_json`` is the inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "InspectRequest":
        """Rebuild a request from what ``to_json`` returned."""
        height, width, channels = data["input_shape"]
        return cls(**{**data, "input_shape": (height, width, channels), "files": tuple(data["files"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The texts of the architecture's code, the space that it declares, and what is worth knowing of it."""

    source: UserSource
    space: Space
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What is wrong with the architecture, one line."""

    error: str


def answer_to_json(answer: Accepted | Refused) -> dict[str, object]:
    """Return an answer as plain JSON data; ``answer_from_json`` is the inverse."""
    if isinstance(answer, Refused):
        return asdict(answer)
    return {
        "source": answer.source.to_json(),
        "space": space_to_json(answer.space),
        "remarks": list(answer.remarks),
    }


def answer_from_json(data: Mapping[str, Any]) -> Accepted | Refused:
    """Rebuild an answer from what ``answer_to_json`` returned."""
    if "error" in data:
        return Refused(error=data["error"])
    return Accepted(
        source=UserSource.from_json(data["source"]),
        space=space_from_json(data["space"]),
        remarks=tuple(data["remarks"]),
    )

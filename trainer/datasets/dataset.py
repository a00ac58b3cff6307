"""A dataset: images, labels, class names, and a fingerprint over all of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from trainer.canonical import canonical_json
from trainer.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSource:
    """What a sweep file says about its data.

    Attributes:
        source: a built-in name, the path of a folder of class folders, or of an ``.npz`` file.
        samples: number of images to use, a stratified choice that is always the same; None for all.
        image_size: (height, width) in pixels that a folder's images are resized to; None if they must have
            one size already.
        colour: ``"grey"`` or ``"rgb"``, which a folder's images are converted to; None to take them as they
            are.
    """

    source: str
    samples: int | None = None
    image_size: tuple[int, int] | None = None
    colour: Literal["grey", "rgb"] | None = None

    def to_json(self) -> dict[str, object]:
        """Return the source as plain JSON data; ``from_json`` is the inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "DatasetSource":
        """Rebuild a source from what ``to_json`` returned.

        Raises:
            UsageError: if it has a field that only a newer version of refold understands.
        """
        if newer := sorted(data.keys() - cls.__slots__):
            raise UsageError(
                f"the dataset is described by {', '.join(newer)}, which this refold does not know: "
                "use the one that recorded the sweep"
            )
        size = data["image_size"]
        return cls(**{**data, "image_size": None if size is None else tuple(size)})


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Labelled images.

    Attributes:
        name: for messages and reports, never part of the fingerprint.
        images: ``[n, height, width, channels]``, uint8 or float32, values in [0, pixel_max].
        labels: ``[n]`` int32 in [0, len(classes)).
        classes: names of the classes in label order.
        pixel_max: the value of a full pixel; the models divide by it in their first layer.
    """

    name: str
    images: npt.NDArray[np.uint8] | npt.NDArray[np.float32]
    labels: npt.NDArray[np.int32]
    classes: tuple[str, ...]
    pixel_max: float

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of every image."""
        _, height, width, channels = self.images.shape
        return height, width, channels

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over shape, type and bytes of the images, then labels, class names and pixel_max."""
        header = {
            "images": [list(self.images.shape), str(self.images.dtype)],
            "labels": [list(self.labels.shape), str(self.labels.dtype)],
            "classes": list(self.classes),
            "pixel_max": self.pixel_max,
        }
        content = hashlib.sha256(canonical_json(header).encode())
        content.update(np.ascontiguousarray(self.images).data)
        content.update(np.ascontiguousarray(self.labels).data)
        return content.hexdigest()

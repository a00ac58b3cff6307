"""A dataset: images, labels, class names, and a fingerprint over all of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from trainer.canonical import canonical_json
from trainer.errors import UsageError

Fit = Literal["stretch", "pad", "crop"]

#: ``DatasetSource.exam``: the official test set, if there is one. What sweeps recorded before there was
#: ``exam`` have: nothing was set aside for them.
OFFICIAL = "official"

#: Share of the images that is set aside as the exam if there is no official test set and nothing is said.
EXAM_SHARE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSource:
    """What a sweep file says about its data.

    Attributes:
        source: a built-in name, or the path of a folder of class folders, of a table (``.csv``,
            ``.parquet``) or of an ``.npz`` file.
        samples: number of images to use, a stratified choice that is always the same; None for all. The exam
            set is not counted.
        image_size: (height, width) in pixels that image files are brought to; None if they must have one size
            already.
        colour: ``"grey"`` or ``"rgb"``, which image files are converted to; None to take them as they are.
        fit: how image files of other proportions are brought to ``image_size``: stretched, padded with black,
            or cropped around the middle.
        groups: which images belong together: a pattern with one group in parentheses, searched in each
            image's path; a level of folders inside the class folders, from 1; or the name of a table's
            column. None for a table's column ``group`` if there is one, otherwise no groups.
        exam: the exam set: a share of the images in (0, 0.5], whole groups; 0 for none; the path of labelled
            images of the user's own; ``"official"`` for the official test set or none. None for the official
            test set, or a share of 0.2 where there is none.
        duplicates: ``"keep-together"`` to make groups of duplicates; None to leave them alone.
        exclude: the path of a text file that names images to leave out, one a line.
        unreadable: ``"leave-out"`` to train without files that cannot be read; None to refuse them.
    """

    source: str
    samples: int | None = None
    image_size: tuple[int, int] | None = None
    colour: Literal["grey", "rgb"] | None = None
    fit: Fit = "stretch"
    groups: str | int | None = None
    exam: float | str | None = None
    duplicates: Literal["keep-together"] | None = None
    exclude: str | None = None
    unreadable: Literal["leave-out"] | None = None

    def to_json(self) -> dict[str, object]:
        """Return the source as plain JSON data; ``from_json`` is the inverse.

        What lacks ``exam`` has only an official test set, as all sweeps that were recorded before there was
        ``exam``.
        """
        always = ("source", "samples", "image_size", "colour")
        usual = {each.name: each.default for each in fields(self)} | {"exam": OFFICIAL}
        values = {name: getattr(self, name) for name in usual}
        return {name: value for name, value in values.items() if name in always or value != usual[name]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "DatasetSource":
        """Rebuild a source from what ``to_json`` returned, in this version of refold or an earlier one.

        Raises:
            UsageError: if it has a field that only a newer version of refold understands.
        """
        if newer := sorted(data.keys() - cls.__slots__):
            raise UsageError(
                f"the dataset is described by {', '.join(newer)}, which this refold does not know: "
                "use the one that recorded the sweep"
            )
        size = data["image_size"]
        return cls(**{"exam": OFFICIAL, **data, "image_size": None if size is None else tuple(size)})


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Labelled images.

    Attributes:
        name: for messages and reports, never part of the fingerprint.
        images: ``[n, height, width, channels]``, uint8 or float32, values in [0, pixel_max].
        labels: ``[n]`` int32 in [0, len(classes)).
        classes: names of the classes in label order.
        pixel_max: the value of a full pixel; the models divide by it in their first layer.
        paths: a name for each image: its path in the source; empty if images have only their place. Never
            part of the fingerprint.
        groups: ``[n]`` int32, the group of each image, numbered from 0 in order of first appearance; None if
            every image is by itself.
        group_names: names of the groups by number. Never part of the fingerprint.
        folds: ``[n]`` int32, the fold of each image, from 0, if the source says so; otherwise None.
    """

    name: str
    images: npt.NDArray[np.uint8] | npt.NDArray[np.float32]
    labels: npt.NDArray[np.int32]
    classes: tuple[str, ...]
    pixel_max: float
    paths: tuple[str, ...] = ()
    groups: npt.NDArray[np.int32] | None = None
    group_names: tuple[str, ...] = ()
    folds: npt.NDArray[np.int32] | None = None

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of every image."""
        _, height, width, channels = self.images.shape
        return height, width, channels

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over shape, type and bytes of the images, then labels, class names and pixel_max.

        Groups and folds come last, and only if there are any.
        """
        parts = {"groups": self.groups, "folds": self.folds}
        given = {name: array for name, array in parts.items() if array is not None}
        header: dict[str, object] = {
            "images": [list(self.images.shape), str(self.images.dtype)],
            "labels": [list(self.labels.shape), str(self.labels.dtype)],
            "classes": list(self.classes),
            "pixel_max": self.pixel_max,
            **{name: [list(array.shape), str(array.dtype)] for name, array in given.items()},
        }
        content = hashlib.sha256(canonical_json(header).encode())
        content.update(np.ascontiguousarray(self.images).data)
        for array in (self.labels, *given.values()):
            content.update(np.ascontiguousarray(array).data)
        return content.hexdigest()

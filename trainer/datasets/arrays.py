"""Images and labels as arrays, from files and notebooks: checked, and brought to one form.

In the functions below ``where`` is an array's name in messages: ``'images' in 'data.npz'``, or
``the array of images``.
"""

import copy
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer import names as rules
from trainer.datasets.dataset import DatasetSource
from trainer.datasets.labelled import Labelled
from trainer.datasets.large import copied
from trainer.datasets.parts import Loaded, divide
from trainer.errors import UsageError
from trainer.names import Rule

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.float32]

#: The recorded source of a dataset that was given as arrays is this prefix and the fingerprint.
PREFIX = "arrays:"


class Arrays:
    """A dataset given as arrays, from a notebook. They are copied, so later changes to them have no effect.

    Attributes:
        labelled: all of the images.
    """

    def __init__(
        self,
        images: npt.ArrayLike,
        labels: npt.ArrayLike,
        *,
        classes: Sequence[str] | None = None,
        name: str = "arrays",
        groups: npt.ArrayLike | None = None,
        paths: Sequence[str] | None = None,
        exam: "float | tuple[npt.ArrayLike, npt.ArrayLike] | None" = None,
    ) -> None:
        """Check and copy the arrays.

        Args:
            images: ``[n, height, width]`` or ``[n, height, width, 1 or 3]``: integers in 0 to 255, floats in
                0 to 1 or 0 to 255, or booleans.
            labels: ``[n]`` integers or texts.
            classes: names of the classes; integer labels are then positions in it, from 0. If None, the
                classes are the distinct labels, sorted.
            name: of the dataset, for messages and reports; the rule is that of class names.
            groups: ``[n]`` integers or texts: which images belong together (of one patient, say); None if
                every image is by itself.
            paths: ``[n]`` names of the images, for reports; None to name them by their place.
            exam: share of the images that is set aside as the exam, in (0, 0.5]; 0 for none; or two arrays,
                images and labels. None for 0.2.

        Raises:
            UsageError: if an array has another shape, type or range, or a label is not a class.
        """
        try:
            named = rules.class_name(name)
        except ValueError as error:
            raise UsageError(f"the name of the arrays, {rules.quoted(name)}, {error}") from None
        pixels, pixel_max = pixels_of(_array(images, "the array of images"), "the array of images")
        found = labels_of(_array(labels, "the array of labels"), len(pixels), "the array of labels")
        names = None if classes is None else names_of(_array(classes, "classes"), "classes")
        known, numbers = classified(found, names, "the array of labels")
        count = len(numbers)
        self.labelled = Labelled(
            name=named, images=_own(pixels), labels=_own(numbers), classes=known, pixel_max=pixel_max,
            group_of=() if groups is None else texts_of(groups, count, "the array of groups"),
            paths=() if paths is None else texts_of(paths, count, "the list of paths"),
        )  # fmt: skip
        self._exam_share, self._own_exam = _exam_of(exam, self.labelled)

    @cached_property
    def loaded(self) -> Loaded:
        """The images of the search and the exam.

        Raises:
            UsageError: if a class has too few images for an exam.
        """
        settings = DatasetSource(source=PREFIX, exam=self._exam_share)
        return divide(self.labelled, settings, own_exam=self._own_exam)

    @property
    def source(self) -> DatasetSource:
        """The recorded source: the fingerprint of the search images stands in the place of a path."""
        return DatasetSource(source=f"{PREFIX}{self.loaded.search.fingerprint}", exam=self._exam_share)

    def with_exam(self, exam: float | str) -> "Arrays":
        """Return the same images with another exam, as ``DatasetSource.exam`` has it."""
        other = copy.copy(self)
        other.__dict__.pop("loaded", None)
        other.__dict__.pop("_fingerprints", None)
        other._exam_share, other._own_exam = exam, None
        return other

    @cached_property
    def _fingerprints(self) -> tuple[str, ...]:
        parts = (self.labelled, *([self._own_exam] if self._own_exam else []))
        whole = (part.dataset(np.arange(len(part.labels))) for part in parts)
        return (*(dataset.fingerprint for dataset in whole), str(self._exam_share))

    def __repr__(self) -> str:
        data = self.labelled
        shape = tuple(data.images.shape[1:])
        return f"Arrays({len(data.labels)} images of {shape}, classes {listed(data.classes)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Arrays) and other._fingerprints == self._fingerprints

    def __hash__(self) -> int:
        return hash(self._fingerprints)


def _exam_of(given: object, labelled: Labelled) -> tuple[float | str | None, Labelled | None]:
    """Return the exam as ``DatasetSource.exam`` has it, and the user's own exam images.

    Raises:
        UsageError: if it is neither a share nor two arrays.
    """
    if given is None:
        return None, None
    if isinstance(given, tuple | list) and len(given) == 2:
        pixels, pixel_max = pixels_of(_array(given[0], "the exam's images"), "the exam's images")
        found = labels_of(_array(given[1], "the exam's labels"), len(pixels), "the exam's labels")
        numbers = numbered(found, labelled.classes, "the array of the exam's labels")
        own = Labelled(
            name=labelled.name, images=_own(pixels), labels=_own(numbers), classes=labelled.classes,
            pixel_max=pixel_max,
        )  # fmt: skip
        return "arrays", own
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 0.5:
        raise UsageError("exam must be a share of the images from 0 to 0.5, or two arrays: images and labels")
    return float(given), None


def texts_of(given: Any, count: int, where: str) -> tuple[str, ...]:
    """Return ``[n]`` integers or texts as texts.

    Raises:
        UsageError: if there is not one for each image, or one is neither an integer nor a text.
    """
    array = _array(given, where)
    if array.dtype.kind == "S":
        array = decoded(array, where)
    if array.ndim != 1 or array.dtype.kind not in "iuU":
        raise UsageError(
            f"{where} is of type {array.dtype} and shape {list(array.shape)}: it must be [n] integers or "
            "texts"
        )
    if len(array) != count:
        raise UsageError(f"{where} has {len(array)} entries for {count} images: there must be one for each")
    return tuple(map(str, array.tolist()))


def fingerprint_of(source: DatasetSource) -> str | None:
    """Return the fingerprint of a dataset that was given as arrays; None for any other source."""
    found = re.fullmatch(f"{PREFIX}([0-9a-f]{{64}})", source.source)
    return found[1] if found else None


def _array(given: npt.ArrayLike, where: str) -> Array:
    try:
        return np.asarray(given)
    except ValueError as error:
        raise UsageError(f"{where} is not an array ({' '.join(str(error).split())})") from None


def _own(array: Any) -> Any:
    """Return a read-only copy."""
    own = copied(array)
    own.flags.writeable = False
    return own


def classified(
    labels: Array, names: tuple[str, ...] | None, where: str
) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    """Return the classes in label order, and each label's position in them.

    Raises:
        UsageError: if a label is none of the given names.
    """
    if names is not None:
        return names, numbered(labels, names, where)
    values, positions = np.unique(labels, return_inverse=True)
    return tuple(str(value) for value in values), positions.astype(np.int32)


def names_of(names: Array, where: str, class_name: Rule = rules.class_name) -> tuple[str, ...]:
    """Return class names in composed form.

    Raises:
        UsageError: if they are not ``[k]`` distinct strings, or one is no name.
    """
    if names.dtype.kind == "S":
        names = decoded(names, where)
    if names.dtype.kind != "U" or names.ndim != 1:
        raise UsageError(
            f"{where} is of type {names.dtype} and shape {list(names.shape)}: it must be [k] strings"
        )
    return _named(names.tolist(), where, class_name)


def _named(given: Sequence[str], where: str, class_name: Rule) -> tuple[str, ...]:
    try:
        return rules.distinct(given, class_name)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None


def pixels_of(images: Array, where: str) -> tuple[Pixels, float]:
    """Return images as ``[n, height, width, channels]`` uint8 or float32, and the value of a full pixel.

    Raises:
        UsageError: if shape, type or range is not one that ``Arrays`` takes.
    """
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4 or images.shape[3] not in {1, 3}:
        shape = list(images.shape if images.ndim != 4 or images.shape[3] != 1 else images.shape[:3])
        raise UsageError(
            f"{where} has the shape {shape}: "
            "it must be [n, height, width] or [n, height, width, channels] with 1 or 3 channels"
        )
    if images.size == 0:
        raise UsageError(f"{where} is empty: there must be images to train on")
    if images.dtype.kind == "b":
        return copied(images, np.uint8), 1.0
    if images.dtype.kind not in "iuf":
        raise UsageError(f"{where} is of type {images.dtype}: pixels must be integers, floats or booleans")
    return _scaled(images, where)


def _scaled(images: Array, where: str) -> tuple[Pixels, float]:
    """Return the images and the value of a full pixel: 1 for floats in [0, 1], otherwise 255."""
    low, high = images.min(), images.max()
    # A NaN makes minimum and maximum NaN, and no comparison with a NaN holds.
    if not (low >= 0 and high <= 255):
        raise UsageError(
            f"{where} has values from {low} to {high}: they must lie in 0 to 255, or 0 to 1 for floats"
            + ("" if np.isfinite([low, high]).all() else ", and all be finite")
        )
    if images.dtype.kind in "iu":
        return _contiguous(images, np.uint8), 255.0
    if 1 < high < 2:  # 1.0000001 after some resizing: taking it for 255 would make all images black
        raise UsageError(f"{where} has values up to {high}: clip floats to 0 to 1, or scale them to 0 to 255")
    return _contiguous(images, np.float32), 1.0 if high <= 1 else 255.0


def _contiguous(images: Array, dtype: type[np.uint8] | type[np.float32]) -> Array:
    """Return the images C-contiguous in this type: themselves if they are so."""
    ready = images.dtype == dtype and images.flags.c_contiguous
    return images if ready else copied(images, dtype)


def labels_of(labels: Array, images: int, where: str, class_name: Rule = rules.class_name) -> Array:
    """Return labels as integers, or as class names in composed form.

    Raises:
        UsageError: if ``labels`` is not ``[n]`` integers or strings, ``n`` is not the number of images, or a
            string is no class name.
    """
    if labels.ndim != 1:
        raise UsageError(f"{where} has the shape {list(labels.shape)}: it must be [n], one label an image")
    if len(labels) != images:
        raise UsageError(f"{where} has {len(labels)} labels for {images} images: there must be one for each")
    if labels.dtype.kind == "b":
        return labels.astype(np.uint8)
    if labels.dtype.kind == "S":
        labels = decoded(labels, where)
    if labels.dtype.kind not in "iuU":
        raise UsageError(f"{where} is of type {labels.dtype}: labels must be integers or strings")
    if labels.dtype.kind == "U":
        values, positions = np.unique(labels, return_inverse=True)
        return np.array(_named(values.tolist(), where, class_name))[positions]
    return labels


def numbered(labels: Array, classes: tuple[str, ...], where: str) -> npt.NDArray[np.int32]:
    """Return the position in ``classes`` of each label: integers are positions, strings are names.

    Raises:
        UsageError: if a label is none of the classes.
    """
    if labels.dtype.kind in "iu":
        wrong = labels[(labels < 0) | (labels >= len(classes))]
        if len(wrong):
            raise UsageError(f"{where} has {wrong[0]}, but with {len(classes)} classes labels go from 0 on")
        return labels.astype(np.int32)
    position = {name: number for number, name in enumerate(classes)}
    values, inverse = np.unique(labels, return_inverse=True)
    unknown = [str(value) for value in values if str(value) not in position]
    if unknown:
        raise UsageError(f"{where} has {unknown[0]!r}, which is none of the classes {listed(classes)}")
    return np.array([position[str(value)] for value in values], dtype=np.int32)[inverse]


def listed(classes: tuple[str, ...]) -> str:
    """Return the first ten names, for a message."""
    return ", ".join(classes[:10]) + (", …" if len(classes) > 10 else "")


def decoded(texts: Array, where: str) -> Array:
    """Return byte strings as text."""
    try:
        return np.char.decode(texts, "utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{where} has bytes that are not UTF-8: save it as text") from error

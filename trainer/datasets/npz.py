"""Images and labels in an ``.npz`` file.

=================================  ==========================================================================
``images``                         ``[n, height, width]`` or ``[n, height, width, 1 or 3]``
``labels``                         ``[n]`` integers or strings
``class_names`` (or ``classes``)   optional: strings; integer labels then count from 0 along them
``test_images``, ``test_labels``   optional: the official test set
=================================  ==========================================================================

Without class names the classes are the labels met in ``labels``, sorted: numbers by value, strings by code
point. Nothing is ever unpickled: an ``.npz`` that holds objects is refused.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.npyio import NpzFile

from trainer.datasets.checks import require_same_kind
from trainer.datasets.dataset import Dataset
from trainer.errors import UsageError

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.float32]


def read(path: Path) -> Dataset:
    """Return ``images`` and ``labels`` of the file; test arrays are not read.

    Raises:
        UsageError: if the file is damaged, lacks one of the two, or they are not what the module says.
    """
    with opened(path) as archive:
        return _training(archive, path)


def read_test(path: Path) -> Dataset | None:
    """Return ``test_images`` and ``test_labels`` of the file, or None if it has neither.

    Raises:
        UsageError: as ``read``, or if the test set has other classes, shape or scale than ``images``.
    """
    with opened(path) as archive:
        if not {"test_images", "test_labels"} & set(archive.files):
            return None
        training = _training(archive, path)
        images, pixel_max = _pixels(
            read_array(archive, path, "test_images"), f"'test_images' in {str(path)!r}"
        )
        labels = _label_array(archive, path, "test_labels", len(images))
        where = f"'test_labels' in {str(path)!r}"
        # Without given names the training set's classes are its labels as text, so text is what to look up.
        by_name = labels if _class_names(archive, path) is not None else labels.astype(str)
        test = Dataset(
            name=training.name,
            images=images,
            labels=_numbered(by_name, training.classes, where),
            classes=training.classes,
            pixel_max=pixel_max,
        )
    require_same_kind(test, training)
    return test


@contextmanager
def opened(path: Path) -> Iterator[NpzFile]:
    """Open an ``.npz`` file; what it holds is read by ``read_array``.

    Raises:
        UsageError: if it is none, or cannot be read.
    """
    try:
        with path.open("rb") as stream:  # is_zipfile(path) answers False to a file that may not be read
            zipped = zipfile.is_zipfile(stream)
        archive = np.load(path, allow_pickle=False) if zipped else None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UsageError(f"{str(path)!r} cannot be read ({error}): restore it, and run again") from error
    if not isinstance(archive, NpzFile):
        raise UsageError(f"{str(path)!r} is not an .npz file, or is damaged: write it with numpy.savez")
    with archive:
        yield archive


def read_array(archive: NpzFile, path: Path, name: str) -> Array:
    """Return the array ``name``.

    Raises:
        UsageError: if there is no such array (what there is is listed), it is damaged, or holds objects.
    """
    if name not in archive.files:
        there = ", ".join(archive.files) or "nothing"
        raise UsageError(f"{str(path)!r} has no array {name!r} (it holds {there}): add it")
    try:
        array = archive[name]
    except Exception as error:  # zip, zlib and NumPy's header reader each raise their own
        reason = " ".join(str(error).split())
        raise UsageError(
            f"{name!r} in {str(path)!r} cannot be read ({reason}): "
            "save plain numbers or strings, never objects, with numpy.savez"
        ) from error
    if not isinstance(array, np.ndarray):  # NumPy hands out zip members that are no arrays as bytes
        raise UsageError(f"{name!r} in {str(path)!r} is no array: write the file with numpy.savez")
    return array


def _training(archive: NpzFile, path: Path) -> Dataset:
    """Return the training part of an open file."""
    images, pixel_max = _pixels(read_array(archive, path, "images"), f"'images' in {str(path)!r}")
    labels = _label_array(archive, path, "labels", len(images))
    classes = _class_names(archive, path)
    if classes is None:
        values, positions = np.unique(labels, return_inverse=True)
        classes, numbered = tuple(str(value) for value in values), positions.astype(np.int32)
    else:
        numbered = _numbered(labels, classes, f"'labels' in {str(path)!r}")
    return Dataset(name=path.stem, images=images, labels=numbered, classes=classes, pixel_max=pixel_max)


def _pixels(images: Array, where: str) -> tuple[Pixels, float]:
    """Return images as ``[n, height, width, channels]`` uint8 or float32, and the value of a full pixel.

    Raises:
        UsageError: if shape, type or values are none that the module names.
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
        return images.astype(np.uint8), 1.0
    if images.dtype.kind not in "iuf":
        raise UsageError(f"{where} is of type {images.dtype}: pixels must be integers, floats or booleans")
    return _scaled(images, where)


def _scaled(images: Array, where: str) -> tuple[Pixels, float]:
    """Find out what a full pixel of numbers is: 1 for floats in [0, 1], otherwise 255."""
    low, high = images.min(), images.max()
    # A NaN makes minimum and maximum NaN, and no comparison with a NaN holds.
    if not (low >= 0 and high <= 255):
        raise UsageError(
            f"{where} has values from {low} to {high}: they must lie in 0 to 255, or 0 to 1 for floats"
            + ("" if np.isfinite([low, high]).all() else ", and all be finite")
        )
    if images.dtype.kind in "iu":
        return np.ascontiguousarray(images, dtype=np.uint8), 255.0
    if 1 < high < 2:  # 1.0000001 after some resizing: taking it for 255 would make all images black
        raise UsageError(f"{where} has values up to {high}: clip floats to 0 to 1, or scale them to 0 to 255")
    return np.ascontiguousarray(images, dtype=np.float32), 1.0 if high <= 1 else 255.0


def _label_array(archive: NpzFile, path: Path, name: str, images: int) -> Array:
    """Return an array of labels as integers or strings.

    Raises:
        UsageError: if it is not ``[n]`` of one of these, or ``n`` is not the number of images.
    """
    labels = read_array(archive, path, name)
    where = f"{name!r} in {str(path)!r}"
    if labels.ndim != 1:
        raise UsageError(f"{where} has the shape {list(labels.shape)}: it must be [n], one label an image")
    if len(labels) != images:
        raise UsageError(f"{where} has {len(labels)} labels for {images} images: there must be as many")
    if labels.dtype.kind == "b":
        return labels.astype(np.uint8)
    if labels.dtype.kind == "S":
        return _decoded(labels, where)
    if labels.dtype.kind not in "iuU":
        raise UsageError(f"{where} is of type {labels.dtype}: labels must be integers or strings")
    return labels


def _class_names(archive: NpzFile, path: Path) -> tuple[str, ...] | None:
    """Return the given class names in label order, or None.

    Raises:
        UsageError: if there are two arrays of them, or it is not ``[k]`` distinct strings.
    """
    given = [name for name in ("class_names", "classes") if name in archive.files]
    if not given:
        return None
    if len(given) == 2:
        raise UsageError(f"{str(path)!r} holds both 'class_names' and 'classes': keep one of them")
    names = read_array(archive, path, given[0])
    where = f"{given[0]!r} in {str(path)!r}"
    if names.dtype.kind == "S":
        names = _decoded(names, where)
    if names.dtype.kind != "U" or names.ndim != 1:
        raise UsageError(
            f"{where} is of type {names.dtype} and shape {list(names.shape)}: it must be [k] strings"
        )
    if len(np.unique(names)) != len(names):
        raise UsageError(f"{where} names a class twice: names must differ")
    return tuple(names.tolist())


def _numbered(labels: Array, classes: tuple[str, ...], where: str) -> npt.NDArray[np.int32]:
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
        raise UsageError(f"{where} has {unknown[0]!r}, which is none of the classes {_listed(classes)}")
    return np.array([position[str(value)] for value in values], dtype=np.int32)[inverse]


def _listed(classes: tuple[str, ...]) -> str:
    return ", ".join(classes[:10]) + (", …" if len(classes) > 10 else "")


def _decoded(texts: Array, where: str) -> Array:
    """Return byte strings as text."""
    try:
        return np.char.decode(texts, "utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{where} holds bytes that are not UTF-8: save it as text") from error

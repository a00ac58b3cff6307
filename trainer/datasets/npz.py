"""Images and labels in an ``.npz`` file.

=================================  ==========================================================================
``images``                         ``[n, height, width]`` or ``[n, height, width, 1 or 3]``
``labels``                         ``[n]`` integers or strings
``class_names`` (or ``classes``)   optional: strings; integer labels are then positions in it, from 0
``test_images``, ``test_labels``   optional: the official test set
``groups``, ``test_groups``        optional: ``[n]`` integers or strings, which images belong together
=================================  ==========================================================================

Without class names the classes are the distinct labels, sorted: numbers by value, strings by code point.
Nothing is ever unpickled: an ``.npz`` that holds objects is refused.
"""

import dataclasses
import math
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from trainer import names
from trainer.datasets import large
from trainer.datasets.arrays import Array, classified, labels_of, names_of, numbered, pixels_of, texts_of
from trainer.datasets.checks import require_memory, require_same_kind
from trainer.datasets.dataset import Dataset
from trainer.datasets.labelled import Labelled, joined
from trainer.errors import UsageError
from trainer.names import Rule


def labelled(path: Path, class_name: Rule = names.class_name) -> Labelled:
    """Return all images of the file, with the official test set if it has one.

    Raises:
        UsageError: if the file is damaged, lacks one of the arrays, they are not as in the table above, or
            the test set has other classes, shape or scale than ``images``.
    """
    with opened(path) as archive:
        training = _training(archive, path, class_name)
        found = joined(training, _test(archive, path, class_name, training))
        return dataclasses.replace(found, group_of=_groups(archive, path, found))


def _test(archive: NpzFile, path: Path, class_name: Rule, training: Dataset) -> Dataset | None:
    """Return ``test_images`` and ``test_labels`` of the file, or None if it has neither."""
    if not {"test_images", "test_labels"} & set(archive.files):
        return None
    images, pixel_max = pixels_of(read_array(archive, path, "test_images"), f"'test_images' in {str(path)!r}")
    where = f"'test_labels' in {str(path)!r}"
    labels = labels_of(read_array(archive, path, "test_labels"), len(images), where, class_name)
    # Without given names the training set's classes are its labels as text, so look them up as text.
    by_name = labels if _class_names(archive, path, class_name) is not None else labels.astype(str)
    test = Dataset(
        name=training.name,
        images=images,
        labels=numbered(by_name, training.classes, where),
        classes=training.classes,
        pixel_max=pixel_max,
    )
    require_same_kind(test, training)
    return test


def _groups(archive: NpzFile, path: Path, found: Labelled) -> tuple[str, ...]:
    """Return the group of each image, the test images' last; empty if the file has no groups."""
    if "groups" not in archive.files:
        return ()
    given = [("groups", int((~found.test).sum())), ("test_groups", int(found.test.sum()))]
    return tuple(
        name
        for array, count in given
        if count
        for name in texts_of(read_array(archive, path, array), count, f"{array!r} in {str(path)!r}")
    )


@contextmanager
def opened(path: Path) -> Iterator[NpzFile]:
    """Open an ``.npz`` file; ``read_array`` reads from it.

    Raises:
        UsageError: if it is not an ``.npz`` file, or cannot be read.
    """
    with ExitStack() as held:
        try:
            # From a stream: NumPy leaves a path's file open if it is no archive. And is_zipfile(path) answers
            # False to a file that may not be read.
            stream = held.enter_context(path.open("rb"))
            zipped = zipfile.is_zipfile(stream)
            stream.seek(0)
            archive = np.load(stream, allow_pickle=False) if zipped else None
        except Exception as error:  # NotImplementedError for a future zip format, and many others
            raise UsageError(f"{str(path)!r} cannot be read ({error}): restore it, and run again") from error
        if not isinstance(archive, NpzFile):
            raise UsageError(f"{str(path)!r} is not an .npz file, or is damaged: write it with numpy.savez")
        yield held.enter_context(archive)


def read_array(archive: NpzFile, path: Path, name: str) -> Array:
    """Return the array ``name``; a large one of numbers is copied into a file that is mapped (``large``).

    Raises:
        UsageError: if there is no such array (the message lists those that exist), it is damaged, or holds
            objects; or if there is no room for it.
    """
    if name not in archive.files:
        there = ", ".join(archive.files) or "nothing"
        raise UsageError(f"{str(path)!r} has no array {name!r} (it holds {there}): add it")
    try:
        array = _large(archive, path, name)
        if array is None:
            array = archive[name]
    except UsageError:
        raise
    except Exception as error:  # zip, zlib and NumPy's header reader each raise exceptions of their own
        reason = " ".join(str(error).split())
        raise UsageError(
            f"{name!r} in {str(path)!r} cannot be read ({reason}): "
            "save plain numbers or strings, never objects, with numpy.savez"
        ) from error
    if not isinstance(array, np.ndarray):  # NumPy returns zip members that are not arrays as bytes
        raise UsageError(f"{name!r} in {str(path)!r} is not an array: write the file with numpy.savez")
    return array


def _large(archive: NpzFile, path: Path, name: str) -> Array | None:
    """Return an array of numbers whose header says that it is large, read part by part; None for others.

    Raises:
        UsageError: if it is larger than the room for it; nothing of it is read then.
    """
    if archive.zip is None:  # closed, which reading says
        return None
    member_name = name if name in archive.zip.namelist() else f"{name}.npy"  # other writers omit the ending
    where = f"{name!r} in {str(path)!r}"
    with archive.zip.open(member_name) as member:
        version = np.lib.format.read_magic(member)
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in header:  # version 3 has structured types only, which are refused later
            return None
        shape, fortran_order, dtype = header[version](member)
        needed = math.prod(shape) * dtype.itemsize
        if needed <= large.IN_MEMORY or dtype.kind not in "biuf" or min(shape) < 0:
            require_memory(needed, where)
            return None
        if fortran_order:
            return large.read_into(member, shape[::-1], dtype, where).T
        return large.read_into(member, shape, dtype, where)


def _training(archive: NpzFile, path: Path, class_name: Rule) -> Dataset:
    """Return the training part of an open file."""
    images, pixel_max = pixels_of(read_array(archive, path, "images"), f"'images' in {str(path)!r}")
    where = f"'labels' in {str(path)!r}"
    labels = labels_of(read_array(archive, path, "labels"), len(images), where, class_name)
    classes, numbers = classified(labels, _class_names(archive, path, class_name), where)
    return Dataset(name=path.stem, images=images, labels=numbers, classes=classes, pixel_max=pixel_max)


def _class_names(archive: NpzFile, path: Path, class_name: Rule) -> tuple[str, ...] | None:
    """Return the given class names in label order, or None.

    Raises:
        UsageError: if there are two such arrays, or the array is not ``[k]`` distinct names.
    """
    given = [name for name in ("class_names", "classes") if name in archive.files]
    if not given:
        return None
    if len(given) == 2:
        raise UsageError(f"{str(path)!r} holds both 'class_names' and 'classes': keep one of them")
    return names_of(read_array(archive, path, given[0]), f"{given[0]!r} in {str(path)!r}", class_name)

"""Datasets on disk in a form that workers map into memory, each in a folder named by its fingerprint.

A folder appears under its name only when it is complete: it is written under another name, flushed to the
disk and then renamed. So neither a kill nor a second process leaves half a dataset behind.
"""

import fcntl
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.datasets.dataset import Dataset
from trainer.errors import UsageError

_FINGERPRINT = re.compile("[0-9a-f]{64}")

#: The files that every stored dataset has, those that only some have, and all of them.
ALWAYS = ("images.npy", "labels.npy", "dataset.json")
SOME = ("groups.npy", "folds.npy", "names.json")
FILES = ALWAYS + SOME


def store(dataset: Dataset, folder: Path) -> Path:
    """Write ``dataset`` under ``folder`` unless it is there already, and return its own folder.

    Side effects:
        Creates ``folder/<fingerprint>/`` with the files that the dataset needs; replaces a folder of that
        name that cannot be opened. If images or groups have other names now, the names are replaced.

    Raises:
        UsageError: if it cannot be written.
    """
    target = stored_at(folder, dataset.fingerprint)
    if _is_stored(target):
        _rename(dataset, target)
        return target
    partial = folder / f".{dataset.fingerprint[:12]}-{uuid.uuid4().hex}.partial"
    try:
        partial.mkdir(parents=True)
        try:
            _write(dataset, partial)
            publish(partial, target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise UsageError(
            f"dataset {dataset.name!r} cannot be stored in {str(folder)!r} ({error}): "
            "make room or choose a folder that can be written"
        ) from error
    return target


def stored_at(folder: Path, fingerprint: object) -> Path:
    """Return the folder in ``folder`` that a dataset with this fingerprint has; it need not exist.

    Fingerprints come from records and from other machines, and what they name is read, or even deleted.

    Raises:
        UsageError: if it is no fingerprint.
    """
    if not isinstance(fingerprint, str) or not _FINGERPRINT.fullmatch(fingerprint):
        raise UsageError(
            f"the dataset's fingerprint is {fingerprint!r:.80}, not 64 hexadecimal digits: refold has "
            "recorded no such name, so nothing of that name is read or deleted"
        )
    return folder / fingerprint


def open_stored(path: Path) -> Dataset:
    """Return the dataset that ``store`` left at ``path``, its arrays mapped from disk and read only.

    Checks that the folder is complete and describes the dataset of its name. It does not read the pixels;
    ``check_stored`` does.

    Raises:
        UsageError: if the folder is missing or damaged.
    """
    try:
        header = json.loads((path / "dataset.json").read_text(encoding="ascii"))
        dataset = Dataset(
            name=header["name"],
            images=_mapped(path / "images.npy"),
            labels=_mapped(path / "labels.npy"),
            classes=tuple(header["classes"]),
            pixel_max=header["pixel_max"],
            groups=_mapped(path / "groups.npy") if "groups" in header else None,
            folds=_mapped(path / "folds.npy") if "folds" in header else None,
            **_names(path),
        )
        if len(dataset.paths) not in (0, len(dataset.labels)):
            raise ValueError("names.json does not name each image")
        if header != _header(dataset, fingerprint=path.name):
            raise ValueError("dataset.json does not describe the arrays beside it")
    except (OSError, ValueError, EOFError, KeyError, TypeError, AttributeError) as error:
        raise _unusable(path, str(error)) from error
    return dataset


def check_stored(path: Path) -> None:
    """Read all of a stored dataset and compare it with its fingerprint. Slow: gigabytes may be read.

    Raises:
        UsageError: if the folder is missing or damaged, or its content has another fingerprint.
    """
    found = open_stored(path).fingerprint
    if found != path.name:
        raise _unusable(path, f"its content has the fingerprint {found}")


def remove_partial(folder: Path) -> None:
    """Remove what killed processes have half written into a folder of datasets, unless it is in use."""
    with in_use(folder, alone=True) as alone:
        for partial in folder.glob(".*.partial") if alone else ():
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def in_use(folder: Path, *, alone: bool = False) -> Iterator[bool]:
    """Keep others from removing what is being written into a folder of datasets, for the time of a block.

    Args:
        folder: the folder.
        alone: whether to be its only user.

    Yields:
        Whether that was possible.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # there is no such folder
        yield False
        return
    try:
        try:
            # Whoever is alone is so for a moment: the others wait for the end of it.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _header(dataset: Dataset, *, fingerprint: str) -> dict[str, Any]:
    """Return the content of ``dataset.json``: all that is not in the arrays, and their shapes and types."""
    return {
        "fingerprint": fingerprint,
        "name": dataset.name,
        "classes": list(dataset.classes),
        "pixel_max": dataset.pixel_max,
        "images": [list(dataset.images.shape), str(dataset.images.dtype)],
        "labels": [list(dataset.labels.shape), str(dataset.labels.dtype)],
        **{name: [list(array.shape), str(array.dtype)] for name, array in _given(dataset).items()},
    }


def _given(dataset: Dataset) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays that not every dataset has."""
    some = {"groups": dataset.groups, "folds": dataset.folds}
    return {name: array for name, array in some.items() if array is not None}


def _names(path: Path) -> dict[str, Any]:
    """Return the names of images and groups that a stored dataset has."""
    if not (path / "names.json").exists():
        return {}
    named = json.loads((path / "names.json").read_text(encoding="utf-8"))
    return {name: tuple(map(str, named[name])) for name in ("paths", "group_names")}


def _write_names(dataset: Dataset, folder: Path) -> None:
    """Write the names of images and groups, if there are any; all or nothing."""
    if not dataset.paths and not dataset.group_names:
        return
    partial = folder / f".names-{uuid.uuid4().hex}"
    with partial.open("w", encoding="utf-8", errors="surrogateescape") as stream:
        json.dump({"paths": dataset.paths, "group_names": dataset.group_names}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(folder / "names.json")


def _rename(dataset: Dataset, folder: Path) -> None:
    """Replace the names of images and groups by the present ones: no fingerprint covers them."""
    there = open_stored(folder)
    if (there.paths, there.group_names) != (dataset.paths, dataset.group_names):
        _write_names(dataset, folder)


def _mapped(path: Path) -> Any:
    return np.lib.format.open_memmap(path, mode="r")  # np.load would take an archive, and leave it open


def _is_stored(path: Path) -> bool:
    try:
        open_stored(path)
    except UsageError:
        return False
    return True


def _write(dataset: Dataset, folder: Path) -> None:
    """Write the files and flush them to the disk."""
    arrays = {"images": dataset.images, "labels": dataset.labels, **_given(dataset)}
    for name, array in arrays.items():
        _write_array(folder / f"{name}.npy", array)
    _write_names(dataset, folder)
    with (folder / "dataset.json").open("w", encoding="ascii") as stream:
        json.dump(_header(dataset, fingerprint=dataset.fingerprint), stream, indent=2)
        stream.flush()
        os.fsync(stream.fileno())
    _flush_folder(folder)


def _write_array(path: Path, array: npt.NDArray[Any]) -> None:
    with path.open("wb") as stream:
        np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
        stream.flush()
        os.fsync(stream.fileno())


def publish(partial: Path, target: Path) -> None:
    """Rename a complete folder to ``target``; if another process was faster, its folder stays."""
    try:
        partial.rename(target)
    except OSError:
        if _is_stored(target):
            return
        shutil.rmtree(target)  # it is damaged: otherwise it would have been reused
        partial.rename(target)
    _flush_folder(target.parent)


def _flush_folder(folder: Path) -> None:
    """Make new names in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(path: Path, reason: str) -> UsageError:
    return UsageError(
        f"the stored dataset {str(path)!r} is missing or damaged ({' '.join(reason.split())}): "
        "delete that folder, if it is there, and run again"
    )

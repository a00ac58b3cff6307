"""Checks a ``.keras`` file before Keras loads it: its entries, its layers' classes, its weights."""

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.errors import UsageError
from trainer.formats.foreign.keras_classes import CLASSES, FUNCTIONS, OPERATIONS, VALUES
from trainer.formats.foreign.refusal import Damaged, Refused, named
from trainer.limits import MODEL
from trainer.quantities import size

if TYPE_CHECKING:
    import h5py

CONFIG, WEIGHTS = "config.json", "model.weights.h5"

#: All entries of a file without layers that read other files.
ENTRIES = ["config.json", "metadata.json", WEIGHTS]


def check(file: Path) -> None:
    """Check that a file has nothing but layers that compute, and their weights.

    Raises:
        Refused: if it names another class or function, or its weights are in another file.
        Damaged: if it is no ``.keras`` file.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _check_entries(archive)
            _check_parts(json.loads(archive.read(CONFIG)))
            _check_weights(archive)
    except UsageError:
        raise
    except RecursionError:
        raise Damaged("its layers are nested too deeply") from None
    except Exception as error:
        raise Damaged("it is no .keras file, or a damaged one") from error


def _check_entries(archive: zipfile.ZipFile) -> None:
    names = [entry.filename for entry in archive.infolist()]
    for name in names:
        if name not in ENTRIES or names.count(name) > 1:
            raise Refused(f"its entry {named(name)!r} is not one of {', '.join(ENTRIES)}, each once")
    if sorted(names) != ENTRIES:
        raise Damaged(f"it does not have the entries {', '.join(ENTRIES)}")
    for entry in archive.infolist():
        if entry.filename != WEIGHTS and entry.file_size > MODEL.most:
            raise Damaged(f"its entry {entry.filename} has {size(entry.file_size)}")
        if entry.filename == WEIGHTS and entry.compress_type != zipfile.ZIP_STORED:
            raise Refused("its weights are compressed, which Keras does not do")


def _check_parts(part: Any) -> None:
    """Check a part of the layers' description, and all parts of it."""
    if isinstance(part, dict):
        if "class_name" in part:
            _check_class(part)
        for value in part.values():
            _check_parts(value)
    elif isinstance(part, list):
        for value in part:
            _check_parts(value)


def _check_class(part: dict[str, Any]) -> None:
    """Check one object: Keras finds its class by the module and the name, or by the registered name."""
    kind, module, registered = part["class_name"], part.get("module"), part.get("registered_name")
    if not isinstance(kind, str):
        raise Damaged("a class name in it is no text")
    if kind in VALUES:
        return
    if kind == "function":
        kind, allowed = f"the function {part.get('config')}", module in FUNCTIONS
    else:
        allowed = (module, kind) in CLASSES or (module in OPERATIONS and kind.isidentifier())
        allowed = allowed and registered in (None, kind)
    if not allowed:
        place = "" if module is None else f" of {named(module)}"
        raise Refused(f"its part {named(kind)!r}{place} is not on the list of those that only compute")


def _check_weights(archive: zipfile.ZipFile) -> None:
    import h5py

    # HDF5 takes no exceptions from what it calls: a visitor ends the visit with what it returns.
    with archive.open(WEIGHTS) as opened, h5py.File(opened, "r") as weights:
        wrong = weights.visititems_links(_wrong_link) or weights.visititems(_wrong_dataset)
    if wrong:
        raise Refused(wrong)


def _wrong_link(name: str, link: Any) -> str | None:
    import h5py

    return (
        None if isinstance(link, h5py.HardLink) else f"its weights {named(name)!r} are a link to other data"
    )


def _wrong_dataset(name: str, part: "h5py.Group | h5py.Dataset") -> str | None:
    import h5py

    if isinstance(part, h5py.Group):
        return None
    if not isinstance(part, h5py.Dataset) or part.dtype.kind not in "biufV" or part.dtype.names:
        return f"its weights {named(name)!r} are no numbers"
    if part.external or part.is_virtual:
        return f"its weights {named(name)!r} are in another file"
    return None

"""A model from anywhere: compared with ``model.json``, copied, checked, and only then loaded."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sweeps.export import model_folder, parity
from sweeps.export.about import ModelAbout
from trainer.datasets.large import rows_at_once
from trainer.errors import Mismatch, UsageError, one_line
from trainer.escaping import for_terminal
from trainer.formats.catalogue import FORMATS

TRUST = "if you trust its maker, add --trust-model (in Python: trust_model=True)"

#: The process that checks a model and classifies with it.
CLASSIFY = "trainer.formats.foreign.classify"

#: What is copied of a SavedModel; TensorFlow needs nothing else.
_PARTS = ("saved_model.pb", "variables")


def probabilities(
    about: ModelAbout,
    name: str,
    file: Path,
    pixels: npt.NDArray[Any],
    work: Path,
    *,
    trust: bool,
    scale: np.float32 = np.float32(1.0),  # noqa: B008 - a number, which nobody can change
) -> npt.NDArray[np.float32]:
    """Return what a model predicts, as ``[n, classes]``; a fresh process checks it and loads it.

    Args:
        about: the content of its ``model.json``.
        name: the format's name.
        file: the file or folder that ``model.json`` names.
        pixels: ``[n, height, width, channels]``; may be mapped from a file.
        work: an empty folder that nobody else can write to.
        trust: whether to load the model where it is, without a check.
        scale: what the pixels are multiplied by, as float32.

    Raises:
        UsageError: if the model is not loaded, with what in it is the reason; or if it is damaged, or is not
            the one that ``model.json`` describes.
    """
    _check_place(file)
    recorded = about.formats[name].sha256
    try:
        if recorded is not None and model_folder.digest_of(file) != recorded:
            raise UsageError(f"{file} was changed after the export: its SHA-256 is not the one in model.json")
        loaded = file if trust else _copied(name, file, work)
        _write_pixels(work / "images.npy", pixels, scale)
    except OSError as error:
        raise UsageError(f"{file} cannot be read or copied: {one_line(error)}") from error
    arguments = [name, str(loaded), str(work / "images.npy"), str(work / "out.npy")]
    _classify(file, [*arguments, "trusted" if trust else "checked"], work)
    return _checked(np.load(work / "out.npy", allow_pickle=False), len(pixels), about, file)


def _write_pixels(file: Path, pixels: npt.NDArray[Any], scale: np.float32) -> None:
    """Write the pixels as float32, part by part: mapped images need not fit into memory."""
    whole = {"descr": "<f4", "fortran_order": False, "shape": pixels.shape}
    step = rows_at_once(pixels)
    with file.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, whole)
        for start in range(0, len(pixels), step):
            stream.write((pixels[start : start + step].astype("<f4") * scale).astype("<f4").data)


def _classify(file: Path, arguments: Sequence[str], work: Path) -> None:
    """Have a process check the model, load it and classify the images."""
    try:
        said = json.loads(parity.run(CLASSIFY, arguments, work))
    except Mismatch as error:
        raise UsageError(for_terminal(f"{file} cannot be loaded: {error}")) from error
    if "refused" in said:
        raise UsageError(for_terminal(f"{file} is not loaded: {said['refused']}; {TRUST}"))
    if "damaged" in said:
        raise UsageError(for_terminal(f"{file} cannot be used: {said['damaged']}"))


def _check_place(file: Path) -> None:
    """Check that a model is files of its own folder alone: no link leads out of it, or to a folder."""
    folder = os.path.realpath(file.parent)
    for each in (file, *(file.rglob("*") if file.is_dir() else ())):
        if not Path(os.path.realpath(each)).is_relative_to(folder):
            raise UsageError(f"{each} is a link to a file outside of the model's folder: nothing is loaded")
        if not each.is_file() and (each.is_symlink() or not each.is_dir()):
            raise UsageError(f"{each} is neither a file nor a folder: nothing is loaded")


def _copied(name: str, file: Path, work: Path) -> Path:
    """Copy a model, so that what was checked is what is loaded, and no other file lies beside it."""
    copy = work / str(FORMATS[name].file)
    if name != "savedmodel":
        if not file.is_file():
            raise UsageError(f"{file} is no file")
        shutil.copyfile(file, copy)
        return copy
    copy.mkdir()
    for part in _PARTS:
        if (file / part).is_dir():
            shutil.copytree(file / part, copy / part)
        elif (file / part).exists():
            shutil.copyfile(file / part, copy / part)
    return copy


def _checked(
    found: npt.NDArray[np.float32], images: int, about: ModelAbout, file: Path
) -> npt.NDArray[np.float32]:
    """Check that a model's output is a probability for each image and class."""
    expected = (images, len(about.classes))
    if found.shape != expected or found.dtype.kind != "f":
        raise UsageError(
            f"{file} returns an array {list(found.shape)} of {found.dtype}, and model.json says "
            f"{list(expected)} probabilities ({len(about.classes)} classes)"
        )
    if not np.isfinite(found).all():
        raise UsageError(f"{file} returns numbers that are infinite or none: it is no classifier")
    return found

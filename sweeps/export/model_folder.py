"""The folder of an exported model: it appears only when it is complete."""

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

from sweeps.export import model_json
from sweeps.export.about import ModelAbout
from trainer.canonical import digest
from trainer.errors import Mismatch, UsageError
from trainer.formats.catalogue import FORMATS
from trainer.quantities import size
from trainer.runtime.permissions import as_users_say, open_up

CARD = "README.md"


def check_target(target: Path, key: str, *, force: bool) -> None:
    """Check that the model's folder can be made, or already has this same model.

    Args:
        target: the folder.
        key: the model's key.
        force: whether to replace another model.

    Raises:
        UsageError: if the folder has something else, or cannot be written.
    """
    above = next(folder for folder in (target.parent, *target.parent.absolute().parents) if folder.exists())
    if not above.is_dir():
        raise UsageError(f"{above} is no folder: choose another with --out")
    if not os.access(above, os.W_OK | os.X_OK):
        raise UsageError(f"{above} cannot be written: choose another folder with --out")
    there = read_about(target)
    if target.exists() and not force and (there is None or there.key != key):
        raise UsageError(
            f"{target} is there already and is not this model: add --force to replace it, "
            "or choose another folder with --out"
        )


def check_room(target: Path, needed: int) -> None:
    """Check that the disk has space for a model.

    Args:
        target: the model's future folder.
        needed: bytes that the model needs.

    Raises:
        UsageError: if the disk has less space.
    """
    above = next(folder for folder in target.absolute().parents if folder.exists())
    free = shutil.disk_usage(above).free
    if free < needed:
        raise UsageError(
            f"the disk of {above} has {size(free)} left and the model needs {size(needed)}: "
            "make room, or choose another folder (--out for the model, --home for the work)"
        )


def read_about(folder: Path) -> ModelAbout | None:
    """Return the content of ``model.json``; None if there is none or it is not one of refold's."""
    try:
        return model_json.read(folder)
    except UsageError:
        return None


def carry_over(target: Path, model: Path, about: ModelAbout, *, force: bool) -> ModelAbout:
    """Copy the formats of an earlier export of the same model, so that none is lost.

    Args:
        target: the model's present folder.
        model: the folder that will replace it.
        about: the content of the new ``model.json`` so far.
        force: whether to replace the present folder whatever it has.

    Returns:
        The content of the new ``model.json``.

    Raises:
        Mismatch: if the present folder has the same fits with other weights, or a file of it was changed.
    """
    before = None if force else read_about(target)
    if before is None:
        return about
    if before.weights_sha256 != about.weights_sha256:
        raise Mismatch(
            f"{target} has the same fits but other weights ({before.weights_sha256[:16]}, now "
            f"{about.weights_sha256[:16]}): nothing was exported; --force replaces it"
        )
    now = about.formats
    kept = {name: form for name, form in before.formats.items() if name in FORMATS and name not in now}
    for name, form in kept.items():
        if (file := FORMATS[name].file) is not None:
            if form.sha256 is not None and digest_of(target / file) != form.sha256:
                raise Mismatch(
                    f"{target / file} was changed after it was exported: nothing was exported; export "
                    f"{name} again too, or --force replaces the whole folder"
                )
            _copy(target / file, model / file)
    together = {**kept, **now}
    left_out = {**(before.left_out or {}), **(about.left_out or {})}
    missing = {name: why for name, why in left_out.items() if name not in together}
    formats = {name: together[name] for name in FORMATS if name in together}
    return replace(about, formats=formats, left_out=missing or None)


def publish(model: Path, target: Path) -> None:
    """Copy the complete folder beside its final place, then rename it.

    Raises:
        UsageError: if it cannot be written; the former folder is then unchanged.
    """
    partial, old = (target.with_name(f".{target.name}.{what}") for what in ("partial", "old"))
    try:
        try:
            for leftover in (partial, old):  # left by an export that was killed here
                shutil.rmtree(leftover, ignore_errors=True)
            _copy_for_user(model, partial)
            if target.exists():
                target.rename(old)
            partial.rename(target)
        finally:
            if old.exists() and not target.exists():
                old.rename(target)
            shutil.rmtree(partial, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise UsageError(
            f"{target.parent} cannot take the model ({error.strerror or error}): choose another with --out"
        ) from error


def _copy_for_user(model: Path, partial: Path) -> None:
    """Copy a folder of the home, which may be private, to where the user's umask decides."""
    with as_users_say():
        shutil.copytree(model, partial)
        open_up(partial)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(each.stat().st_size for each in files)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, or that of the names and digests of all files in a folder.

    Files whose names begin with a dot do not count: file managers and network disks leave such.
    """
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    files = sorted(each for each in path.rglob("*") if each.is_file() and not each.name.startswith("."))
    return digest([[each.relative_to(path).as_posix(), digest_of(each)] for each in files])


def formats_of(about: ModelAbout) -> list[str]:
    """Return the formats in a model's folder, in the order of ``FORMATS``."""
    return [name for name, form in FORMATS.items() if form.file is not None and name in about.formats]


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)

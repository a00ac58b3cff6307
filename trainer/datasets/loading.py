"""Loads the dataset that a sweep file names: the images of the search, and the exam."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from trainer import names
from trainer.datasets import built_in, duplicates, folder, npz, parts, table
from trainer.datasets.arrays import Arrays, fingerprint_of, listed
from trainer.datasets.checks import require_same_kind, require_trainable, require_within_limits
from trainer.datasets.dataset import OFFICIAL, DatasetSource
from trainer.datasets.labelled import Labelled
from trainer.datasets.parts import Loaded
from trainer.errors import UsageError
from trainer.limits import EXCLUDED
from trainer.names import Rule
from trainer.spelling import did_you_mean

#: ``progress(done, total)``: how many images are read.
Progress = Callable[[int, int], None]

#: What each kind of source is called, and the settings that apply to files of images alone.
IMAGE_SETTINGS = ("image_size", "colour", "unreadable")


def load(
    source: DatasetSource | Arrays,
    *,
    base: Path = Path(),
    class_name: Rule = names.class_name,
    progress: Progress | None = None,
    check: bool = True,
) -> Loaded:
    """Return the images to train on and the exam.

    Built-in names take precedence: to load a folder that is called ``mnist``, write ``./mnist``.

    Args:
        source: what the sweep file says, or arrays.
        base: the folder that relative paths start from: the sweep file's.
        class_name: the rule for class names; ``names.rule_for_recorded`` if they are compared with a record.
        progress: called now and then while images are decoded.
        check: whether to refuse what cannot be trained on or judged by; False to look at it.

    Raises:
        UsageError: if there is no such dataset, or it cannot be trained on.
    """
    if isinstance(source, Arrays):
        require_within_limits(source.labelled)
        return _checked(source.loaded, source.source, check=check)
    found = read(source, base=base, class_name=class_name, progress=progress)
    return divided(found, source, base=base, class_name=class_name, check=check)


def divided(
    found: Labelled,
    source: DatasetSource,
    *,
    base: Path = Path(),
    class_name: Rule = names.class_name,
    check: bool = True,
) -> Loaded:
    """Return the images to train on and the exam, of images that ``read`` has returned; see ``load``.

    Raises:
        UsageError: if they cannot be divided so, or cannot be trained on.
    """
    require_within_limits(found)
    excluded = () if source.exclude is None else _excluded(base / source.exclude)
    own = _own_exam(source, found, base, class_name)
    joiner = None if source.duplicates is None else duplicates.together
    loaded = parts.divide(found, source, own_exam=own, excluded=excluded, joiner=joiner)
    return _checked(loaded, source, check=check)


def _checked(loaded: Loaded, settings: DatasetSource, *, check: bool) -> Loaded:
    if loaded.exam is not None:
        require_same_kind(loaded.exam, loaded.search)
    if check:
        require_trainable(loaded.search)
        if settings.exam != OFFICIAL:  # sweeps recorded before there were exams go on as they were
            parts.require_separate(loaded)
    return loaded


def read(
    source: DatasetSource,
    *,
    base: Path = Path(),
    class_name: Rule = names.class_name,
    progress: Progress | None = None,
) -> Labelled:
    """Return all labelled images that a source has, an official test set included.

    Args:
        source: what the sweep file says; ``samples``, ``exam``, ``duplicates`` and ``exclude`` do not apply.
        base: see ``load``.
        class_name: see ``load``.
        progress: see ``load``.

    Raises:
        UsageError: if there is no such source, or it cannot be read.
    """
    _refuse_arrays(source)
    if source.source in built_in.NAMES:
        _refuse_settings(source, (*IMAGE_SETTINGS, "groups"), "a built-in dataset")
        return built_in.labelled(source.source)
    path = _existing(source.source, base)
    if path.is_dir():
        return folder.labelled(path, source, class_name, progress)
    if path.suffix.lower() in table.SUFFIXES:
        return table.labelled(path, source, class_name, progress)
    _refuse_settings(source, (*IMAGE_SETTINGS, "groups"), "an .npz file")
    return npz.labelled(path, class_name)


def _own_exam(source: DatasetSource, found: Labelled, base: Path, class_name: Rule) -> Labelled | None:
    """Return the user's own exam with the classes of the other images; None if none is named."""
    if not isinstance(source.exam, str) or source.exam == OFFICIAL:
        return None
    settings = dataclasses.replace(source, source=source.exam)
    try:
        exam = read(settings, base=base, class_name=class_name)
    except UsageError as error:
        raise UsageError(f"exam: {error}") from None
    unknown = [name for name in exam.classes if name not in found.classes]
    if unknown:
        raise UsageError(
            f"exam = {source.exam!r} has the class {unknown[0]!r}, which is none of the classes of "
            f"{found.name!r}: {listed(found.classes)}"
        )
    number = np.array([found.classes.index(name) for name in exam.classes], dtype=np.int32)
    return dataclasses.replace(exam, labels=number[exam.labels], classes=found.classes)


def _excluded(path: Path) -> list[str]:
    """Return the lines of a text file that are not empty: names of images, and comments (#)."""
    try:
        with path.open("rb") as stream:
            content = stream.read(EXCLUDED.most + 1)
        text = content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"exclude = {str(path)!r} cannot be read ({reason}): it is a text file") from None
    if len(content) > EXCLUDED.most:
        raise UsageError(f"exclude = {str(path)!r} has more than {EXCLUDED.said} bytes: that is no list")
    return [line.strip() for line in text.replace("\r", "\n").split("\n") if line.strip()]


def _existing(source: str, base: Path) -> Path:
    """Return the folder or file that ``source`` names; raise UsageError if there is none."""
    path = base / os.path.expanduser(source)  # noqa: PTH111  (Path.expanduser raises where there is no home)
    # os.path.isdir answers False where Path.is_dir raises: unreadable parents, names too long for the disk.
    if source and os.path.isdir(path):  # noqa: PTH112
        return path
    kinds = "a folder of class folders, a .csv or .parquet table or an .npz file"
    if source and os.path.isfile(path):  # noqa: PTH113
        if path.suffix.lower() in (".npz", *table.SUFFIXES):
            return path
        raise UsageError(f"dataset {str(path)!r} is none of these: {kinds}")
    if "/" in source or source.lower().endswith((".npz", *table.SUFFIXES)):
        raise UsageError(f"dataset {str(path)!r}: there is no such folder or file")
    meant = did_you_mean(source, built_in.NAMES)
    hint = f"{meant} Or " if meant else ""
    raise UsageError(
        f"unknown dataset {source!r}: {hint}name a built-in one ({', '.join(built_in.NAMES)}), or the path "
        f"of {kinds}"
    )


def _refuse_arrays(source: DatasetSource) -> None:
    if (fingerprint := fingerprint_of(source)) is not None:
        raise UsageError(
            f"the dataset {fingerprint[:16]} was given as arrays in Python and has no file: to continue its "
            "sweep, run that notebook or script again"
        )


def _refuse_settings(source: DatasetSource, settings: tuple[str, ...], kind: str) -> None:
    """Refuse settings that would have no effect on a source of this kind."""
    for setting in settings:
        if getattr(source, setting) is not None:
            raise UsageError(
                f"{setting} applies to files of images only, and {source.source!r} is {kind}: leave it out"
            )

"""Loads the dataset that a sweep file names."""

import os
from pathlib import Path

from trainer import names
from trainer.datasets import built_in, folder, npz
from trainer.datasets.arrays import Arrays, fingerprint_of
from trainer.datasets.checks import require_trainable
from trainer.datasets.dataset import Dataset, DatasetSource
from trainer.datasets.sampling import subset
from trainer.errors import UsageError
from trainer.names import Rule
from trainer.spelling import nearest


def load(
    source: DatasetSource | Arrays, *, base: Path = Path(), class_name: Rule = names.class_name
) -> Dataset:
    """Return the images to train on; an official test set is not opened.

    Built-in names take precedence: to load a folder that is called ``mnist``, write ``./mnist``.

    Args:
        source: what the sweep file says, or arrays.
        base: the folder that relative paths start from: the sweep file's.
        class_name: the rule for class names; ``names.rule_for_recorded`` if they are compared with a record.

    Raises:
        UsageError: if there is no such dataset, or it cannot be trained on.
    """
    if isinstance(source, Arrays):
        require_trainable(source.dataset)
        return source.dataset
    _refuse_arrays(source)
    if source.source in built_in.NAMES:
        _refuse_image_settings(source, "a built-in dataset")
        dataset = built_in.read(source.source)
    else:
        path = _existing(source.source, base)
        if path.is_dir():
            dataset = folder.read(
                path, image_size=source.image_size, colour=source.colour, class_name=class_name
            )
        else:
            _refuse_image_settings(source, "an .npz file")
            dataset = npz.read(path, class_name)
    require_trainable(dataset)
    return dataset if source.samples is None else subset(dataset, source.samples)


def load_test(
    source: DatasetSource, *, base: Path = Path(), class_name: Rule = names.class_name
) -> Dataset | None:
    """Return the whole official test set, or None if there is none. Only an exam asks for it.

    ``digits``, folders and arrays have none; an ``.npz`` file has one if it holds ``test_images`` and
    ``test_labels``. ``samples`` does not apply.

    Args:
        source: what the sweep file says.
        base: the folder that relative paths start from: the sweep file's.
        class_name: the rule for class names, see ``load``.

    Raises:
        UsageError: if there is no such dataset, or the test set does not fit the images to train on.
    """
    if fingerprint_of(source) is not None:
        return None
    if source.source in built_in.NAMES:
        return built_in.read_test(source.source)
    path = _existing(source.source, base)
    return None if path.is_dir() else npz.read_test(path, class_name)


def _existing(source: str, base: Path) -> Path:
    """Return the folder or .npz file that ``source`` names; raise UsageError if there is none."""
    path = base / os.path.expanduser(source)  # noqa: PTH111  (Path.expanduser raises where there is no home)
    # os.path.isdir answers False where Path.is_dir raises: unreadable parents, names too long for the disk.
    if source and os.path.isdir(path):  # noqa: PTH112
        return path
    if source and os.path.isfile(path):  # noqa: PTH113
        if path.suffix.lower() == ".npz":
            return path
        raise UsageError(f"dataset {str(path)!r} is neither a folder of class folders nor an .npz file")
    if "/" in source or source.lower().endswith(".npz"):
        raise UsageError(f"dataset {str(path)!r}: there is no such folder or .npz file")
    raise UsageError(
        f"unknown dataset {source!r}: {nearest(source, built_in.NAMES)} "
        f"Built in are {', '.join(built_in.NAMES)}; "
        "the path of a folder of class folders or of an .npz file works too"
    )


def _refuse_arrays(source: DatasetSource) -> None:
    if (fingerprint := fingerprint_of(source)) is not None:
        raise UsageError(
            f"the dataset {fingerprint[:16]} was given as arrays in Python and has no file: to continue its "
            "sweep, run that notebook or script again"
        )


def _refuse_image_settings(source: DatasetSource, kind: str) -> None:
    """Refuse image settings for a dataset that is not a folder: they would have no effect."""
    for setting in ("image_size", "colour"):
        if getattr(source, setting) is not None:
            raise UsageError(
                f"{setting} applies to folders of images only, and {source.source!r} is {kind}: leave it out"
            )

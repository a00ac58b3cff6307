"""The built-in datasets: from scikit-learn, Keras' cache, a Debian package, or Keras' download.

Keras' cache is read here, not by Keras, because importing Keras imports TensorFlow. CIFAR-10 is the
exception. Its files are pickles, which only Keras may open: it checks
the archive's SHA-256 and unpickles with restrictions.
"""

import contextlib
import os
import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from trainer.datasets.dataset import Dataset
from trainer.datasets.idx import read_idx
from trainer.datasets.labelled import Labelled, joined
from trainer.datasets.npz import opened, read_array
from trainer.errors import UsageError

Part = Literal["train", "test"]
Arrays = tuple[npt.NDArray[Any], npt.NDArray[Any]]

TEN_DIGITS = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
CLASSES = {
    "digits": TEN_DIGITS,
    "fashion_mnist": (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    "mnist": TEN_DIGITS,
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
}
NAMES = tuple(CLASSES)
SHAPES = {"fashion_mnist": (28, 28, 1), "mnist": (28, 28, 1), "cifar10": (32, 32, 3)}

DEBIAN_FASHION = Path("/usr/share/datasets/fashion-mnist")  # package dataset-fashion-mnist
IDX_PREFIX = {"train": "train", "test": "t10k"}


def labelled(name: str) -> Labelled:
    """Return all images of the built-in dataset ``name``, with its official test set if it has one.

    Raises:
        UsageError: if it is not on this machine and cannot be downloaded, or if its files are damaged.
    """
    if name == "digits":
        return joined(_digits(), None)
    return joined(_official(name, "train"), _official(name, "test"))


def _digits() -> Dataset:
    """scikit-learn's 1,797 images of 8x8 pixels: whole numbers 0 to 16, which it returns as floats."""
    from sklearn.datasets import (
        load_digits,
    )  # imported here, because it takes a second, which other datasets should not pay

    bunch = load_digits()
    return Dataset(
        name="digits",
        images=bunch.images.astype(np.uint8)[..., np.newaxis],
        labels=bunch.target.astype(np.int32),
        classes=CLASSES["digits"],
        pixel_max=16.0,
    )


def _official(name: str, part: Part) -> Dataset:
    """Return one part of a dataset that comes with a test set, from the first place that has it."""
    found = _from_disk(name, part)
    images, labels = _through_keras(name, part) if found is None else found
    height, width, channels = SHAPES[name]
    labels = labels.reshape(-1)
    pixels = height * width * channels
    if (
        images.dtype != np.uint8
        or images.size != len(labels) * pixels
        or images.shape[1:3] != (height, width)
    ):
        raise UsageError(
            f"the files of {name} hold no {height}x{width} images with a label each: restore or delete them"
        )
    if labels.dtype.kind not in "iu" or labels.min(initial=0) < 0 or labels.max(initial=0) > 9:
        raise UsageError(f"the files of {name} hold labels that are not 0 to 9: restore or delete them")
    return Dataset(
        name=name,
        images=images.reshape(-1, height, width, channels),
        labels=labels.astype(np.int32),
        classes=CLASSES[name],
        pixel_max=255.0,
    )


def _from_disk(name: str, part: Part) -> Arrays | None:
    """Return the arrays of ``part`` from this machine, or None. Opens the files of ``part`` only."""
    if name == "mnist":
        path = _keras_datasets() / "mnist.npz"
        return _mnist(path, part) if path.exists() else None
    if name == "fashion_mnist":
        for folder in _fashion_folders():
            images = folder / f"{IDX_PREFIX[part]}-images-idx3-ubyte.gz"
            labels = folder / f"{IDX_PREFIX[part]}-labels-idx1-ubyte.gz"
            if images.exists() and labels.exists():
                return read_idx(images), read_idx(labels)
    return None


def _mnist(path: Path, part: Part) -> Arrays:
    """Return one part of Keras' ``mnist.npz``."""
    try:
        with opened(path) as archive:
            return read_array(archive, path, f"x_{part}"), read_array(archive, path, f"y_{part}")
    except UsageError as error:
        raise UsageError(f"Keras' cached mnist is unusable, delete it and run again: {error}") from error


def _through_keras(name: str, part: Part) -> Arrays:
    """Let Keras read its cache or download. Keras reads both parts; the other part is dropped unused."""
    try:
        import keras  # imported here, because it imports TensorFlow, which only a download needs

        with contextlib.redirect_stdout(sys.stderr):  # the download's progress is not the command's output
            training, test = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises a bare Exception when a download fails
        raise UsageError(_unavailable(name, error)) from error
    images, labels = training if part == "train" else test
    return images, labels


def _unavailable(name: str, error: Exception) -> str:
    """Say in one line which places were searched, and what to do."""
    places, remedy = {
        "fashion_mnist": (_fashion_folders(), "`apt-get install dataset-fashion-mnist` or "),
        "mnist": ((_keras_datasets() / "mnist.npz",), ""),
        "cifar10": ((_keras_datasets() / "cifar-10-batches-py-target",), ""),
    }[name]
    looked = " and ".join(repr(str(place)) for place in places)
    reason = " ".join(str(error).split()) or type(error).__name__
    return (
        f"{name} is not on this machine (looked in {looked}) and Keras could not download it ({reason}): "
        f"{remedy}run once with a network"
    )


def _fashion_folders() -> tuple[Path, Path]:
    return _keras_datasets() / "fashion-mnist", DEBIAN_FASHION


def _keras_datasets() -> Path:
    """Return where Keras caches datasets, by Keras' own rule (``keras/src/backend/config.py``)."""
    home = os.environ.get("KERAS_HOME")
    if home is None:
        user = os.path.expanduser("~")  # noqa: PTH111  (Path.home raises where there is no home)
        home = f"{user if os.access(user, os.W_OK) else '/tmp'}/.keras"  # noqa: S108
    return Path(os.path.expanduser(home)) / "datasets"  # noqa: PTH111

"""Checks that every dataset must pass, whatever its source."""

import os

import numpy as np

from trainer.datasets.dataset import Dataset
from trainer.datasets.labelled import Labelled
from trainer.errors import UsageError
from trainer.limits import CLASSES, IMAGE_SIDE, IMAGES
from trainer.quantities import size

SMALLEST_SIDE = 8  # pixels; the architectures' poolings shrink a smaller image to nothing


def require_trainable(dataset: Dataset) -> None:
    """Check what all architectures and the stratified folds need.

    Raises:
        UsageError: if there are fewer than two classes, a class without an image, or images below 8x8.
    """
    if len(dataset.classes) < 2:
        only = f"only the class {dataset.classes[0]!r}" if dataset.classes else "no class"
        raise UsageError(f"dataset {dataset.name!r} has {only}: telling classes apart needs at least two")
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    if counts.min() == 0:
        empty = dataset.classes[int(counts.argmin())]
        raise UsageError(
            f"dataset {dataset.name!r} has no image of class {empty!r}: add some or leave it out"
        )
    height, width, _ = dataset.input_shape
    if min(height, width) < SMALLEST_SIDE:
        raise UsageError(
            f"dataset {dataset.name!r} has images of {height}x{width} pixels, "
            f"and the smallest that work are {SMALLEST_SIDE}x{SMALLEST_SIDE}"
        )


def require_within_limits(dataset: Dataset | Labelled) -> None:
    """Check that there is not more of anything than the limits allow.

    Raises:
        UsageError: if there is.
    """
    images, height, width, _ = dataset.images.shape
    for count, most in (
        (len(dataset.classes), CLASSES),
        (images, IMAGES),
        (max(height, width), IMAGE_SIDE),
    ):
        if count > most.most:
            raise UsageError(
                f"dataset {dataset.name!r} has {count:,} {most.what}: refold takes at most {most.said}"
            )


def require_memory(needed: int, what: str) -> None:
    """Refuse what can never be in this machine's memory, before a part of it is.

    Args:
        needed: bytes.
        what: what takes them, as a message names it.

    Raises:
        UsageError: if the machine has less memory than that.
    """
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there:
        raise UsageError(
            f"{what} takes {size(needed)}, and this machine has {size(there)} of memory: "
            "use fewer or smaller images"
        )


def require_same_kind(test: Dataset, training: Dataset) -> None:
    """Check that a model trained on ``training`` can be scored on ``test`` at all.

    Raises:
        UsageError: if image shape, classes, pixel type or scale differ.
    """
    for what, of_test, of_training in (
        ("shape", test.input_shape, training.input_shape),
        ("pixel type", str(test.images.dtype), str(training.images.dtype)),
        ("full pixel", test.pixel_max, training.pixel_max),
        ("classes", test.classes, training.classes),
    ):
        if of_test != of_training:
            raise UsageError(
                f"the test images of dataset {test.name!r} do not match the others: "
                f"their {what} is {of_test}, not {of_training}"
            )

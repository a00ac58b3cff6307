"""Feeds images to a network: from the device's memory, or batch by batch from a file, with the same bits."""

from dataclasses import dataclass

import tensorflow as tf

from trainer.datasets import Dataset
from trainer.datasets.mapped_rows import MappedRows


@dataclass(frozen=True, slots=True)
class OnDevice:
    """A dataset that was copied to the device as a whole; the compiled epoch picks its batches there."""

    dataset: Dataset
    images: tf.Tensor
    labels: tf.Tensor


@dataclass(frozen=True, slots=True)
class FromFile:
    """A dataset that is too large for the device: each batch is read from the file when it is needed."""

    dataset: Dataset
    images: MappedRows


Feed = OnDevice | FromFile


def feed(dataset: Dataset, memory: int | None = None) -> Feed:
    """Return ``OnDevice`` if the images fit into ``memory``, otherwise ``FromFile``.

    Args:
        dataset: its images may be mapped from a file.
        memory: bytes that its images may take on the device; None for no limit.
    """
    if memory is not None and dataset.images.nbytes > memory:
        return FromFile(dataset, MappedRows(dataset.images))
    return OnDevice(dataset, tf.constant(dataset.images), tf.constant(dataset.labels, tf.int32))

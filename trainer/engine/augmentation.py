"""Augmentation inside the compiled epoch: its kinds are traced, its strengths are variables.

The arithmetic is that of ``trainer.recipe.transformation``, with TensorFlow's arrays.
"""

import numpy as np
import tensorflow as tf

from trainer.datasets import Dataset
from trainer.hyperparameters import Hyperparameters
from trainer.recipe.augmentation import COLUMNS, Rows, Strengths
from trainer.recipe.transformation import Draw, Library, transformed

TENSORFLOW = Library(
    take=lambda values, places, axis: tf.gather(values, places, axis=axis, batch_dims=1),
    whole=lambda values: tf.cast(values, tf.int32),
    real=lambda values: tf.cast(values, tf.float32),
    reshape=tf.reshape,
    joined=lambda parts: tf.concat(parts, axis=1),
    where=tf.where,
    floor=tf.floor,
    sqrt=tf.sqrt,
    least=tf.minimum,
    most=tf.maximum,
)


class Augmentation:
    """The augmentation of one trace.

    Args:
        hyperparameters: of the first fit; the kinds that they use are traced.
        dataset: gives size and scale of the images.
    """

    def __init__(self, hyperparameters: Hyperparameters, dataset: Dataset) -> None:
        self._kinds = Strengths.of(hyperparameters).kinds
        self._shape, self._pixel_max = dataset.input_shape, dataset.pixel_max
        names = self._amounts_of(hyperparameters)
        self._amounts = {name: tf.Variable(0.0, dtype=tf.float32, trainable=False) for name in names}
        #: The random numbers that the epoch takes: of no column if nothing is augmented.
        self.signature = tf.TensorSpec([None, len(COLUMNS) if self._kinds else 0], tf.float32)

    def reset(self, hyperparameters: Hyperparameters) -> None:
        """Take the strengths of another fit with the same kinds."""
        for name, amount in self._amounts_of(hyperparameters).items():
            self._amounts[name].assign(amount)

    def numbers(self, rows: Rows | None, images: int) -> Rows:
        """Return the random numbers of an epoch's images as the trace takes them.

        Raises:
            ValueError: if images are to be augmented and there are no random numbers for them.
        """
        if not self._kinds:
            return np.empty((images, 0), dtype=np.float32)
        if rows is None:
            raise ValueError("the images of this fit are augmented, and it was given no random numbers")
        return rows

    def __call__(self, pixels: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """Return a batch as it is shown to the network."""
        if not self._kinds:
            return pixels
        amounts = {name: variable.value() for name, variable in self._amounts.items()}
        draw = Draw(TENSORFLOW, rows, amounts, self._kinds)
        return transformed(draw, tf.cast(pixels, tf.float32), self._pixel_max)

    def _amounts_of(self, hyperparameters: Hyperparameters) -> dict[str, float]:
        return Strengths.of(hyperparameters).amounts(self._shape, self._pixel_max)

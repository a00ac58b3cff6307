"""Dropout rates as variables of the compiled step, so that one trace serves every rate.

A Keras ``Dropout`` compiles its rate into the trace. Here its ``call`` reads a variable instead. The layer
stays Keras' own, with the rate of the current fit, so a saved model is a plain Keras model.
"""

from typing import Any

import keras
import tensorflow as tf


def dropout_layers(model: keras.Model) -> list[keras.layers.Dropout]:
    """Return the layers whose rate can vary, in order: plain ``Dropout`` with a rate above 0.

    A subclass may use its rate in another way, so it keeps the rate.
    """
    return [
        layer for layer in model._flatten_layers() if type(layer) is keras.layers.Dropout and layer.rate > 0
    ]


class DropoutRates:
    """The rates of one model's dropout layers."""

    def __init__(self, model: keras.Model) -> None:
        self._layers = dropout_layers(model)
        self._rates = [tf.Variable(layer.rate, dtype=tf.float32, trainable=False) for layer in self._layers]
        for layer, rate in zip(self._layers, self._rates, strict=True):
            layer.call = _variable_call(layer, rate)

    def take(self, fresh: keras.Model) -> None:
        """Copy the rates of ``fresh``, a model with the same layers."""
        for layer, rate, other in zip(self._layers, self._rates, dropout_layers(fresh), strict=True):
            layer.rate = other.rate
            rate.assign(other.rate)


def _variable_call(layer: keras.layers.Dropout, rate: tf.Variable) -> Any:
    def call(inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return inputs
        # As Keras does it, but with a rate that is a tensor: keras.random.dropout compares it with 0 and 1.
        seed = tf.cast(tf.math.floormod(layer.seed_generator.next(), tf.int32.max - 1), tf.int32)
        shape = layer.noise_shape and [
            size if wanted is None else wanted
            for size, wanted in zip(tf.unstack(tf.shape(inputs)), layer.noise_shape, strict=True)
        ]
        return tf.nn.experimental.stateless_dropout(inputs, rate=rate, seed=seed, noise_shape=shape)

    return call

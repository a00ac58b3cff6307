"""Batch normalisation in training as one kernel forwards and one backwards.

Keras uses a dozen ops, each of which reads all activations once more: up to a quarter of an epoch. Here a
layer's ``call`` uses TensorFlow's fused kernel instead. The layer stays Keras' own, so a saved model is a
plain Keras model, and scoring computes what that model will compute.
"""

from typing import Any

import keras
import tensorflow as tf

#: The smallest epsilon that cuDNN takes.
SMALLEST_EPSILON = 1.001e-5


def fuse_batch_norm(model: keras.Model) -> None:
    """Let the model's plain ``BatchNormalization`` layers train with the fused kernel.

    The arithmetic is the same (Ioffe & Szegedy 2015, alg. 1), rounded differently. Layers with options that
    the kernel lacks (renormalisation, statistics across devices, no scale or offset, other axes) stay as they
    are.
    """
    for layer in model._flatten_layers():
        if type(layer) is keras.layers.BatchNormalization and _fits(layer):
            layer.call = _fused_call(layer, layer.call)


def _fits(layer: keras.layers.BatchNormalization) -> bool:
    rank = layer.input_spec.ndim if layer.input_spec else None
    return (
        rank in (2, 4)
        and layer.axis in (-1, rank - 1)
        and layer.scale
        and layer.center
        and not layer.renorm
        and not layer.synchronized
        and layer.epsilon >= SMALLEST_EPSILON
        and layer.compute_dtype == "float32"
    )


def _fused_call(layer: keras.layers.BatchNormalization, keras_call: Any) -> Any:
    def call(inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None) -> tf.Tensor:
        if not (training and layer.trainable and mask is None and inputs.dtype == tf.float32):
            return keras_call(inputs, training=training, mask=mask)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs if len(inputs.shape) == 4 else inputs[:, None, None, :],
            scale=tf.convert_to_tensor(layer.gamma),
            offset=tf.convert_to_tensor(layer.beta),
            mean=tf.zeros([0]),
            variance=tf.zeros([0]),
            epsilon=layer.epsilon,
            is_training=True,
        )
        # The kernel gives the unbiased variance; Keras keeps the biased one.
        values = tf.cast(tf.size(inputs) // inputs.shape[-1], tf.float32)
        _follow(layer.moving_mean, mean, layer.momentum)
        _follow(layer.moving_variance, variance * ((values - 1.0) / values), layer.momentum)
        return outputs if len(inputs.shape) == 4 else outputs[:, 0, 0, :]

    return call


def _follow(average: keras.Variable, value: tf.Tensor, momentum: float) -> None:
    average.assign(average * momentum + value * (1.0 - momentum))

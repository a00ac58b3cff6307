"""The network of one fit: an architecture's model with the layer that scales raw pixels in front."""

import random

import keras
import numpy as np
import tensorflow as tf
from keras.src.utils.naming import reset_uids  # clear_session does it too, but deletes compiled kernels

from trainer.architectures import Architecture
from trainer.datasets import Dataset
from trainer.errors import FitFailed, one_line
from trainer.hyperparameters import Hyperparameters
from trainer.runtime import determinism


def build_model(
    architecture: Architecture,
    hyperparameters: Hyperparameters,
    dataset: Dataset,
    *,
    seed: int,
    keep_kernels: bool = False,
) -> keras.Model:
    """Build the network with freshly drawn weights, the layer that scales raw pixels in front.

    Args:
        architecture: what to build.
        hyperparameters: of the network.
        dataset: gives the shape of the images, their scale and the classes.
        seed: decides the weights.
        keep_kernels: do not set TensorFlow's own seed. Setting it deletes every compiled kernel, also those
            of compiled epochs; each of these then takes 0.2 to 0.9 s more. The weights are the same if only
            Keras' layers or NumPy draw them.

    Raises:
        FitFailed: if the architecture cannot be built with these hyperparameters.
    """
    determinism.settle_keras()
    if keep_kernels:
        # As the two calls below, without TensorFlow. Keras' initialisers draw from Python's generator.
        reset_uids()
        random.seed(seed)
        np.random.seed(seed)
    else:
        # Layers' automatic names count on from model to model, and an error may name one.
        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(seed)
    input_shape, classes = dataset.input_shape, len(dataset.classes)
    pixels = keras.Input(input_shape, name="pixels")
    try:
        body = architecture.build(hyperparameters, input_shape, classes)
        probabilities = body(keras.layers.Rescaling(1.0 / dataset.pixel_max, name="scaling")(pixels))
    except (MemoryError, tf.errors.ResourceExhaustedError):
        raise
    except Exception as error:
        raise FitFailed(f"the model could not be built: {one_line(error)}") from error
    if tuple(probabilities.shape) != (None, classes):
        shape = tuple(probabilities.shape)
        raise FitFailed(f"the model's output has the shape {shape}, expected {(None, classes)}")
    return keras.Model(pixels, probabilities, name=architecture.name)

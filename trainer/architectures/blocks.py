"""Pieces that the built-in architectures share. All are standard Keras layers with deterministic gradients.

Keras is imported inside the functions: importing the registry must not cost the seconds that TensorFlow
does. Initialisers carry no seed of their own: refold seeds Keras before a network is built.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

#: Keras' default of 0.99 needs some 500 steps to arrive. At 20 steps an epoch, evaluation is then garbage
#: for a dozen epochs, and early stopping stops on it.
BATCH_NORM_MOMENTUM = 0.9


def normalise(x: "keras.KerasTensor") -> "keras.KerasTensor":
    """Apply batch normalisation and a ReLU; the shape stays."""
    import keras

    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(x))


def convolve(x: "keras.KerasTensor", filters: int, size: int = 3, stride: int = 1) -> "keras.KerasTensor":
    """Convolve without activation: ``[b, h, w, c]`` to ``[b, ceil(h/stride), ceil(w/stride), filters]``.

    It has no bias: the batch normalisation that follows would take it away again.
    """
    import keras

    return keras.layers.Conv2D(
        filters, size, strides=stride, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)


def convolution(x: "keras.KerasTensor", filters: int, size: int = 3, stride: int = 1) -> "keras.KerasTensor":
    """Convolve, normalise, ReLU: ``[b, h, w, c]`` to ``[b, ceil(h/stride), ceil(w/stride), filters]``."""
    return normalise(convolve(x, filters, size, stride))


def dense(x: "keras.KerasTensor", units: int) -> "keras.KerasTensor":
    """Apply a fully connected layer, normalise, ReLU: ``[b, n]`` to ``[b, units]``."""
    import keras

    return normalise(keras.layers.Dense(units, use_bias=False, kernel_initializer="he_normal")(x))


def dropout(x: "keras.KerasTensor", rate: float) -> "keras.KerasTensor":
    """Drop a share ``rate`` in [0, 1) of the values in training."""
    import keras

    return keras.layers.Dropout(rate)(x)


def can_halve(x: "keras.KerasTensor") -> bool:
    """Tell whether the image can be halved and still has two pixels each way."""
    return bool(min(x.shape[1:3]) >= 4)


def halve(x: "keras.KerasTensor") -> "keras.KerasTensor":
    """Max-pool to half the size each way, unless less than two pixels would be left."""
    import keras

    return keras.layers.MaxPooling2D()(x) if can_halve(x) else x


def shrink(x: "keras.KerasTensor", side: int) -> "keras.KerasTensor":
    """Max-pool until the longer side is at most ``side``, so that large photos keep networks affordable."""
    while max(x.shape[1:3]) > side and can_halve(x):
        x = halve(x)
    return x


def average(x: "keras.KerasTensor") -> "keras.KerasTensor":
    """Average over the image: ``[b, h, w, c]`` to ``[b, c]``."""
    import keras

    return keras.layers.GlobalAveragePooling2D()(x)


def flatten(x: "keras.KerasTensor") -> "keras.KerasTensor":
    """Lay the image out: ``[b, h, w, c]`` to ``[b, h * w * c]``."""
    import keras

    return keras.layers.Flatten()(x)


def image(input_shape: tuple[int, int, int]) -> "keras.KerasTensor":
    """Return the input: ``[batch, height, width, channels]`` float32 pixels in [0, 1]."""
    import keras

    return keras.Input(shape=input_shape, name="image")


def classifier(name: str, inputs: "keras.KerasTensor", x: "keras.KerasTensor", classes: int) -> "keras.Model":
    """Return the model that ends in the probabilities: ``[b, n]`` to ``[b, classes]``.

    The softmax is the activation of the last layer, where Keras' cross-entropy finds the logits behind it.
    It is float32 even in mixed precision, as probabilities have to be.
    """
    import keras

    outputs = keras.layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, outputs, name=name)

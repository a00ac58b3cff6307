"""``mobilenet``: Howard et al. (2017), small: depthwise and pointwise convolutions, few weights."""

from typing import TYPE_CHECKING

from trainer.architectures import blocks
from trainer.architectures.architecture import Architecture
from trainer.hyperparameters import Choice, Float, Hyperparameters, Space

if TYPE_CHECKING:
    import keras

SPACE: Space = {
    "filters": Choice((32, 48, 64)),
    "blocks": Choice((4, 5)),
    "dropout": Float(low=0.0, high=0.4),
}


def _separable(x: "keras.KerasTensor", filters: int, stride: int) -> "keras.KerasTensor":
    """Filter each channel, then mix them: ``[b, h, w, c]`` to ``[b, h / stride, w / stride, filters]``."""
    import keras

    x = keras.layers.DepthwiseConv2D(
        3, strides=stride, padding="same", use_bias=False, depthwise_initializer="he_normal"
    )(x)
    return blocks.convolution(blocks.normalise(x), filters, size=1)


def build(hyperparameters: Hyperparameters, input_shape: tuple[int, int, int], classes: int) -> "keras.Model":
    """Build the network: a convolution, separable blocks that halve the image every other time, softmax.

    Args:
        hyperparameters: ``filters`` of the convolution (twice as many after each halving), number of
            separable ``blocks``, ``dropout`` rate before the softmax.
        input_shape: height, width, channels; 8x8x1 and up.
        classes: at least 2.
    """
    filters = int(hyperparameters["filters"])
    inputs = blocks.image(input_shape)
    x = blocks.shrink(inputs, 64)
    # Depthwise convolutions are slow on processors: all but the smallest images go to half size first.
    x = blocks.convolution(x, filters, stride=2 if min(x.shape[1:3]) >= 16 else 1)
    for block in range(int(hyperparameters["blocks"])):
        halves = block % 2 == 1 and blocks.can_halve(x)
        x = _separable(x, filters << (block + 1) // 2, stride=2 if halves else 1)
    x = blocks.dropout(blocks.average(x), float(hyperparameters["dropout"]))
    return blocks.classifier("mobilenet", inputs, x, classes)


MOBILENET = Architecture(name="mobilenet", build=build, space=SPACE, dropout_rates=("dropout",))

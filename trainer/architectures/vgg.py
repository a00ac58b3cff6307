"""``vgg``: after Simonyan and Zisserman (2014), blocks of two 3x3 convolutions, twice as wide each time."""

from typing import TYPE_CHECKING

from trainer.architectures import blocks
from trainer.architectures.architecture import Architecture
from trainer.hyperparameters import Choice, Float, Hyperparameters, Space

if TYPE_CHECKING:
    import keras

SPACE: Space = {
    "filters": Choice((16, 32)),
    "blocks": Choice((2, 3)),
    "dense_units": Choice((128, 256)),
    "dropout": Float(low=0.0, high=0.5),
}

#: The dense layer's weights grow with the area before it.
FLATTENED_SIDE = 8


def build(hyperparameters: Hyperparameters, input_shape: tuple[int, int, int], classes: int) -> "keras.Model":
    """Build the network: blocks of two convolutions, max-pooling and dropout, a dense layer, softmax.

    Args:
        hyperparameters: ``filters`` of the first block, number of ``blocks``, ``dense_units``,
            ``dropout`` rate (half of it after each block, all of it before the softmax).
        input_shape: height, width, channels; 8x8x1 and up.
        classes: at least 2.
    """
    filters, rate = int(hyperparameters["filters"]), float(hyperparameters["dropout"])
    inputs = blocks.image(input_shape)
    x = blocks.shrink(inputs, 64)
    for block in range(int(hyperparameters["blocks"])):
        x = blocks.convolution(x, filters << block)
        x = blocks.halve(blocks.convolution(x, filters << block))
        x = blocks.dropout(x, rate / 2)
    x = blocks.flatten(blocks.shrink(x, FLATTENED_SIDE))
    x = blocks.dropout(blocks.dense(x, int(hyperparameters["dense_units"])), rate)
    return blocks.classifier("vgg", inputs, x, classes)


VGG = Architecture(name="vgg", build=build, space=SPACE, dropout_rates=("dropout",))

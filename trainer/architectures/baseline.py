"""``baseline``: the network of the original question, two convolutions and a wide dense layer."""

from typing import TYPE_CHECKING

from trainer.architectures import blocks
from trainer.architectures.architecture import Architecture
from trainer.hyperparameters import Choice, Float, Hyperparameters, Space

if TYPE_CHECKING:
    import keras

SPACE: Space = {
    "filters": Choice((16, 32)),
    "dense_units": Choice((128, 256, 512)),
    "dropout": Float(low=0.1, high=0.6),
}

#: The dense layer's weights grow with the area before it: 2 million at this side, 200 million at 112.
FLATTENED_SIDE = 16


def build(hyperparameters: Hyperparameters, input_shape: tuple[int, int, int], classes: int) -> "keras.Model":
    """Build the network: 3x3 convolution twice, max-pooling, dropout, a dense layer, dropout, softmax.

    Args:
        hyperparameters: ``filters`` of each convolution, ``dense_units``, ``dropout`` rate after both.
        input_shape: height, width, channels; 8x8x1 and up.
        classes: at least 2.
    """
    filters, rate = int(hyperparameters["filters"]), float(hyperparameters["dropout"])
    inputs = blocks.image(input_shape)
    x = blocks.convolution(blocks.shrink(inputs, 4 * FLATTENED_SIDE), filters)
    x = blocks.halve(blocks.convolution(x, filters))
    x = blocks.dropout(blocks.shrink(x, FLATTENED_SIDE), rate)
    x = blocks.dense(blocks.flatten(x), int(hyperparameters["dense_units"]))
    return blocks.classifier("baseline", inputs, blocks.dropout(x, rate), classes)


BASELINE = Architecture(name="baseline", build=build, space=SPACE, dropout_rates=("dropout",))

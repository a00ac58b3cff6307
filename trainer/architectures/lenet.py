"""``lenet``: LeCun's LeNet-5 (1998) with ReLU, max-pooling and batch normalisation. The fastest here."""

from typing import TYPE_CHECKING

from trainer.architectures import blocks
from trainer.architectures.architecture import Architecture
from trainer.hyperparameters import Choice, Float, Hyperparameters, Space

if TYPE_CHECKING:
    import keras

SPACE: Space = {
    "filters": Choice((8, 16)),
    "dense_units": Choice((64, 128)),
    "dropout": Float(low=0.0, high=0.5),
}

#: The dense layer's weights grow with the area before it.
FLATTENED_SIDE = 8


def build(hyperparameters: Hyperparameters, input_shape: tuple[int, int, int], classes: int) -> "keras.Model":
    """Build the network: 5x5 convolution and max-pooling twice, two dense layers, softmax.

    Args:
        hyperparameters: ``filters`` of the first convolution (the second has twice as many),
            ``dense_units`` of the first dense layer (the second has half), ``dropout`` rate before both.
        input_shape: height, width, channels; 8x8x1 and up.
        classes: at least 2.
    """
    filters, units = int(hyperparameters["filters"]), int(hyperparameters["dense_units"])
    rate = float(hyperparameters["dropout"])
    inputs = blocks.image(input_shape)
    x = blocks.halve(blocks.convolution(blocks.shrink(inputs, 64), filters, size=5))
    x = blocks.halve(blocks.convolution(x, 2 * filters, size=5))
    x = blocks.flatten(blocks.shrink(x, FLATTENED_SIDE))
    x = blocks.dense(blocks.dropout(x, rate), units)
    x = blocks.dense(blocks.dropout(x, rate), units // 2)
    return blocks.classifier("lenet", inputs, x, classes)


LENET = Architecture(name="lenet", build=build, space=SPACE, dropout_rates=("dropout",))

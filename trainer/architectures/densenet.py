"""``densenet``: Huang et al. (2016), small: each layer sees the outputs of all layers before it."""

from typing import TYPE_CHECKING

from trainer.architectures import blocks
from trainer.architectures.architecture import Architecture
from trainer.hyperparameters import Choice, Float, Hyperparameters, Space

if TYPE_CHECKING:
    import keras

SPACE: Space = {
    "growth_rate": Choice((8, 12, 16)),
    "layers": Choice((2, 3)),
    "dropout": Float(low=0.0, high=0.4),
}

BLOCKS = 3


def _dense_block(x: "keras.KerasTensor", layers: int, growth_rate: int) -> "keras.KerasTensor":
    """Append ``growth_rate`` channels ``layers`` times: ``[b, h, w, c]`` to ``[b, h, w, c + layers * g]``."""
    import keras

    for _ in range(layers):
        x = keras.layers.Concatenate()([x, blocks.convolve(blocks.normalise(x), growth_rate)])
    return x


def _transition(x: "keras.KerasTensor") -> "keras.KerasTensor":
    """Halve channels and, where there is room, the image: ``[b, h, w, c]`` to ``[b, h/2, w/2, c/2]``."""
    import keras

    room = blocks.can_halve(x)
    x = blocks.convolve(blocks.normalise(x), x.shape[-1] // 2, size=1)
    return keras.layers.AveragePooling2D(2)(x) if room else x


def build(hyperparameters: Hyperparameters, input_shape: tuple[int, int, int], classes: int) -> "keras.Model":
    """Build the network: a convolution, three dense blocks with transitions between, average, softmax.

    Args:
        hyperparameters: ``growth_rate`` (channels a layer adds), ``layers`` per block, ``dropout`` rate
            before the softmax.
        input_shape: height, width, channels; 8x8x1 and up.
        classes: at least 2.
    """
    growth_rate = int(hyperparameters["growth_rate"])
    inputs = blocks.image(input_shape)
    x = blocks.convolve(blocks.shrink(inputs, 64), 2 * growth_rate)
    # As in the paper, all but the smallest images go to half size first: full size takes 4 times as long.
    x = blocks.halve(x) if min(x.shape[1:3]) >= 16 else x
    for block in range(BLOCKS):
        x = _dense_block(_transition(x) if block else x, int(hyperparameters["layers"]), growth_rate)
    x = blocks.dropout(blocks.average(blocks.normalise(x)), float(hyperparameters["dropout"]))
    return blocks.classifier("densenet", inputs, x, classes)


DENSENET = Architecture(name="densenet", build=build, space=SPACE, dropout_rates=("dropout",))

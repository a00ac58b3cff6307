"""What an architecture is: a name, a search space and a function that builds the network."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainer.hyperparameters import Hyperparameters, Space

if TYPE_CHECKING:
    import keras

Build = Callable[[Hyperparameters, tuple[int, int, int], int], "keras.Model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A family of networks.

    Attributes:
        name: how the sweep file and the record call it.
        build: ``build(hyperparameters, input_shape, classes)`` returns a new, uncompiled model that maps
            ``[batch, height, width, channels]`` float32 pixels in [0, 1] to ``[batch, classes]``
            probabilities (softmax last). refold puts the layer that scales raw pixels in front of it.
            It must draw randomness only through Keras' layers and initialisers, which refold has seeded.
        space: the architecture's own ranges, beside the shared ones
            (``trainer.hyperparameters.SHARED_SPACE``); an entry of the same name replaces a shared one.
        dropout_rates: hyperparameters that are nothing but the rates of Keras ``Dropout`` layers: trials that
            differ in these alone share one compiled trace.
    """

    name: str
    build: Build
    space: Space = field(default_factory=dict)
    dropout_rates: tuple[str, ...] = ()

"""A small network, as a user would write it, under the names of two recipes: what ``recipes`` compares."""

from typing import Any

import keras


class Network:
    """Two convolutions and a dense layer with batch normalisation, dropout, softmax."""

    @staticmethod
    def build(hyperparameters: Any, input_shape: tuple[int, int, int], classes: int) -> keras.Model:  # noqa: ARG004
        """Return the network."""
        layers = keras.layers

        def normalised(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
            return [layer, layers.BatchNormalization(momentum=0.9), layers.ReLU()]

        return keras.Sequential(
            [
                keras.Input(input_shape),
                *normalised(layers.Conv2D(16, 3, padding="same", use_bias=False)),
                layers.MaxPooling2D(),
                *normalised(layers.Conv2D(32, 3, padding="same", use_bias=False)),
                layers.MaxPooling2D(),
                layers.Flatten(),
                *normalised(layers.Dense(64, use_bias=False)),
                layers.Dropout(0.3),
                layers.Dense(classes, activation="softmax"),
            ]
        )

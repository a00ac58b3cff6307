"""A small network, as a user would write it, under the names of two recipes: what ``recipes`` compares."""

from typing import Any

import keras


class Network:
    """Two convolutions with batch normalisation, a dense layer with dropout, softmax."""

    @staticmethod
    def build(hyperparameters: Any, input_shape: tuple[int, int, int], classes: int) -> keras.Model:  # noqa: ARG004
        """Return the network."""
        layers = keras.layers
        return keras.Sequential(
            [
                keras.Input(input_shape),
                *(layers.Conv2D(16, 3, padding="same"), layers.BatchNormalization(momentum=0.9)),
                *(layers.ReLU(), layers.MaxPooling2D()),
                *(layers.Conv2D(32, 3, padding="same"), layers.BatchNormalization(momentum=0.9)),
                *(layers.ReLU(), layers.MaxPooling2D(), layers.Flatten()),
                *(layers.Dense(64, activation="relu"), layers.Dropout(0.3)),
                layers.Dense(classes, activation="softmax"),
            ]
        )

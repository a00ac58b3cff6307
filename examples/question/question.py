"""The network of the original question to the letter, and the choices in which refold's ``baseline`` differs.

The question was why its scores differ from run to run with every seed set. Its network: two convolutions with
32 filters and batch normalisation, max-pooling, dropout, a dense layer of 512 units, dropout, softmax. ReLU
comes before batch normalisation, as one gets it from ``Conv2D(32, 3, activation="relu")`` in Keras.
"""

import keras


class Question:
    """The network; the first of each pair of choices is the question's, the second is ``baseline``'s."""

    space = {
        "padding": {"choices": ["valid", "same"]},
        "initializer": {"choices": ["glorot_uniform", "he_normal"]},
        "bias": {"choices": [True, False]},
        "momentum": {"choices": [0.99, 0.9]},
        "normalise": {"choices": ["after", "before"]},
        "first_dropout": {"choices": [0.25, 0.375]},
        "second_dropout": {"choices": [0.5, 0.375]},
    }

    @staticmethod
    def build(hyperparameters, input_shape, classes):
        """Return the network for images of ``input_shape``, pixels in 0 to 1."""
        of = hyperparameters
        usual = {"use_bias": of["bias"], "kernel_initializer": of["initializer"]}

        def activated(layer):
            norm = keras.layers.BatchNormalization(momentum=of["momentum"])
            relu = keras.layers.ReLU()
            return [layer, relu, norm] if of["normalise"] == "after" else [layer, norm, relu]

        return keras.Sequential(
            [
                keras.Input(input_shape),
                *activated(keras.layers.Conv2D(32, 3, padding=of["padding"], **usual)),
                *activated(keras.layers.Conv2D(32, 3, padding=of["padding"], **usual)),
                keras.layers.MaxPooling2D(),
                keras.layers.Dropout(of["first_dropout"]),
                keras.layers.Flatten(),
                *activated(keras.layers.Dense(512, **usual)),
                keras.layers.Dropout(of["second_dropout"]),
                keras.layers.Dense(classes, activation="softmax"),
            ]
        )

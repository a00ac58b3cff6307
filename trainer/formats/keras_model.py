"""Loads an exported model into this process, as any program with Keras would."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.errors import UsageError, one_line

if TYPE_CHECKING:
    import keras


def load_keras_model(file: Path) -> "keras.Model":
    """Return the model in a ``.keras`` file; it maps raw pixels to probabilities.

    Side effects:
        Imports Keras and TensorFlow.

    Raises:
        UsageError: if the file cannot be loaded, for example because Keras does not know the user's layers.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    try:
        return keras.saving.load_model(file)
    except (OSError, TypeError, ValueError) as error:
        raise UsageError(
            f"{file} cannot be loaded ({one_line(error)}): if it has layers of your own, give them to "
            "keras.saving.load_model as custom_objects, or export another format"
        ) from error

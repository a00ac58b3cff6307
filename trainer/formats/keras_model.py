"""Loads an exported Keras model into this process, if all that it can do is compute."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.errors import UsageError, one_line
from trainer.formats.foreign import keras_file

if TYPE_CHECKING:
    import keras


def load_keras_model(file: Path) -> "keras.Model":
    """Return the model in a ``.keras`` file; it maps raw pixels to probabilities.

    Side effects:
        Imports Keras and TensorFlow.

    Raises:
        UsageError: if the file can do more than compute, or cannot be loaded.
    """
    try:
        keras_file.check(file)
    except UsageError as error:
        raise UsageError(f"{file} is not loaded: {error}") from error
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    try:
        return keras.saving.load_model(file)
    except (OSError, TypeError, ValueError) as error:
        raise UsageError(f"{file} cannot be loaded: {one_line(error)}") from error

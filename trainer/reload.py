"""Loads an exported model with Keras alone, as its user will: ``python -m trainer.reload MODEL IMAGES OUT``.

Nothing of refold is imported here: what this process can load, any Keras can.
"""

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main() -> None:
    """Write the model's probabilities for the images (``.npy``) to OUT (``.npy``)."""
    import keras
    import numpy as np

    model_file, images, out = sys.argv[1:]
    model = keras.saving.load_model(model_file)
    np.save(out, model.predict(np.load(images, mmap_mode="r"), batch_size=256, verbose=0))


if __name__ == "__main__":
    main()

"""Loads an exported model with its own runtime alone: ``-m trainer.formats.reload FORMAT MODEL IMAGES OUT``.

No other module of refold is imported here: what this process can load, any program with that runtime can.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

#: Images scored in one call, and how many times a single image is scored to measure its time.
BATCH, REPEATS = 256, 30


def load_keras(path: str) -> Callable[[Any], Any]:
    """Return Keras' function from pixels ``[n, height, width, channels]`` to probabilities ``[n, k]``."""
    import keras

    model = keras.saving.load_model(path)
    return lambda pixels: model.predict(pixels, batch_size=BATCH, verbose=0)


def load_savedmodel(path: str) -> Callable[[Any], Any]:
    """Return the same function of TensorFlow, without Keras."""
    import tensorflow as tf

    model = tf.saved_model.load(path)
    return lambda pixels: model.serve(pixels).numpy()


def load_onnx(path: str) -> Callable[[Any], Any]:
    """Return the same function of onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda pixels: session.run(None, {name: pixels.astype("float32")})[0]


def load_litert(path: str) -> Callable[[Any], Any]:
    """Return the same function of the LiteRT interpreter."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=path).get_signature_runner()
    (name,) = runner.get_input_details()
    return lambda pixels: next(iter(runner(**{name: pixels.astype("float32")}).values()))


LOADERS = {"keras": load_keras, "savedmodel": load_savedmodel, "onnx": load_onnx, "litert": load_litert}


def main() -> None:
    """Write the model's probabilities for the images (``.npy``) to OUT; print the time of one image."""
    import numpy as np

    form, path, images_file, out = sys.argv[1:]
    predict = LOADERS[form](path)
    images = np.load(images_file, mmap_mode="r")
    starts = range(0, len(images), BATCH)
    np.save(out, np.concatenate([predict(np.array(images[start : start + BATCH])) for start in starts]))
    seconds = []
    one = np.array(images[:1])
    for _ in range(REPEATS):
        start = time.perf_counter()
        predict(one)
        seconds.append(time.perf_counter() - start)
    answer = {"ms_per_image": 1000 * statistics.median(seconds), "modules": sorted(sys.modules)}
    print(json.dumps(answer))  # noqa: T201 - this is the answer


if __name__ == "__main__":
    main()

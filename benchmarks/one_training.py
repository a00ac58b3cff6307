"""One training of ``original_question``, in a process of its own: ``python -m benchmarks.one_training``.

Its argument is JSON: a ``Setting``'s fields and ``dataset``, the folder of the stored dataset. The last
line on standard output is the ``Training`` as JSON.
"""

import contextlib
import json
import os
import random
import secrets
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.summary import Training
from trainer.architectures import built_in, source_digest
from trainer.fits.results import FitResult
from trainer.fits.seeds import SEED_BITS, Seeds
from trainer.fits.specs import FitSpec
from trainer.hyperparameters import Value

#: The question's network and training; the rest of Adam is Keras' default.
BATCH_SIZE = 64
LEARNING_RATE = 1e-3
NETWORK: dict[str, Value] = {"filters": 32, "dense_units": 512, "dropout": 0.5}
QUESTION_SEED = 42


def fit_spec(dataset: Path) -> FitSpec:
    """Return the fit that refold runs: one epoch on all images, nothing held out, no stop set."""
    values = NETWORK | {
        "batch_size": BATCH_SIZE,
        "learning_rate": LEARNING_RATE,
        "optimizer": "adam",
        "weight_decay": 0.0,
    }
    return FitSpec(
        dataset=dataset.name,
        architecture="baseline",
        architecture_digest=source_digest("baseline"),
        hyperparameters=tuple(sorted(values.items())),
        folds=5,
        repeat=0,
        fold=None,
        seeds=Seeds.of_fit(1, trial=0, repeat=0, fold="all"),
        epochs=1,
        stopping=None,
    )


def training_of(result: FitResult, seconds: float) -> Training:
    """Return the only epoch of a fit.

    Raises:
        RuntimeError: if it failed.
    """
    if result.state != "complete":
        raise RuntimeError(result.reason)
    (epoch,) = result.epochs
    return Training(
        loss=epoch.loss, accuracy=epoch.accuracy, weights_sha256=epoch.weights_sha256, seconds=seconds
    )


def plain_keras(request: dict[str, Any]) -> Training:
    """Train as the question did: build, compile, ``fit``."""
    if request["seeds"]:
        os.environ["PYTHONHASHSEED"] = str(QUESTION_SEED)  # as the question did: too late to do anything
        random.seed(QUESTION_SEED)
        np.random.seed(QUESTION_SEED)
    tensorflow = _tensorflow(request)
    if request["seeds"]:
        tensorflow.random.set_seed(QUESTION_SEED)
    import keras

    from trainer.engine.engine import weights_digest

    images, labels = (np.load(Path(request["dataset"]) / f"{name}.npy") for name in ("images", "labels"))
    model = built_in("baseline").build(NETWORK, images.shape[1:], 10)
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    start = time.perf_counter()
    history = model.fit(images, labels, batch_size=BATCH_SIZE, epochs=1, verbose=0).history
    return Training(
        loss=float(history["loss"][0]),
        accuracy=float(history["accuracy"][0]),
        weights_sha256=weights_digest(model.get_weights()),
        seconds=time.perf_counter() - start,
    )


def refold_with(request: dict[str, Any]) -> Training:
    """Train with refold's own function, under the switches that ``request`` asks for."""
    tensorflow = _tensorflow(request)
    if request["op_determinism"]:
        tensorflow.config.experimental.enable_op_determinism()
    from trainer.engine import fit
    from trainer.process.jobs import architecture_of, data_of, engines

    if request["data_order"] == "keras":
        vars(fit)["permutation"] = _keras_order
        tensorflow.random.set_seed(QUESTION_SEED)  # refold sets none, and such a shuffle needs one
    if request["other_thread"]:
        threading.Thread(target=_draw_for_ever, daemon=True).start()
    spec = fit_spec(Path(request["dataset"]))
    fresh = {name: secrets.randbits(SEED_BITS) for name in request["redrawn"]}
    spec = replace(spec, seeds=replace(spec.seeds, **fresh))
    data = data_of(request["dataset"])
    trained = fit.train(
        spec, data, architecture_of(spec.architecture, None, spec.architecture_digest), engines()
    )
    return training_of(trained.result, sum(trained.epoch_seconds))


def _tensorflow(request: dict[str, Any]) -> Any:
    """Import TensorFlow and set the number of threads."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(request["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(request["interop_threads"])
    return tf


def _keras_order(_seed: int, size: int) -> npt.NDArray[np.int64]:
    """Shuffle as ``model.fit`` does with arrays: in a ``tf.data`` pipeline, by TensorFlow's global seed."""
    import tensorflow as tf

    shuffled = tf.data.Dataset.range(1).map(lambda _: tf.random.shuffle(tf.range(size, dtype=tf.int64)))
    order: npt.NDArray[np.int64] = next(iter(shuffled)).numpy()
    return order


def _draw_for_ever() -> None:
    """Do what an event loop in the same process does, only more often."""
    while True:
        random.random()
        time.sleep(1e-4)


def main() -> None:
    """Answer one request."""
    request = json.loads(sys.argv[1])
    with contextlib.redirect_stdout(sys.stderr):
        training = plain_keras(request) if request["trainer"] == "keras" else refold_with(request)
    sys.stdout.write(json.dumps(asdict(training)) + "\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

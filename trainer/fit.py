"""One fit: train on the training part, watch the stop set, score the held-out fold once.

``train`` is a pure function of the spec, the data and the architecture: everything else (a cache of traces, a
listener for finished epochs) changes how fast it goes and who hears of it, never a bit of what it returns.
"""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.architectures import Architecture
from trainer.datasets import Dataset
from trainer.engine import (
    Engine,
    EngineCache,
    Weights,
    build_model,
    one_line,
    trace_key,
    weights_digest,
)
from trainer.errors import FitFailed
from trainer.folds import Indices, parts_of
from trainer.metrics import accuracy, confusion_matrix, macro_f1
from trainer.results import Epoch, FitResult
from trainer.seeds import derive, permutation
from trainer.specs import FitSpec
from trainer.stopping import EarlyStopping

EpochListener = Callable[[int, Epoch, float], None]

#: Below this share of its initial value a moving average counts as arrived.
ARRIVED = 0.05

NOT_WATCHED: dict[str, Any] = {"stop_loss": None, "stop_accuracy": None, "stop_f1": None}


@dataclass(frozen=True, slots=True)
class Resident:
    """A dataset on the device, with the labels on the host as well."""

    dataset: Dataset
    images: tf.Tensor
    labels: tf.Tensor

    @classmethod
    def of(cls, dataset: Dataset) -> "Resident":
        """Copy the dataset to the device."""
        return cls(dataset, tf.constant(dataset.images), tf.constant(dataset.labels, tf.int32))


@dataclass(slots=True)
class Trained:
    """What training leaves: the result, the model with the kept weights, and seconds per epoch."""

    result: FitResult
    model: keras.Model | None = None
    epoch_seconds: list[float] = field(default_factory=list)


def train(
    spec: FitSpec,
    data: Resident,
    architecture: Architecture,
    engines: EngineCache,
    on_epoch: EpochListener = lambda _number, _epoch, _seconds: None,
) -> Trained:
    """Run the fit that ``spec`` describes.

    Args:
        spec: all that decides the bits.
        data: the dataset whose fingerprint the spec names.
        architecture: the architecture whose digest the spec names.
        engines: the traces of this process.
        on_epoch: called with the epoch's number from 1, its record and its seconds.

    Returns:
        The result; its state is "failed" where the hyperparameters made the fit impossible.
    """
    epoch_seconds: list[float] = []
    finished: list[Epoch] = []

    def listen(number: int, epoch: Epoch, seconds: float) -> None:
        epoch_seconds.append(seconds)
        finished.append(epoch)
        on_epoch(number, epoch, seconds)

    try:
        engine, result = _train(spec, data, architecture, engines, listen)
    except FitFailed as failure:
        failed = FitResult(key=spec.key, state="failed", reason=str(failure), epochs=tuple(finished))
        return Trained(failed, None, epoch_seconds)
    return Trained(result, engine.model, epoch_seconds)


def _train(
    spec: FitSpec, data: Resident, architecture: Architecture, engines: EngineCache, listen: EpochListener
) -> tuple[Engine, FitResult]:
    parts = parts_of(spec, data.dataset.labels)
    engine = _engine(spec, data.dataset, architecture, engines)
    initial = weights_digest(engine.weights())
    try:
        epochs, best_epoch, weights = _epochs(spec, data, engine, parts.training, parts.stop, listen)
    except (FitFailed, MemoryError):
        raise
    except tf.errors.ResourceExhaustedError as error:
        raise MemoryError(one_line(error)) from error  # not the hyperparameters' fault: the fit runs again
    except Exception as error:
        raise FitFailed(f"training failed: {one_line(error)}") from error
    engine.restore(weights)
    result = FitResult(
        key=spec.key,
        state="complete",
        parts_sha256=parts.digest,
        initial_weights_sha256=initial,
        epochs=tuple(epochs),
        best_epoch=best_epoch,
        weights_sha256=epochs[best_epoch - 1].weights_sha256,
        notes=_notes(spec, engine.model, epochs[best_epoch - 1], best_epoch, len(parts.training)),
        **(_held_out(engine, data, parts.held_out) if len(parts.held_out) else {}),
    )
    return engine, result


def _engine(spec: FitSpec, dataset: Dataset, architecture: Architecture, engines: EngineCache) -> Engine:
    hyperparameters = dict(spec.hyperparameters)
    fresh = build_model(architecture, hyperparameters, dataset, seed=spec.seeds.initialisation)
    engine = engines.engine_for(
        trace_key(spec.architecture_digest, hyperparameters, dataset),
        fresh,
        str(hyperparameters["optimizer"]),
        tf.TensorSpec([None, *dataset.input_shape], dataset.images.dtype),
    )
    engine.reset(fresh, hyperparameters, dropout_seed=spec.seeds.dropout)
    return engine


def _epochs(
    spec: FitSpec, data: Resident, engine: Engine, training: Indices, stop: Indices, listen: EpochListener
) -> tuple[list[Epoch], int, Weights]:
    """Train epoch by epoch; return them all, the best one's number from 1, and its weights."""
    batch_size = int(dict(spec.hyperparameters)["batch_size"])
    watch = EarlyStopping(spec.stopping) if spec.stopping else None
    epochs: list[Epoch] = []
    best_epoch, best_weights = 0, engine.weights()
    for number in range(1, spec.epochs + 1):
        start = time.perf_counter()
        order = training[permutation(derive(spec.seeds.order, number), len(training))]
        loss, hits = engine.train_epoch(data.images, data.labels, order, batch_size)
        if not math.isfinite(loss):
            raise FitFailed(_diverged(number, spec))
        scores = _stop_scores(engine, data, stop, number, spec) if watch else NOT_WATCHED
        weights = engine.weights()
        epochs.append(Epoch(loss=loss, accuracy=hits, **scores, weights_sha256=weights_digest(weights)))
        if watch is None or watch.update(scores["stop_f1"]):
            best_epoch, best_weights = number, weights
        listen(number, epochs[-1], time.perf_counter() - start)
        if watch and watch.should_stop:
            break
    return epochs, best_epoch, best_weights


def _stop_scores(
    engine: Engine, data: Resident, stop: Indices, number: int, spec: FitSpec
) -> dict[str, float]:
    """Return loss (nats), accuracy and macro-F1 of the whole stop set."""
    probabilities = engine.probabilities(data.images, stop)
    if not np.isfinite(probabilities).all():
        raise FitFailed(_diverged(number, spec))
    true = data.dataset.labels[stop]
    confusion = confusion_matrix(true, probabilities.argmax(axis=1), classes=len(data.dataset.classes))
    return {
        "stop_loss": cross_entropy(probabilities, true),
        "stop_accuracy": accuracy(confusion),
        "stop_f1": macro_f1(confusion),
    }


def _held_out(engine: Engine, data: Resident, held_out: Indices) -> dict[str, Any]:
    """Score the held-out fold, once, with the weights that were kept."""
    probabilities = engine.probabilities(data.images, held_out)
    predicted = probabilities.argmax(axis=1)
    confusion = confusion_matrix(data.dataset.labels[held_out], predicted, classes=len(data.dataset.classes))
    confidences = probabilities[np.arange(len(predicted)), predicted]
    return {
        "probabilities_sha256": hashlib.sha256(probabilities.astype("<f4").tobytes()).hexdigest(),
        "predictions": predicted.astype("<u2").tobytes(),
        "confidences": confidences.astype("<f4").tobytes(),
        "confusion": confusion,
        "f1": macro_f1(confusion),
    }


def cross_entropy(probabilities: npt.NDArray[np.float32], true: npt.NDArray[np.integer]) -> float:
    """Return the mean of -log p(true class), in nats; p is taken as at least 1e-7, as Keras does."""
    chosen = probabilities[np.arange(len(true)), true].astype(np.float64)
    return float(-np.log(np.maximum(chosen, 1e-7)).mean())


def _diverged(number: int, spec: FitSpec) -> str:
    rate = dict(spec.hyperparameters)["learning_rate"]
    return f"training diverged: the loss became NaN or infinite in epoch {number} (learning_rate {rate})"


def _notes(spec: FitSpec, model: keras.Model, best: Epoch, best_epoch: int, images: int) -> tuple[str, ...]:
    """Say so where batch normalisation's moving averages had not arrived when the best epoch was chosen."""
    steps = best_epoch * -(-images // int(dict(spec.hyperparameters)["batch_size"]))
    layers = [x for x in model._flatten_layers() if isinstance(x, keras.layers.BatchNormalization)]
    momentum = max((float(layer.momentum) for layer in layers), default=0.0)
    apart = best.stop_accuracy is not None and best.accuracy - best.stop_accuracy > 0.2
    if not apart or momentum**steps < ARRIVED:
        return ()
    return (
        f"training accuracy {best.accuracy:.2f} but {best.stop_accuracy:.2f} on the stop set: after {steps} "
        f"steps batch normalisation's moving averages (momentum {momentum:g}) still hold "
        f"{momentum**steps:.0%} of their initial values; lower the momentum or train longer",
    )

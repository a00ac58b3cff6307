"""One fit: train on the training part, watch the stop set, score the held-out fold once.

``train`` is a pure function of the spec, the data and the architecture. The other arguments (a cache of
traces, a listener for finished epochs) change its speed and what it reports, never a bit of its result.
"""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.architectures import Architecture
from trainer.datasets import Dataset
from trainer.engine.engine import Engine, EngineCache, Probabilities, Weights, weights_digest
from trainer.engine.feed import Feed
from trainer.errors import FitFailed, one_line
from trainer.fits.folds import Indices
from trainer.fits.learning_rates import LearningRates
from trainer.fits.results import Epoch, FitResult
from trainer.fits.seeds import derive, permutation
from trainer.fits.specs import FitSpec, Rung
from trainer.fits.split import Parts, Split
from trainer.fits.stopping import EarlyStopping, missed_rung
from trainer.metrics.confusion import accuracy, confusion_matrix, macro_f1
from trainer.metrics.metric import MACRO_F1, Metric
from trainer.recipe.augmentation import is_augmented, random_rows
from trainer.recipe.table import BATCH_SIZE, LEARNING_RATE

EpochListener = Callable[[int, Epoch, float], None]

#: A moving average that still has less than this share of its initial value counts as settled.
ARRIVED = 0.05

NOT_WATCHED: dict[str, Any] = {"stop_loss": None, "stop_accuracy": None, "stop_f1": None}


@dataclass(slots=True)
class Trained:
    """The outcome of training, with the trained model.

    Attributes:
        result: what is recorded.
        model: with the kept weights; None if the fit failed.
        held_out: class probabilities of the held-out images, ``[n, classes]``; None if nothing was held out.
        epoch_seconds: duration of each epoch.
        exam_seconds: seconds in which a refit classified its exam's images; None without an exam.
    """

    result: FitResult
    model: keras.Model | None = None
    held_out: Probabilities | None = None
    epoch_seconds: list[float] = field(default_factory=list)
    exam_seconds: float | None = None


@dataclass(slots=True)
class Course:
    """The course of training: its epochs, the best one (from 1), that one's weights, and a missed rung."""

    weights: Weights
    epochs: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    missed: str | None = None


def train(
    spec: FitSpec,
    data: Feed,
    architecture: Architecture,
    engines: EngineCache,
    on_epoch: EpochListener = lambda _number, _epoch, _seconds: None,
    exam: Feed | None = None,
) -> Trained:
    """Run the fit that ``spec`` describes.

    Args:
        spec: everything that decides the bits.
        data: the dataset whose fingerprint the spec names.
        architecture: the architecture whose digest the spec names.
        engines: the traces of this process.
        on_epoch: called with the epoch's number from 1, its record and its seconds.
        exam: the exam whose fingerprint the spec names, if it names one.

    Returns:
        The outcome; the result's state is "failed" if the hyperparameters made the fit impossible.

    Raises:
        MemoryError: if there was not enough memory; another machine may train the same spec.
    """
    epoch_seconds: list[float] = []
    finished: list[Epoch] = []

    def listen(number: int, epoch: Epoch, seconds: float) -> None:
        epoch_seconds.append(seconds)
        finished.append(epoch)
        on_epoch(number, epoch, seconds)

    try:
        trained = _train(spec, data, architecture, engines, listen, exam)
    except FitFailed as failure:
        failed = FitResult(key=spec.key, state="failed", reason=str(failure), epochs=tuple(finished))
        return Trained(failed, epoch_seconds=epoch_seconds)
    except tf.errors.ResourceExhaustedError as error:
        raise MemoryError(one_line(error)) from error
    return replace(trained, epoch_seconds=epoch_seconds)


def _train(
    spec: FitSpec,
    data: Feed,
    architecture: Architecture,
    engines: EngineCache,
    listen: EpochListener,
    exam: Feed | None,
) -> Trained:
    parts = Split.of_fit(spec, data.dataset).parts(spec)
    engine = _engine(spec, data.dataset, architecture, engines, parts.training)
    initial = weights_digest(engine.weights())
    try:
        course = _epochs(spec, data, engine, parts, listen)
    except (FitFailed, MemoryError, tf.errors.ResourceExhaustedError):
        raise
    except Exception as error:
        raise FitFailed(f"training failed: {one_line(error)}") from error
    best = course.epochs[course.best_epoch - 1]
    result = FitResult(
        key=spec.key,
        state="pruned" if course.missed else "complete",
        reason=course.missed,
        parts_sha256=parts.digest,
        initial_weights_sha256=initial,
        epochs=tuple(course.epochs),
        best_epoch=course.best_epoch,
        weights_sha256=best.weights_sha256,
        notes=_notes(spec, engine.model, best, course.best_epoch, len(parts.training)),
    )
    engine.restore(course.weights)
    if spec.exam is not None:
        return _examined(spec, engine, exam, result)
    if course.missed or not len(parts.held_out):
        return Trained(result, engine.model)
    probabilities = engine.probabilities(data, parts.held_out)
    scored = _scored(spec.metric, probabilities, data.dataset, parts.held_out)
    return Trained(replace(result, **scored), engine.model, probabilities)


def _examined(spec: FitSpec, engine: Engine, exam: Feed | None, result: FitResult) -> Trained:
    """Score a refit on all images of its exam."""
    if exam is None or exam.dataset.fingerprint != spec.exam:
        raise ValueError(f"the exam of this fit is {spec.exam}, and other images were given")
    start = time.perf_counter()
    everything = np.arange(len(exam.dataset.labels))
    probabilities = engine.probabilities(exam, everything)
    seconds = time.perf_counter() - start
    scored = _scored(spec.metric, probabilities, exam.dataset, everything)
    parameters = engine.model.count_params()
    return Trained(replace(result, **scored, parameters=parameters), engine.model, exam_seconds=seconds)


def _engine(
    spec: FitSpec, dataset: Dataset, architecture: Architecture, engines: EngineCache, training: Indices
) -> Engine:
    return engines.engine_for(
        architecture,
        spec.architecture_digest,
        dict(spec.hyperparameters),
        dataset,
        initialisation_seed=spec.seeds.initialisation,
        dropout_seed=spec.seeds.dropout,
        training=training,
    )


def _epochs(spec: FitSpec, data: Feed, engine: Engine, parts: Parts, listen: EpochListener) -> Course:
    """Train epoch by epoch until the stopping rule, a rung or the last epoch ends it."""
    batch_size = BATCH_SIZE.of(dict(spec.hyperparameters))
    augmented = is_augmented(dict(spec.hyperparameters))
    watch = EarlyStopping(spec.stopping) if spec.stopping else None
    rates = LearningRates(spec)
    course = Course(weights=engine.weights())
    for number in range(1, spec.epochs + 1):
        start = time.perf_counter()
        order = parts.training[permutation(derive(spec.seeds.order, number), len(parts.training))]
        rows = random_rows(derive(spec.seeds.augmentation, number), order) if augmented else None
        rate = rates.of(number)
        trained = engine.train_epoch(data, order, batch_size, parts.stop, rows, learning_rate=rate)
        if not (math.isfinite(trained.loss) and np.isfinite(trained.stop).all()):
            raise FitFailed(_diverged(number, spec))
        scores = _stop_scores(spec.metric, trained.stop, data.dataset, parts.stop) if watch else NOT_WATCHED
        weights = engine.weights()
        seen = {"loss": trained.loss, "accuracy": trained.accuracy}
        digest, rated = weights_digest(weights), rates.recorded(number)
        course.epochs.append(Epoch(**seen, **scores, weights_sha256=digest, learning_rate=rated))
        rates.watched(course.epochs[-1])
        if watch is None or watch.take(course.epochs[-1]):
            course.best_epoch, course.weights = number, weights
        listen(number, course.epochs[-1], time.perf_counter() - start)
        if watch:
            rung = missed_rung(spec.thresholds, number, watch.best_score, spec.metric)
            course.missed = None if rung is None else _missed(spec.metric, number, watch.best_score, rung)
            if course.missed or watch.should_stop:
                break
    return course


def _missed(metric: Metric, number: int, best: float, rung: Rung) -> str:
    return (
        f"its best stop-set {metric.label} by epoch {number} of the first fold was {best:.4f}, "
        f"where {rung.f1:.4f} was asked for"
    )


def _stop_scores(
    metric: Metric, probabilities: Probabilities, dataset: Dataset, stop: Indices
) -> dict[str, float]:
    """Return loss (nats), accuracy, macro-F1 and another metric of the whole stop set."""
    true = dataset.labels[stop]
    confusion = confusion_matrix(true, probabilities.argmax(axis=1), classes=len(dataset.classes))
    return {
        "stop_loss": cross_entropy(probabilities, true),
        "stop_accuracy": accuracy(confusion),
        "stop_f1": macro_f1(confusion),
        **({} if metric == MACRO_F1 else {"stop_metric": metric.score(true, probabilities)}),
    }


def _scored(
    metric: Metric, probabilities: Probabilities, dataset: Dataset, held_out: Indices
) -> dict[str, Any]:
    """Add the score of the held-out fold, from the probabilities that the kept weights give."""
    true, predicted = dataset.labels[held_out], probabilities.argmax(axis=1)
    confusion = confusion_matrix(true, predicted, classes=len(dataset.classes))
    confidences = probabilities[np.arange(len(predicted)), predicted]
    kept = probabilities.astype("<f4").tobytes()
    return {
        **({} if metric == MACRO_F1 else {"metric": metric.score(true, probabilities)}),
        **({} if metric.counts else {"probabilities": kept}),
        "probabilities_sha256": hashlib.sha256(kept).hexdigest(),
        "predictions": predicted.astype("<u2").tobytes(),
        "confidences": confidences.astype("<f4").tobytes(),
        "confusion": confusion,
        "f1": macro_f1(confusion),
    }


def cross_entropy(probabilities: Probabilities, true: npt.NDArray[np.integer]) -> float:
    """Return the mean of -log p(true class), in nats; p is taken as at least 1e-7, as Keras does."""
    chosen = probabilities[np.arange(len(true)), true].astype(np.float64)
    return float(-np.log(np.maximum(chosen, 1e-7)).mean())


def _diverged(number: int, spec: FitSpec) -> str:
    rate = dict(spec.hyperparameters)[LEARNING_RATE.name]
    return f"training diverged: the loss became NaN or infinite in epoch {number} (learning_rate {rate})"


def _notes(spec: FitSpec, model: keras.Model, best: Epoch, best_epoch: int, images: int) -> tuple[str, ...]:
    """Return a note if batch normalisation's moving averages had not settled by the best epoch."""
    steps = best_epoch * -(-images // BATCH_SIZE.of(dict(spec.hyperparameters)))
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

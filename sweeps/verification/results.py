"""The results of fits against what follows from their other parts and from the labels of the dataset."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sweeps.definition.changes import Change
from sweeps.definition.identity import Difference
from sweeps.verification.asked_fits import AskedFit
from trainer.datasets import Loaded
from trainer.fits.learning_rates import LearningRates
from trainer.fits.results import FitResult
from trainer.fits.specs import FitSpec
from trainer.fits.split import Split
from trainer.fits.stopping import EarlyStopping, missed_rung
from trainer.metrics.confusion import confusion_matrix, macro_f1
from trainer.metrics.metric import Metric

#: Name, recorded value, derived value.
Pair = tuple[str, Any, Any]


def result_differences(asked: Sequence[AskedFit], loaded: Loaded) -> list[Difference]:
    """Derive again what a fit's result implies: folds, best epoch, weights, confusion matrix and score.

    Args:
        asked: the sweep's fits.
        loaded: the sweep's images, which have the labels of the search and of the exam.
    """
    found = []
    for fit in asked:
        if fit.fold is None or fit.fold.run.result.state == "failed":
            continue
        for subject, recorded, derived in _within(fit.fold.spec, fit.fold.run.result, loaded):
            if recorded != derived:
                what = Change(subject, recorded, derived).said(
                    "recorded", "follows from the rest of the record"
                )
                found.append(Difference(subject=subject, where=fit.where, what=what))
    return found


def _within(spec: FitSpec, result: FitResult, loaded: Loaded) -> Iterator[Pair]:
    """Yield each value of a result that its spec, its other values and the labels imply."""
    dataset, exam = loaded.search, loaded.exam
    split = Split.of_fit(spec, dataset)
    yield "folds and stop set", result.parts_sha256, split.parts(spec).digest
    if spec.stopping is not None:
        yield from _epochs(spec, EarlyStopping(spec.stopping), result)
    elif result.state == "complete":
        yield from _of_all_epochs(spec, result)
    yield from _rates(spec, result)
    if result.state == "complete" and spec.fold is not None:
        held_out = split.held_out(spec.fold)
        yield from _predictions(result, dataset.labels[held_out], len(dataset.classes))
        yield from _scores(spec.metric, result, dataset.labels[held_out])
    if spec.exam is not None and result.state == "complete":
        yield "exam", spec.exam, None if exam is None else exam.fingerprint
        if exam is not None:
            yield from _predictions(result, exam.labels, len(exam.classes))
            yield from _scores(spec.metric, result, exam.labels)


def _scores(metric: Metric, result: FitResult, labels: npt.NDArray[np.int32]) -> Iterator[Pair]:
    """Yield what the confusion matrix implies, or the probabilities if the metric needs them."""
    if metric.counts:
        yield "score", result.score, metric.of(result.confusion)
    yield "macro-F1", result.f1, macro_f1(result.confusion)
    if metric.counts:
        return
    found = result.class_probabilities()
    yield "number of probabilities", len(found), len(labels)
    if len(found) == len(labels):
        yield "probabilities", result.probabilities_sha256, hashlib.sha256(result.probabilities).hexdigest()
        yield "score", result.score, metric.score(labels, found)


def _epochs(spec: FitSpec, watch: EarlyStopping, result: FitResult) -> Iterator[Pair]:
    """Yield what the stop set's scores decide."""
    missed = None
    for number, epoch in enumerate(result.epochs, start=1):
        watch.take(epoch)
        missed = missed or missed_rung(spec.thresholds, number, watch.best_score, spec.metric)
    yield "state", result.state, "complete" if missed is None else "pruned"
    yield "best epoch", result.best_epoch, watch.best_epoch
    if watch.best_epoch:
        yield "weights", result.weights_sha256, result.epochs[watch.best_epoch - 1].weights_sha256


def _of_all_epochs(spec: FitSpec, result: FitResult) -> Iterator[Pair]:
    """Yield what follows without a stop set: all epochs are trained, and the last one's weights kept."""
    yield "number of epochs", len(result.epochs), spec.epochs
    yield "best epoch", result.best_epoch, spec.epochs
    if result.epochs:
        yield "weights", result.weights_sha256, result.epochs[-1].weights_sha256


def _rates(spec: FitSpec, result: FitResult) -> Iterator[Pair]:
    """Yield the learning rate of each epoch."""
    followed = LearningRates(spec)
    for number, epoch in enumerate(result.epochs, start=1):
        yield f"learning rate of epoch {number}", epoch.learning_rate, followed.recorded(number)
        followed.watched(epoch)


def _predictions(result: FitResult, labels: npt.NDArray[np.int32], classes: int) -> Iterator[Pair]:
    """Yield what the predictions of the held-out images imply; the earliest records have none."""
    if not result.predictions:
        return
    predicted = result.predicted_classes()
    yield "number of predictions", len(predicted), len(labels)
    yield "number of confidences", len(result.confidences) // 4, len(labels)
    if len(predicted) == len(labels) and max(predicted, default=0) < classes:
        yield "confusion matrix", result.confusion, confusion_matrix(labels, predicted, classes=classes)

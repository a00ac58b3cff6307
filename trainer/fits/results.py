"""The result of one fit: plain, frozen, comparable byte for byte. Times are kept apart."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np
import numpy.typing as npt

from trainer.canonical import optional
from trainer.fits.environment import Environment
from trainer.metrics.confusion import Confusion

#: "failed" if the hyperparameters made a fit impossible, "pruned" if it missed a rung.
FitState = Literal["complete", "failed", "pruned"]


class StopCause(StrEnum):
    """What was lacking when a fit was stopped from outside. Such a fit has no bits to compare.

    A machine with more memory, or a faster one, may train the same fit.
    """

    MEMORY = "memory"
    TIME = "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One epoch: means over the images seen in training, and the stop set scored after it.

    Losses are in nats; accuracies and macro-F1 in [0, 1]. Without a stop set (a refit) the stop values are
    None. ``learning_rate`` is recorded if a schedule changes it, ``stop_metric`` if the sweep's metric is
    another one than macro-F1.
    """

    loss: float
    accuracy: float
    stop_loss: float | None
    stop_accuracy: float | None
    stop_f1: float | None
    weights_sha256: str
    learning_rate: float | None = optional(None)
    stop_metric: float | None = optional(None)

    @property
    def stop_score(self) -> float | None:
        """The stop set's value of the sweep's metric; None without a stop set."""
        return self.stop_f1 if self.stop_metric is None else self.stop_metric


@dataclass(frozen=True, slots=True, kw_only=True)
class FitResult:
    """The outcome of one fit.

    Attributes:
        key: the spec's key.
        state: "complete"; "failed" if the hyperparameters made it impossible; "pruned" if it missed a rung of
            its thresholds: then its held-out fold was not scored.
        reason: why it failed or was pruned, one line; None otherwise.
        parts_sha256: of the indices that were trained on, watched and held out.
        initial_weights_sha256: of all weights before the first step.
        epochs: every epoch that was trained, in order.
        best_epoch: the epoch (from 1) whose weights were kept; of a pruned fit the best so far; 0 if failed.
        weights_sha256: of the weights after that epoch.
        probabilities_sha256: of the held-out class probabilities (float32), bit for bit. Of a refit that is
            scored on an exam, this and what follows are of all the exam's images.
        predictions: predicted class of each held-out image in ascending index, little-endian uint16.
        confidences: probability of that class, little-endian float32.
        confusion: counts, rows true classes, columns predicted ones.
        f1: macro-F1 of the held-out fold, in [0, 1]; None if none was scored.
        notes: what a reader of the result should know, one sentence each.
        parameters: number of the network's weights; None if it was not counted.
        metric: the held-out fold's value of the sweep's metric, if that is another one than macro-F1.
        probabilities: of all classes for each held-out image, ``[n, classes]`` little-endian float32, if the
            sweep's metric needs them.
    """

    key: str
    state: FitState
    reason: str | None = None
    parts_sha256: str = ""
    initial_weights_sha256: str = ""
    epochs: tuple[Epoch, ...] = ()
    best_epoch: int = 0
    weights_sha256: str = ""
    probabilities_sha256: str = ""
    predictions: bytes = b""
    confidences: bytes = b""
    confusion: Confusion = ()
    f1: float | None = None
    notes: tuple[str, ...] = ()
    parameters: int | None = optional(None)
    metric: float | None = optional(None)
    probabilities: bytes = optional(b"")

    @property
    def score(self) -> float | None:
        """The held-out fold's value of the sweep's metric; None if none was scored."""
        return self.f1 if self.metric is None else self.metric

    def predicted_classes(self) -> npt.NDArray[np.int64]:
        """Return the predicted classes of the held-out images, ``[n]``."""
        return np.frombuffer(self.predictions, dtype="<u2").astype(np.int64)

    def predicted_confidences(self) -> npt.NDArray[np.float64]:
        """Return the probability of each predicted class, ``[n]``, in [0, 1]."""
        return np.frombuffer(self.confidences, dtype="<f4").astype(np.float64)

    def class_probabilities(self) -> npt.NDArray[np.float32]:
        """Return the probabilities of all classes, ``[n, classes]``, in [0, 1]; no row if none were kept."""
        return np.frombuffer(self.probabilities, dtype="<f4").reshape(-1, len(self.confusion))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When and where a fit ran: never part of a digest.

    Attributes:
        started_at: POSIX seconds.
        ended_at: POSIX seconds.
        epoch_seconds: wall-clock seconds of each epoch, its scoring included.
        host: name of the machine.
        worker: what the worker calls itself.
        exam_seconds: wall-clock seconds in which a refit classified its exam's images; None without an exam.
    """

    started_at: float
    ended_at: float
    epoch_seconds: tuple[float, ...] = ()
    host: str = ""
    worker: str = ""
    exam_seconds: float | None = optional(None)

    @property
    def seconds(self) -> float:
        """Wall-clock seconds from start to end."""
        return self.ended_at - self.started_at


@dataclass(frozen=True, slots=True, kw_only=True)
class FitRun:
    """A result with its time and place.

    Attributes:
        result: the outcome.
        timing: when and where the fit ran.
        environment: the software and machine that it ran on.
        stopped_for: what was lacking, if the fit was stopped from outside (its state is "failed" then).
    """

    result: FitResult
    timing: Timing
    environment: Environment
    stopped_for: StopCause | None = None

"""The jobs of a training process: the function that runs one, and what the process keeps between them.

TensorFlow is imported once, datasets are memory-mapped and copied to the device once, traces are kept. None
of this changes a bit: a fresh process returns the same result.
"""

import os
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.architectures import Architecture, built_in, load_user
from trainer.datasets import open_stored
from trainer.fits.names import fit_name
from trainer.fits.results import Epoch, FitResult, FitRun, StopCause, Timing
from trainer.fits.specs import FitSpec
from trainer.runtime import determinism
from trainer.runtime.environment import environment, of_training
from trainer.user_code import UserSource
from trainer.user_code.declared import opened_in_training, opened_while_training

if TYPE_CHECKING:
    from trainer.engine.engine import EngineCache
    from trainer.engine.feed import Feed
    from trainer.engine.fit import Trained

EpochListener = Callable[[int, Epoch, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Paths of the files to keep of a trained model.

    Attributes:
        weights: output, an ``.npz`` of the weights as arrays named ``"0"``, ``"1"``, ... in their order.
        images: input, an ``.npy`` of raw pixels, ``[n, height, width, channels]``.
        probabilities: output, an ``.npy`` of the trained model's probabilities for ``images``,
            ``[n, classes]`` float32.
    """

    weights: str
    images: str
    probabilities: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A fit, and where its dataset and code are.

    Attributes:
        spec: the fit.
        dataset: folder of the stored dataset.
        source: the code of a user's architecture, or None for a built-in one.
        memory: bytes that the images may take in this process; a larger dataset is read batch by batch.
        seconds: time limit of the fit, above 0; None for no limit.
        keep: files to keep of the trained model, or None as in a sweep.
        held_out: output, an ``.npy`` of the class probabilities of the held-out images, ``[n, classes]``
            float32; None in a sweep, whose record has only their digest.
        trial: number of the fit's trial, for messages; None if there is none.
        exam: folder of the stored exam that the spec names; None without one.
    """

    spec: FitSpec
    dataset: str
    source: UserSource | None = None
    memory: int | None = None
    seconds: float | None = None
    keep: Keep | None = None
    held_out: str | None = None
    trial: int | None = None
    exam: str | None = None

    @property
    def name(self) -> str:
        """The fit's name in messages, such as ``resnet/3 fold 2``."""
        return fit_name(self.spec, self.trial)


def run(job: Job, on_epoch: EpochListener = lambda _number, _epoch, _seconds: None) -> FitRun:
    """Run one fit in this process, which must have been started with ``runtime.training_environment()``."""
    determinism.prepare()
    determinism.check(job.spec)
    started_at = time.time()
    data = data_of(job.dataset, job.memory)
    architecture = architecture_of(job.spec.architecture, job.source, job.spec.architecture_digest)
    trained = _trained(job, data, architecture, on_epoch)
    if job.keep is not None and trained.model is not None:
        _keep(trained.model, job.keep)
    if job.held_out is not None and trained.held_out is not None:
        np.save(job.held_out, trained.held_out)
    timing = Timing(
        started_at=started_at,
        ended_at=time.time(),
        epoch_seconds=tuple(trained.epoch_seconds),
        host=socket.gethostname(),
        worker=str(os.getpid()),
        exam_seconds=trained.exam_seconds,
    )
    return FitRun(result=trained.result, timing=timing, environment=environment())


def _trained(job: Job, data: "Feed", architecture: Architecture, on_epoch: EpochListener) -> "Trained":
    """Train; a fit of a user's code fails if that opens a file which no key knows of."""
    from trainer.engine.fit import Trained, train

    exam = None if job.exam is None else data_of(job.exam, job.memory)
    if job.source is None:
        return train(job.spec, data, architecture, engines(), on_epoch, exam)
    opened = opened_in_training(job.spec.architecture_digest)
    with opened.watched():
        trained = train(job.spec, data, architecture, engines(), on_epoch, exam)
    undeclared = opened.undeclared()
    if not undeclared or trained.result.state == "failed":
        return trained
    reason = opened_while_training(job.source.spec, job.spec.architecture, undeclared[0])
    return Trained(FitResult(key=job.spec.key, state="failed", reason=reason))


def out_of_memory(spec: FitSpec, what: str, times: int, started_at: float) -> FitRun:
    """Return the failed run of a fit that has run out of memory ``times`` times."""
    advice = "use fewer workers, a smaller batch_size or a smaller network"
    reason = f"ran out of memory {times} times ({what}): {advice}"
    return _given_up(spec, StopCause.MEMORY, reason, started_at)


def out_of_time(job: Job, started_at: float) -> FitRun:
    """Return the failed run of a fit that has exceeded its time limit."""
    limit = f"{(job.seconds or 0.0) / 60:g} min (limits.fit_minutes)"
    advice = "raise the limit, or use a smaller network or fewer epochs"
    return _given_up(job.spec, StopCause.TIME, f"was stopped after {limit}: {advice}", started_at)


def minutes_of(reason: str) -> float | None:
    """Return the time limit in the reason of a fit that was stopped, in minutes; None if it has none.

    >>> minutes_of("was stopped after 2.5 min (limits.fit_minutes): raise the limit")
    2.5
    """
    found = re.match(r"was stopped after ([0-9.e+-]+) min \(limits\.fit_minutes\): ", reason)
    try:
        return float(found[1]) if found else None
    except ValueError:
        return None


def is_stop(reason: str) -> bool:
    """Tell whether the reason of a failed fit is that of one that was stopped from outside."""
    return reason.startswith(("was stopped after ", "ran out of memory "))


def _given_up(spec: FitSpec, cause: StopCause, reason: str, started_at: float) -> FitRun:
    return FitRun(
        result=FitResult(key=spec.key, state="failed", reason=reason),
        timing=Timing(started_at=started_at, ended_at=time.time(), host=socket.gethostname()),
        environment=of_training(),
        stopped_for=cause,
    )


def _keep(model: Any, keep: Keep) -> None:
    """Write the weights and the probabilities for the images, of the model as it is after training."""
    arrays = {str(index): variable.numpy() for index, variable in enumerate(model.weights)}
    np.savez(keep.weights, allow_pickle=False, **arrays)
    images = np.load(keep.images, mmap_mode="r")
    # In parts of whole batches: Keras would copy all of them into memory. The batches stay what they are.
    starts = range(0, len(images), 8 * 256)
    parts = [model.predict(np.array(images[at : at + 8 * 256]), batch_size=256, verbose=0) for at in starts]
    np.save(keep.probabilities, np.concatenate(parts))


@lru_cache(maxsize=2)
def data_of(folder: str, memory: int | None = None) -> "Feed":
    """Return the stored dataset, on the device if its images fit into ``memory`` bytes."""
    from trainer.engine.feed import feed

    return feed(open_stored(Path(folder)), memory)


@lru_cache(maxsize=1)
def engines() -> "EngineCache":
    """Return this process's traces."""
    from trainer.engine.engine import EngineCache

    return EngineCache()


@lru_cache(maxsize=16)
def architecture_of(name: str, source: UserSource | None, digest: str) -> Architecture:
    """Return the architecture, built in or the user's.

    Raises:
        Mismatch: if the user's source has another digest; none of it was imported then.
    """
    return built_in(name) if source is None else load_user(source, name=name, digest=digest)

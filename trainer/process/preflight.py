"""Tries out what a sweep will do, for ``refold doctor``, in a training process of its own.

Reads a request (JSON) on standard input and prints one answer (JSON) a line: first the environment of the
process, then the result of real training steps of each architecture. Each line is printed at once, so that
the caller knows which architecture crashed the process. Start it with
``trainer.runtime.determinism.training_environment()``.
"""

import json
import math
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from trainer.architectures import Architecture
from trainer.fits.seeds import derive, permutation
from trainer.hyperparameters import Hyperparameters
from trainer.process.jobs import architecture_of, data_of, engines
from trainer.process.preflight_messages import (
    PreflightRequest,
    StepAnswer,
    StepFailed,
    StepPassed,
    StepRequest,
)
from trainer.recipe.augmentation import is_augmented, random_rows
from trainer.recipe.table import BATCH_SIZE
from trainer.runtime import determinism
from trainer.runtime.environment import environment
from trainer.runtime.lifeline import end_with_parent
from trainer.runtime.memory import peak_bytes

#: Training steps of each architecture: the second step begins with the weights and slots of the first.
STEPS = 2

#: TensorFlow's message that an op has no deterministic implementation.
NOT_DETERMINISTIC = re.compile(r"determinis(m|tic)", re.IGNORECASE)


def answers(request: PreflightRequest) -> Iterator[dict[str, object]]:
    """Answer one request, part by part.

    Yields:
        ``{"process": ...}``, the ``Environment`` of this process; then a ``StepAnswer`` for each
        architecture; both as JSON data.
    """
    determinism.prepare()
    yield {"process": environment().to_json()}
    for asked in request.architectures:
        outcome = step(asked, request.dataset)
        yield StepAnswer(name=asked.name, outcome=outcome, peak_bytes=peak_bytes()).to_json()


def step(asked: StepRequest, dataset: str) -> StepPassed | StepFailed:
    """Train an architecture for two batches, twice from the same seeds."""
    try:
        architecture = architecture_of(asked.name, asked.source, asked.digest)
        begun = time.perf_counter()
        first, _, _ = _trained(architecture, asked.hyperparameters, dataset)
        traced = time.perf_counter()
        again, loss, seconds = _trained(architecture, asked.hyperparameters, dataset)
        tracing = max(0.0, 2 * traced - begun - time.perf_counter())
    except Exception as error:  # noqa: BLE001 - any exception is a result
        return failure(error)
    return StepPassed(repeats=first == again, finite=math.isfinite(loss), seconds=seconds, tracing=tracing)


def _trained(
    architecture: Architecture, hyperparameters: Hyperparameters, dataset: str
) -> tuple[tuple[str, ...], float, float]:
    """Train for a few steps as a fit does; return digests of weights and probabilities, loss, seconds."""
    from trainer.engine.engine import SCORING_BATCH, weights_digest

    data = data_of(dataset)
    engine = engines().engine_for(
        architecture,
        architecture.name,
        hyperparameters,
        data.dataset,
        initialisation_seed=derive(0, "initialisation"),
        dropout_seed=derive(0, "dropout"),
    )
    initial = weights_digest(engine.weights())
    batch_size, images = BATCH_SIZE.of(hyperparameters), len(data.dataset.labels)
    order = permutation(derive(0, "order"), images)[: STEPS * batch_size]
    rows = random_rows(derive(0, "augmentation"), order) if is_augmented(hyperparameters) else None
    start = time.perf_counter()
    epoch = engine.train_epoch(data, order, batch_size, order[:SCORING_BATCH], rows)
    seconds = time.perf_counter() - start
    return (initial, weights_digest(engine.weights()), weights_digest([epoch.stop])), epoch.loss, seconds


def failure(error: BaseException) -> StepFailed:
    """Describe why a step failed. TensorFlow's messages have the cause last, after a list of source lines."""
    text = str(error)
    node = re.search(r"\{\{node ([^}]+)\}\}", text) or re.search(r"\[Op:(\w+)\]", text)
    places = re.findall(r'File "([^"]+)", line (\d+)', text)
    own = [f"{Path(file).name} line {line}" for file, line in places if "site-packages" not in file]
    said = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in said if not line.startswith(("File ", "[["))] or [type(error).__name__]
    about_determinism = [line for line in said if NOT_DETERMINISTIC.search(line)]
    where = (
        f" ({own[-1]})" if own and own[-1].split()[0] not in ("preflight.py", "engine.py", "model.py") else ""
    )
    return StepFailed(
        error=f"{(about_determinism or said)[-1][:300]}{where}",
        deterministic=not about_determinism,
        node=node.group(1) if node else None,
    )


def main() -> None:
    """Answer one request. What TensorFlow or a user's module prints goes to standard error."""
    end_with_parent()
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for answer in answers(PreflightRequest.from_json(json.load(sys.stdin))):
        lines.write(json.dumps(answer) + "\n")
        lines.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

"""Tries out what a sweep will do, for ``refold doctor``, in a training process of its own.

Reads a request (JSON) on standard input and prints one answer (JSON) a line: first what the process found
itself to be, then one real training step of each architecture. A line is printed as soon as it is known, so
that whoever asked can tell which architecture brought the process down. Start it with
``trainer.runtime.determinism.training_environment()``.
"""

import json
import math
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trainer.architectures import Architecture
from trainer.fits.recipe import BATCH_SIZE
from trainer.fits.seeds import derive, permutation
from trainer.hyperparameters import Hyperparameters
from trainer.process.jobs import architecture_of, data_of, engines
from trainer.runtime import determinism
from trainer.runtime.memory import peak_bytes
from trainer.user_code import UserSource

#: Training steps of each architecture: the second one runs on what the first one left.
STEPS = 2

#: How TensorFlow says that an op cannot keep what op determinism asks for.
NOT_DETERMINISTIC = re.compile(r"determinis(m|tic)", re.IGNORECASE)


def answers(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Answer one request, part by part.

    Args:
        request: ``dataset`` (folder of a stored dataset) and ``architectures``, each with ``name``,
            ``source`` (of a user's architecture, or None), its ``digest`` and ``hyperparameters``.

    Yields:
        ``{"process": observed()}``, then what ``step`` returns for each architecture with its ``name`` and
        ``peak_bytes``, the most memory that the process has held until then.
    """
    determinism.prepare()
    yield {"process": observed()}
    for asked in request["architectures"]:
        answer = step(asked, request["dataset"])
        yield {"name": asked["name"], "peak_bytes": peak_bytes(), **answer}


def observed() -> dict[str, Any]:
    """Return which switches this process really has, and the variables it was born with that decide bits."""
    names = (*determinism.ENVIRONMENT, *determinism.FORBIDDEN)
    return determinism.switches() | {
        "variables": {name: os.environ[name] for name in names if name in os.environ}
    }


def step(asked: Mapping[str, Any], dataset: str) -> dict[str, Any]:
    """Train an architecture for two batches, twice from the same seeds.

    Returns:
        ``ok``; if not, ``error`` (one line), ``node`` (the op at fault, or None) and ``deterministic``
        (whether the error is about something else than op determinism). Otherwise ``repeats`` (whether both
        times left the same weights and gave the same probabilities), ``finite`` (whether the loss was a
        number) and ``seconds`` of the second time, which need not trace.
    """
    try:
        source = None if asked["source"] is None else UserSource.from_json(asked["source"])
        architecture = architecture_of(asked["name"], source, asked["digest"])
        first, _, _ = _trained(architecture, asked["hyperparameters"], dataset)
        again, loss, seconds = _trained(architecture, asked["hyperparameters"], dataset)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        return failure(error)
    return {"ok": True, "repeats": first == again, "finite": math.isfinite(loss), "seconds": seconds}


def _trained(
    architecture: Architecture, hyperparameters: Hyperparameters, dataset: str
) -> tuple[tuple[str, ...], float, float]:
    """Train for a few steps as a fit does; return digests of all that came out, the loss, the seconds."""
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
    start = time.perf_counter()
    epoch = engine.train_epoch(data, order, batch_size, order[:SCORING_BATCH])
    seconds = time.perf_counter() - start
    return (initial, weights_digest(engine.weights()), weights_digest([epoch.stop])), epoch.loss, seconds


def failure(error: BaseException) -> dict[str, Any]:
    """Describe why a step failed: TensorFlow says it last, after the places it came through."""
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
    return {
        "ok": False,
        "error": f"{(about_determinism or said)[-1][:300]}{where}",
        "node": node.group(1) if node else None,
        "deterministic": not about_determinism,
    }


def main() -> None:
    """Answer one request. What TensorFlow or a user's module prints goes to standard error."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for answer in answers(json.load(sys.stdin)):
        lines.write(json.dumps(answer) + "\n")
        lines.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

"""Trains a model on all training data and saves it: ``python -m trainer.refit``, a process of its own.

Reads a request (JSON) on standard input, writes the model file and the probabilities it gives for some
images, and prints a report (JSON). Start it with ``trainer.runtime.training_environment()``.
"""

import contextlib
import json
import os
import sys
from typing import Any

import numpy as np

from trainer import runtime
from trainer.architectures import UserSource
from trainer.specs import FitSpec
from trainer.worker import architecture_of, data_of, engines


def refit(request: dict[str, Any]) -> dict[str, Any]:
    """Train, save and score as ``request`` says.

    Args:
        request: ``spec`` (a FitSpec without a held-out fold), ``dataset`` (folder of the stored dataset),
            ``source`` (of a user's architecture, or None), ``model`` (where to save the ``.keras`` file),
            ``images`` (an ``.npy`` file) and ``probabilities`` (where to write what it gives).

    Returns:
        ``state``, ``reason``, ``initial_weights_sha256``, ``weights_sha256``, ``epochs`` (loss and accuracy
        of each) and ``notes``.
    """
    runtime.prepare()
    from trainer.fit import train  # imports TensorFlow, after its environment was checked

    spec = FitSpec.from_json(request["spec"])
    runtime.check(spec)
    source = None if request["source"] is None else UserSource.from_json(request["source"])
    data = data_of(request["dataset"])
    trained = train(spec, data, architecture_of(spec.architecture, source), engines())
    if trained.model is not None:
        trained.model.save(request["model"])
        images = np.load(request["images"], mmap_mode="r")
        np.save(request["probabilities"], trained.model.predict(images, batch_size=256, verbose=0))
    result = trained.result
    return {
        "state": result.state,
        "reason": result.reason,
        "initial_weights_sha256": result.initial_weights_sha256,
        "weights_sha256": result.weights_sha256,
        "epochs": [{"loss": epoch.loss, "accuracy": epoch.accuracy} for epoch in result.epochs],
        "notes": list(result.notes),
    }


def main() -> None:
    """Answer one request. What TensorFlow or a user's module prints goes to standard error."""
    request = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        report = refit(request)
    print(json.dumps(report))  # noqa: T201 - this is the answer
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

"""A finished fit as JSON text and two blobs, and back, without losing a bit."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from trainer.canonical import canonical_json, recorded
from trainer.fits.environment import Environment
from trainer.fits.results import Epoch, FitResult, FitRun, StopCause, Timing
from trainer.hyperparameters import Value
from trainer.json_shape import check


def encode_run(run: FitRun) -> tuple[str, bytes, bytes]:
    """Return the run as JSON, its predictions, and its confidences or all of its probabilities."""
    result = run.result
    plain = replace(result, predictions=b"", confidences=b"", probabilities=b"")
    data: dict[str, object] = {
        "result": {k: v for k, v in recorded(plain).items() if k not in ("predictions", "confidences")},
        "timing": recorded(run.timing),
        "environment": run.environment.to_json(),
    }
    if result.probabilities:
        data["packed"] = "probabilities"
    if result.state == "failed":
        data["stopped_for"] = run.stopped_for
    return canonical_json(data), result.predictions, result.probabilities or result.confidences


def decode_hyperparameters(text: str, trial: str) -> dict[str, Value]:
    """Return a trial's hyperparameters.

    Args:
        text: JSON.
        trial: the trial's name, for the error.

    Raises:
        ValueError: if they are damaged.
    """
    found: dict[str, Value] = json.loads(text)
    check(Mapping[str, bool | int | float | str], found, trial)
    return found


def decode_run(text: str, predictions: bytes, confidences: bytes) -> FitRun:
    """Return the run that ``encode_run`` was given."""
    data: dict[str, Any] = json.loads(text)
    result = data["result"] | {
        "epochs": tuple(Epoch(**epoch) for epoch in data["result"]["epochs"]),
        "confusion": tuple(tuple(row) for row in data["result"]["confusion"]),
        "notes": tuple(data["result"]["notes"]),
        "predictions": predictions,
        "confidences": confidences,
    }
    if data.get("packed") == "probabilities":
        result |= _with_confidences(predictions, confidences, classes=len(result["confusion"]))
    timing = data["timing"] | {"epoch_seconds": tuple(data["timing"]["epoch_seconds"])}
    return FitRun(
        result=FitResult(**result),
        timing=Timing(**timing),
        environment=Environment.from_json(data["environment"]),
        stopped_for=_stop_cause(data),
    )


def _with_confidences(predictions: bytes, packed: bytes, *, classes: int) -> dict[str, bytes]:
    """Return all probabilities that were kept, and confidences, which are among them."""
    predicted = np.frombuffer(predictions, dtype="<u2")
    probabilities = np.frombuffer(packed, dtype="<f4").reshape(len(predicted), classes)
    chosen = probabilities[np.arange(len(predicted)), predicted]
    return {"confidences": chosen.tobytes(), "probabilities": packed}


def _stop_cause(data: Mapping[str, Any]) -> StopCause | None:
    """Return what the fit lacked. Early records of refold 0.1 have it only in the text of the reason."""
    if "stopped_for" in data:
        return None if data["stopped_for"] is None else StopCause(data["stopped_for"])
    reason = data["result"]["reason"] or ""
    if data["result"]["state"] == "failed" and reason.startswith("ran out of memory "):
        return StopCause.MEMORY
    if data["result"]["state"] == "failed" and reason.startswith("was stopped after "):
        return StopCause.TIME
    return None

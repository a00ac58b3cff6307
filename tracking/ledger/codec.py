"""A finished fit as JSON text and two blobs, and back, without losing a bit."""

import json
from dataclasses import asdict, replace
from typing import Any

from trainer.canonical import canonical_json
from trainer.fits.results import Epoch, FitResult, FitRun, Timing


def encode_run(run: FitRun) -> tuple[str, bytes, bytes]:
    """Return the run as JSON, its predictions and its confidences."""
    result = run.result
    plain = replace(result, predictions=b"", confidences=b"")
    data = {
        "result": {k: v for k, v in asdict(plain).items() if k not in ("predictions", "confidences")},
        "timing": asdict(run.timing),
        "environment": dict(run.environment),
    }
    return canonical_json(data), result.predictions, result.confidences


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
    timing = data["timing"] | {"epoch_seconds": tuple(data["timing"]["epoch_seconds"])}
    return FitRun(result=FitResult(**result), timing=Timing(**timing), environment=data["environment"])

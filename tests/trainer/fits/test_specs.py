"""Specs: everything that decides bits is in the key, and nothing is lost in JSON."""

import json
from dataclasses import fields, replace
from typing import Any

import pytest

from tests.closed_formula import plan
from trainer.fits.specs import FitSpec, Rung, Stopping, Thresholds

PLAN = plan()
SPEC = PLAN.fit_specs(PLAN.architectures[0], 0, {"learning_rate": 1e-3, "batch_size": 32})[0]

OTHER: dict[str, Any] = {
    "dataset": "e" * 64,
    "architecture": "beta",
    "architecture_digest": "beta",
    "hyperparameters": (("batch_size", 32), ("learning_rate", 0.0010000000000000002)),
    "folds": 4,
    "repeat": 1,
    "fold": None,
    "seeds": replace(SPEC.seeds, dropout=SPEC.seeds.dropout + 1),
    "epochs": 6,
    "stopping": Stopping(patience=6),
    "thresholds": Thresholds(rungs=(Rung(epoch=2, f1=0.5),)),
    "platform": (("tensorflow", "9.9"),),
    "precision": "bfloat16",
    "threads": 2,
    "device": "gpu",
    "procedure": 99,
    "exam": "e" * 64,
    "horizon": 9,
    "reductions": (3,),
    "metric_name": "accuracy",
}


@pytest.mark.parametrize("field", [field.name for field in fields(FitSpec)])
def test_every_field_changes_the_key(field: str) -> None:
    """Whatever decides bits names another fit."""
    assert replace(SPEC, **{field: OTHER[field]}).key != SPEC.key


def test_json_brings_back_the_same_spec() -> None:
    """Through text and back nothing changes, the key included."""
    again = FitSpec.from_json(json.loads(json.dumps(SPEC.to_json())))
    assert again == SPEC
    assert again.key == SPEC.key
    refit = replace(SPEC, fold=None, stopping=None)
    assert FitSpec.from_json(json.loads(json.dumps(refit.to_json()))) == refit

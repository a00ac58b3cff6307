"""Canonical data: one form for one value; parts that came later change nothing while left alone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import pytest

from tests.closed_formula import plan
from trainer.canonical import canonical_json, digest, optional, optional_of, optional_parts, recorded
from trainer.fits.specs import FitSpec, Stopping

PLAN = plan()
SPEC = PLAN.fit_specs(PLAN.architectures[0], 0, {"learning_rate": 1e-3, "batch_size": 32})[0]


@dataclass(frozen=True, kw_only=True)
class Flips:
    """Made up: what a later version may add."""

    chance: float = 0.5
    upside_down: bool = optional(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterStopping(Stopping):
    """Made up: a stopping rule with a part that today's has not."""

    warm_up: int = optional(0)


@dataclass(frozen=True, kw_only=True)
class LaterSpec(FitSpec):
    """Made up: a fit with parts that today's has not."""

    flips: Flips = optional(Flips())
    clip: float | None = optional(None)


def later(**more: Any) -> LaterSpec:
    """Today's fit, as a later version sees it."""
    stopping = {name.name: getattr(SPEC.stopping, name.name) for name in fields(Stopping)}
    stopping |= more.pop("stopping", {})
    today = {field.name: getattr(SPEC, field.name) for field in fields(FitSpec)}
    return LaterSpec(**{**today, "stopping": LaterStopping(**stopping), **more})


def test_parts_that_came_later_keep_the_keys_of_before() -> None:
    """At their defaults they are absent, however deep they lie."""
    assert later().key == SPEC.key
    assert canonical_json(later().to_json()) == canonical_json(SPEC.to_json())


@pytest.mark.parametrize(
    "more",
    [
        {"clip": 1.0},
        {"flips": Flips(chance=0.25)},
        {"flips": Flips(upside_down=True)},
        {"stopping": {"warm_up": 2}},
    ],
)
def test_parts_that_came_later_count_once_they_are_used(more: Mapping[str, Any]) -> None:
    """Whatever decides bits names another fit."""
    assert later(**more).key != SPEC.key
    assert len({later().key, later(**more).key, later(clip=2.0).key}) == 3


def test_a_part_that_is_absent_is_read_as_its_default() -> None:
    """A record of before is complete; one of today gives back what it was given."""
    before: Any = LaterSpec.from_json(json.loads(json.dumps(SPEC.to_json())))
    assert (before.clip, before.flips, before.key) == (None, Flips(), SPEC.key)
    again = json.loads(json.dumps(later(clip=0.5).to_json()))
    assert LaterSpec.from_json(again).key == later(clip=0.5).key
    assert optional_of(LaterSpec, again) == optional_parts(later(clip=0.5)) == {"clip": 0.5}
    assert optional_of(LaterSpec, SPEC.to_json()) == optional_parts(later()) == {}


def test_todays_parts_stay_in_the_record() -> None:
    """Their absence would be another key, default or not."""
    later = ("exam", "horizon", "reductions", "metric_name")
    assert optional_parts(SPEC) == {}
    assert list(SPEC.to_json()) == [field.name for field in fields(FitSpec) if field.name not in later]
    assert set(recorded(Stopping())) == {field.name for field in fields(Stopping)} - {"watch"}


def test_a_plans_device_is_the_first_optional_part() -> None:
    """Sweeps of before there were GPUs do not say what they were trained on."""
    assert "device" not in PLAN.identity()
    assert optional_parts(PLAN) == {}


def test_canonical_json_has_one_form() -> None:
    """Order of keys and kind of sequence do not show; a NaN is refused."""
    assert canonical_json({"b": (1, 2), "a": 0.1}) == canonical_json({"a": 0.1, "b": [1, 2]})
    assert digest({"a": 1}) != digest({"a": 1.5})
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json(float("nan"))

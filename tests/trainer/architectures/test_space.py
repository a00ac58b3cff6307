"""Search spaces as JSON and TOML write them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.architectures import BUILT_IN
from trainer.hyperparameters import SHARED_SPACE, Choice, Fixed, Float, Integer
from trainer.limits import REAL, WHOLE
from trainer.space_json import range_from_json, range_to_json, space_from_json, space_to_json

finite = st.floats(-REAL.most, REAL.most)
whole = st.integers(-WHOLE.most, WHOLE.most)
names = st.text(min_size=1, max_size=5)


@st.composite
def ranges(draw: Any) -> Any:
    """Any possible range."""
    kind = draw(st.sampled_from(["float", "log", "integer", "log integer", "choice", "fixed"]))
    if kind in ("float", "log"):
        numbers = st.floats(min_value=1e-9, max_value=1e9) if kind == "log" else finite
        low, high = sorted((draw(numbers), draw(numbers)))
        return Float(low=low, high=high, log=kind == "log")
    if kind == "log integer":
        low = draw(st.integers(1, 1000))
        return Integer(low=low, high=low + draw(st.integers(0, 1000)), log=True)
    if kind == "integer":
        low, step = draw(st.integers(-1000, 1000)), draw(st.integers(1, 9))
        return Integer(low=low, high=low + step * draw(st.integers(0, 99)), step=step)
    if kind == "choice":
        return Choice(tuple(draw(st.lists(st.one_of(names, whole, finite), min_size=1, unique=True))))
    return Fixed(draw(st.one_of(names, st.booleans(), whole, finite)))


@given(ranges())
def test_a_range_comes_back_from_json_as_it_was(values: Any) -> None:
    """What is written as JSON text is read as the same range, of the same types."""
    back = range_from_json(json.loads(json.dumps(range_to_json(values))))
    assert back == values
    assert repr(back) == repr(values), "1 and 1.0 are equal, but not the same hyperparameter"


def test_all_spaces_of_refold_come_back() -> None:
    """The shared space and the six own ones survive JSON."""
    for space in [SHARED_SPACE, *(architecture.space for architecture in BUILT_IN.values())]:
        assert space_from_json(json.loads(json.dumps(space_to_json(space)))) == space


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"low": 0.2, "high": 0.1}, r"low 0\.2 is above high 0\.1"),
        ({"low": 3, "high": 1}, "low 3 is above high 1"),
        ({"low": 0.0, "high": 0.1, "log": True}, "starts above 0"),
        ({"low": 0.1, "hihg": 0.2}, "unknown key 'hihg': did you mean 'high'"),
        ({"low": 0.1}, "both low and high"),
        ({}, "both low and high"),
        ({"low": "a", "high": 2}, "finite numbers"),
        ({"low": float("nan"), "high": 2.0}, "finite numbers"),
        ({"low": 0.0, "high": float("inf")}, "finite numbers"),
        ({"low": False, "high": True}, "finite numbers"),
        ({"low": 0.0, "high": 1.0, "step": 1}, "a step needs whole numbers"),
        ({"low": 0, "high": 10, "step": 3}, "one does not come to 10"),
        ({"low": 0, "high": 10, "step": 0}, "step is a whole number from 1"),
        ({"low": 1, "high": 9, "step": 2, "log": True}, "no step"),
        ({"low": 1, "high": 9, "log": "yes"}, "log is true or false"),
        ({"choices": []}, "at least one"),
        ({"choices": 3}, "choices are a list"),
        ({"choices": [1, 2], "log": True}, "stand alone"),
        ({"choices": [1, True]}, "not all different"),
        ({"choices": [1, [2]]}, "a list is neither"),
        ([16, 32], "a list is neither a range nor"),
        (None, "a NoneType is neither"),
        (float("nan"), "nan is neither"),
        (Float(low=1.0, high=0.0), "above high"),
        (Integer(low=0.5, high=2), "whole numbers"),  # type: ignore[arg-type]
        (Choice([1, 2]), "choices are a tuple"),  # type: ignore[arg-type]
    ],
)
def test_an_impossible_range_is_refused(written: Any, message: str) -> None:
    """Everything that nothing could be drawn from gets a line that says why."""
    with pytest.raises(ValueError, match=message):
        range_from_json(written)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ([("a", 1)], "a space is a mapping"),
        ({"drop out": 0.5}, "'drop out' is no name"),
        ({3: 0.5}, "3 is no name"),
        ({"dropout": {"low": 1, "high": 0}}, "dropout: low 1 is above high 0"),
    ],
)
def test_an_impossible_space_is_refused_by_name(space: Any, message: str) -> None:
    """The line about a space names the entry."""
    with pytest.raises(ValueError, match=message):
        space_from_json(space)

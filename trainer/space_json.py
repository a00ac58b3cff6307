"""Search spaces in JSON and TOML: reads, checks and writes them.

=====================================================  ==========================
written                                                read as
=====================================================  ==========================
``{ low = 1e-4, high = 1e-2, log = true }``            ``Float`` (a bound has a point)
``{ low = 1, high = 9, step = 2 }``                    ``Integer`` (both bounds whole)
``{ choices = ["adam", "sgd"] }``                      ``Choice``
``0.25``, ``"adam"``, ``true``                         ``Fixed``
=====================================================  ==========================
"""

import math
from collections.abc import Mapping
from typing import Any

from trainer.hyperparameters import Choice, Fixed, Float, Integer, Range, Space
from trainer.limits import ENTRIES, HYPERPARAMETERS, REAL, TEXT, WHOLE
from trainer.spelling import nearest

KEYS = ("low", "high", "step", "log", "choices")


def space_to_json(space: Space) -> dict[str, Any]:
    """Return ``space`` as plain JSON data; ``space_from_json`` is the inverse.

    >>> space_to_json({"dropout": Float(low=0.1, high=0.5), "blocks": Choice((1, 2)), "units": Fixed(64)})
    {'dropout': {'low': 0.1, 'high': 0.5, 'log': False}, 'blocks': {'choices': [1, 2]}, 'units': 64}
    """
    return {name: range_to_json(values) for name, values in space.items()}


def range_to_json(values: Range) -> Any:
    """Return one range as plain JSON data; ``range_from_json`` is the inverse."""
    match values:
        case Float(low=low, high=high, log=log):
            return {"low": float(low), "high": float(high), "log": log}
        case Integer(low=low, high=high, step=step, log=log):
            return {"low": low, "high": high, "step": step, "log": log}
        case Choice(values=choices):
            return {"choices": list(choices)}
        case Fixed(value=value):
            return value


def space_from_json(data: object) -> Space:
    """Return the space that ``data`` describes.

    Args:
        data: a mapping from names to ranges; each is in the form of JSON or TOML, or a ``Range``.

    Raises:
        ValueError: if an entry is not a range, or an impossible one; the message names it.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"a space is a mapping from names to ranges, not {_kind(data)}")
    if len(data) > HYPERPARAMETERS.most:
        raise ValueError(f"it has {len(data):,} hyperparameters: at most {HYPERPARAMETERS.said}")
    space: dict[str, Range] = {}
    for name, written in data.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError(
                f"{repr(name)[:100]} is no name for a hyperparameter: letters, digits and _ only"
            )
        try:
            space[name] = range_from_json(written)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return space


def range_from_json(written: object) -> Range:
    """Return the range that ``written`` describes.

    >>> range_from_json({"low": 0.0001, "high": 0.01, "log": True})
    Float(low=0.0001, high=0.01, log=True)
    >>> range_from_json("adam")
    Fixed(value='adam')

    Raises:
        ValueError: if it is no range, or an impossible one such as low above high.
    """
    if isinstance(written, Float | Integer | Choice | Fixed):
        values: Range = written
    elif isinstance(written, Mapping):
        values = _from_table(written)
    else:
        values = Fixed(_value(written))
    _check(values)
    return values


def _from_table(table: Mapping[Any, Any]) -> Range:
    """Read ``{low, high, ...}`` or ``{choices}``."""
    for key in table:
        if key not in KEYS:
            raise ValueError(f"unknown key {key!r}: {nearest(str(key), KEYS)}")
    if "choices" in table:
        if len(table) > 1 or not isinstance(table["choices"], list | tuple):
            raise ValueError("choices are a list and stand alone, as in { choices = [16, 32] }")
        return Choice(tuple(table["choices"]))
    if "low" not in table or "high" not in table:
        raise ValueError("a range has both low and high, or choices")
    low, high, log = table["low"], table["high"], table.get("log", False)
    if _is_whole(low) and _is_whole(high):
        return Integer(low=low, high=high, step=table.get("step", 1), log=log)
    if "step" in table:
        raise ValueError("a step needs whole numbers as low and high")
    return Float(low=low, high=high, log=log)


def _check(values: Range) -> None:
    """Raise ValueError if a range is empty or self-contradictory."""
    match values:
        case Fixed(value=value):
            _value(value)
        case Choice(values=choices):
            _check_choices(choices)
        case Float(low=low, high=high) | Integer(low=low, high=high):
            whole = isinstance(values, Integer)
            if not all(_is_whole(bound) or (not whole and _is_finite(bound)) for bound in (low, high)):
                raise ValueError(f"low and high are {'whole' if whole else 'finite'} numbers")
            _check_size(low, high)
            if low > high:
                raise ValueError(f"low {low} is above high {high}")
            _check_scale(values)


def _check_choices(choices: tuple[Any, ...]) -> None:
    if not isinstance(choices, tuple) or not choices:
        raise ValueError("choices are a tuple of at least one value")
    if len(choices) > ENTRIES.most:
        raise ValueError(f"{len(choices):,} choices: at most {ENTRIES.said}")
    # True == 1 == 1.0 in Python, and so for Optuna: such choices would be one.
    if len({_value(choice) for choice in choices}) < len(choices):
        raise ValueError(f"the choices {list(choices)} are not all different")


def _check_scale(values: Float | Integer) -> None:
    if not isinstance(values.log, bool):
        raise ValueError(f"log is true or false, not {values.log!r}")
    if values.log and values.low <= 0:
        raise ValueError(f"a logarithmic range starts above 0, not at {values.low}")
    if isinstance(values, Float):
        return
    if not _is_whole(values.step) or not 1 <= values.step <= WHOLE.most:
        raise ValueError(f"step is a whole number from 1 to {WHOLE.said}")
    if (values.high - values.low) % values.step:
        raise ValueError(f"from {values.low} in steps of {values.step} one does not come to {values.high}")
    if values.log and values.step > 1:
        raise ValueError("a logarithmic range has no step")


def _value(value: object) -> bool | int | float | str:
    """Return ``value`` if it can be a hyperparameter's value."""
    if isinstance(value, bool | int | str) or _is_finite(value):
        _check_size(value)
        return value  # type: ignore[return-value]  # _is_finite: it is a float
    raise ValueError(f"{_kind(value)} is neither a range nor a number, text, true or false")


def _check_size(*values: object) -> None:
    """Raise ValueError if a number or text is beyond the limit of its kind."""
    for value in values:
        if isinstance(value, str) and len(value) > TEXT.most:
            raise ValueError(f"a text of {len(value):,} characters: at most {TEXT.said}")
        if isinstance(value, int) and abs(value) > WHOLE.most:
            raise ValueError(f"a whole number is at most {WHOLE.said}, with either sign")
        if isinstance(value, float) and abs(value) > REAL.most:
            raise ValueError(f"a number is at most {REAL.said}, with either sign")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_finite(value: object) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole or (isinstance(value, float) and math.isfinite(value))


def _kind(value: object) -> str:
    """Return a description of ``value`` for an error message."""
    return repr(value) if isinstance(value, float) else f"a {type(value).__name__}"

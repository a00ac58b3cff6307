"""Checks that JSON data has the types of a dataclass, before one is made of it.

>>> from trainer.fits.specs import Rung
>>> check(Rung, {"epoch": 3, "f1": 0.5}, "rung")
>>> check(Rung, {"epoch": "3", "f1": 0.5}, "rung")
Traceback (most recent call last):
    ...
ValueError: rung.epoch is a text, not a whole number
"""

import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any

from trainer.escaping import for_terminal
from trainer.limits import INTEGER, TEXT

_WORDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "an object",
    types.NoneType: "null",
}


def check(kind: Any, value: Any, where: str) -> None:
    """Check that JSON data can become a ``kind``.

    Args:
        kind: a dataclass, or what its fields are declared as: ``str``, ``int``, ``float``, ``bool``,
            ``None``, literals, tuples, mappings from names, and unions of these.
        value: what ``json.loads`` returned. Entries that a dataclass has no field for are ignored.
        where: the name of the value, for the message.

    Raises:
        ValueError: with the name of the first part that does not fit.
    """
    origin = typing.get_origin(kind) or kind
    if is_dataclass(origin):
        _check_fields(kind, value, where)
    elif origin in _GENERIC:
        _GENERIC[origin](typing.get_args(kind), value, where)
    else:
        _check_plain(kind, value, where)


def _check_fields(kind: Any, value: Any, where: str) -> None:
    _demand(isinstance(value, dict), value, "an object", where)
    for each, hint in _typed_fields(kind):
        if each.name in value:
            check(hint, value[each.name], f"{where}.{each.name}" if where else each.name)
        elif each.default is MISSING and each.default_factory is MISSING:
            raise ValueError(f"{where or 'it'} has no {each.name!r}")


@cache
def _typed_fields(kind: type) -> tuple[tuple["Field[Any]", Any], ...]:
    hints = typing.get_type_hints(kind)
    return tuple((each, hints[each.name]) for each in fields(kind))


def _check_union(kinds: tuple[Any, ...], value: Any, where: str) -> None:
    given = [kind for kind in kinds if kind is not types.NoneType]
    if value is None and len(given) < len(kinds):
        return
    wrong = []
    for kind in given:
        try:
            check(kind, value, where)
        except ValueError as error:
            wrong.append(error)
        else:
            return
    if len(given) == 1:
        raise wrong[0]
    expected = " or ".join(_WORDS.get(kind, str(kind)) for kind in given)
    _demand(False, value, expected, where)


def _check_tuple(kinds: tuple[Any, ...], value: Any, where: str) -> None:
    _demand(isinstance(value, list), value, "a list", where)
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(value) != len(kinds):
        raise ValueError(f"{where} has {len(value)} entries, not {len(kinds)}")
    for place, (kind, item) in enumerate(zip(kinds, value, strict=True)):
        check(kind, item, f"{where}[{place}]")


def _check_mapping(kinds: tuple[Any, ...], value: Any, where: str) -> None:
    _demand(isinstance(value, dict), value, "an object", where)
    for name, item in value.items():
        _check_plain(str, name, f"a name in {where}")
        check(kinds[1], item, f"{where}.{shown(name)}")


def _check_literal(choices: tuple[Any, ...], value: Any, where: str) -> None:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{where} is none of {', '.join(map(repr, choices))}")


def _check_plain(kind: Any, value: Any, where: str) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if kind is float:
        _demand(whole or isinstance(value, float), value, _WORDS[float], where)
    elif kind is int:
        _demand(whole, value, _WORDS[int], where)
    else:
        _demand(isinstance(value, kind), value, _WORDS.get(kind, str(kind)), where)
    if isinstance(value, str) and len(value) > TEXT.most:
        raise ValueError(f"{where} has {len(value)} characters, and at most {TEXT.said} are accepted")
    if (whole and abs(value) > INTEGER.most) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"{where} is too large a number")


def _demand(right: bool, value: Any, expected: str, where: str) -> None:
    if not right:
        raise ValueError(f"{where or 'it'} is {_WORDS[type(value)]}, not {expected}")


def shown(name: str) -> str:
    """Return a name from a file for a message: short, and made safe for a terminal."""
    return for_terminal(name[:60])


_GENERIC: Mapping[Any, Callable[[tuple[Any, ...], Any, str], None]] = {
    typing.Union: _check_union,
    types.UnionType: _check_union,
    typing.Literal: _check_literal,
    tuple: _check_tuple,
    Mapping: _check_mapping,
}

"""Canonical JSON: equal values give equal bytes, so that equal plain data have equal digests.

A field that is added later is declared with ``optional``: at its default it is absent from what is recorded
and hashed. So earlier records keep their keys, and are read with the default.

>>> @dataclasses.dataclass(frozen=True)
... class Cake:
...     eggs: int = 3
...     icing: str = optional("none")
>>> recorded(Cake()), recorded(Cake(icing="lemon"))
({'eggs': 3}, {'eggs': 3, 'icing': 'lemon'})
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Value = TypeVar("Value")

_OPTIONAL = "refold.optional"


def canonical_json(value: Any) -> str:
    """Return ``value`` as JSON with sorted keys, no spaces and shortest round-trip floats.

    Raises:
        ValueError: if a float is NaN or infinite (JSON has neither, and a NaN has many bit patterns).

    >>> canonical_json({"b": 1e-4, "a": (1, "x")})
    '{"a":[1,"x"],"b":0.0001}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(value: Any) -> str:
    """Return the SHA-256 of ``value``'s canonical JSON as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def optional(default: Value) -> Value:
    """Declare a field of a dataclass that is absent from its record while it has its ``default``."""
    field: Value = dataclasses.field(default=default, metadata={_OPTIONAL: True})
    return field


def recorded(value: Any) -> Any:
    """Return dataclasses, at any depth, as JSON data without optional fields at their defaults.

    Tuples become lists, as they are when JSON is read: what is recorded equals what is recorded now.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kept = [field for field in dataclasses.fields(value) if not _is_default(value, field)]
        return {field.name: recorded(getattr(value, field.name)) for field in kept}
    if isinstance(value, Mapping):
        return {name: recorded(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [recorded(item) for item in value]
    return value


def optional_parts(value: "DataclassInstance") -> dict[str, Any]:
    """Return the optional fields of a dataclass that have another value than their default, as plain data."""
    names = _optional_names(type(value))
    return {name: part for name, part in recorded(value).items() if name in names}


def optional_of(kind: "type[DataclassInstance]", data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the optional fields of ``kind`` that a record has; the absent ones are at their defaults."""
    return {name: part for name, part in data.items() if name in _optional_names(kind)}


def _is_default(value: "DataclassInstance", field: "dataclasses.Field[Any]") -> bool:
    return _OPTIONAL in field.metadata and bool(getattr(value, field.name) == field.default)


def _optional_names(kind: "type[DataclassInstance]") -> set[str]:
    return {field.name for field in dataclasses.fields(kind) if _OPTIONAL in field.metadata}

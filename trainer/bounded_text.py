"""TOML and JSON from outside, read within the limits: deep nesting and huge numbers are refused by name.

Python's own readers run out of stack at a few hundred levels, refuse integers of more than 4,300 digits with
an error of another kind, and take quadratic time for a key of many parts.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from trainer.limits import ENTRIES, INTEGER, KEY, NESTING, TEXT

_TOO_DEEP = f"tables and lists may be nested {NESTING.said} levels deep, and this goes deeper"
_TOO_LONG = f"it has a whole number of thousands of digits: whole numbers go up to {INTEGER.said}"

#: Texts and comments, also those that do not end: brackets and points in them nest nothing.
_TEXT = re.compile(
    r"'''.*?(?:'''|\Z)|\"\"\"(?:[^\\]|\\.)*?(?:\"\"\"|\Z)|'[^'\n]*(?:'|$)|\"(?:[^\"\\\n]|\\.)*(?:\"|$)|#[^\n]*",
    re.DOTALL | re.MULTILINE,
)
#: What is between two keys or values.
_BETWEEN = re.compile(r"[\n=,{}\[\]]")


def toml_from(text: str) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises:
        ValueError: if it is not TOML or beyond a limit; the message says where, in one line.
    """
    if max(_depth(text), _parts(text)) > NESTING.most:
        raise ValueError(_TOO_DEEP)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"not valid TOML: {error}") from error
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except ValueError:  # Python's limit on the digits of an integer
        raise ValueError(_TOO_LONG) from None
    _check(data)
    return data


def json_from(text: str | bytes) -> Any:
    """Return the content of a JSON file.

    Raises:
        ValueError: if it is not JSON, or nested too deeply, or has a number of thousands of digits.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError:
        raise ValueError(_TOO_LONG) from None


def _depth(text: str) -> int:
    """Return how deep brackets are nested."""
    depth = deepest = 0
    for bracket in re.findall(r"[\[{\]}]", _TEXT.sub(" ", text)):
        depth = depth + 1 if bracket in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def _parts(text: str) -> int:
    """Return the number of parts of the longest key, like three for ``a.b.c``."""
    return max(piece.count(".") for piece in _BETWEEN.split(_TEXT.sub("x", text))) + 1


def _check(data: Mapping[str, Any]) -> None:
    """Raise ValueError for the first value that is beyond a limit."""
    for key, value, depth in _values(data):
        if depth > NESTING.most:
            raise ValueError(_TOO_DEEP)
        if isinstance(value, dict) and (long := [name for name in value if len(name) > KEY.most]):
            raise ValueError(f"{long[0][:20]}… is a key of {len(long[0]):,} characters: at most {KEY.said}")
        if isinstance(value, int) and abs(value) > INTEGER.most:
            raise ValueError(f"{key} is too large: whole numbers go up to {INTEGER.said}")
        if isinstance(value, str) and len(value) > TEXT.most:
            raise ValueError(f"{key} is a text of {len(value):,} characters: at most {TEXT.said} are read")
        if isinstance(value, list) and len(value) > ENTRIES.most:
            raise ValueError(f"{key} is a list of {len(value):,} entries: at most {ENTRIES.said} are read")


def _values(data: Mapping[str, Any]) -> Iterator[tuple[str, Any, int]]:
    """Yield each value with its key and its depth, without recursion."""
    waiting: list[tuple[str, Any, int]] = [("", data, 0)]
    while waiting:
        key, value, depth = waiting.pop()
        yield key, value, depth
        if isinstance(value, Mapping):
            prefix = f"{key}." if key else ""
            waiting += [(f"{prefix}{name}", held, depth + 1) for name, held in value.items()]
        elif isinstance(value, list):
            waiting += [(key, held, depth + 1) for held in value]

"""Canonical JSON: one byte string for one value, so that digests of plain data mean something."""

import hashlib
import json
from typing import Any


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

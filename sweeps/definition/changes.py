"""Differences between two descriptions of one thing, found and put into words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

#: A value of up to this many characters is shown whole. Of a longer one SHOWN characters are, beginning LEAD
#: characters before the change.
WHOLE, SHOWN, LEAD = 60, 24, 8


@dataclass(frozen=True, slots=True)
class Change:
    """One value that is not the same in both descriptions.

    Attributes:
        name: the value's name; in nested descriptions with dots, like ``"cv.folds"``.
        before: the value in the first description; None if that lacks it.
        now: the value in the second description; None if that lacks it.
    """

    name: str
    before: object
    now: object

    def said(self, before: str, now: str) -> str:
        """Return both values in words.

        Args:
            before: the words for the first description, like ``"recorded"``.
            now: the words for the second description, like ``"here"``.

        >>> Change("cv.folds", 5, None).said("before", "now")
        '5 before, nothing now'
        """
        first, second = _shown(self.before, self.now)
        return f"{first} {before}, {second} {now}"


def changes(before: Mapping[str, object], now: Mapping[str, object]) -> Iterator[Change]:
    """Yield what differs between two descriptions, sorted by name; nested ones are compared part by part.

    >>> [change.name for change in changes({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}, "d": 4})]
    ['a.c', 'd']
    """
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            for inner in changes(old, new):
                yield Change(f"{name}.{inner.name}", inner.before, inner.now)
        elif old != new:
            yield Change(name, old, new)


def _shown(one: object, other: object) -> tuple[str, str]:
    """Return two values as texts; long texts begin shortly before the first difference."""
    a, b = _text(one), _text(other)
    if len(a) <= WHOLE and len(b) <= WHOLE:
        return a, b
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    start = max(0, same - LEAD)
    return _cut(a, start), _cut(b, start)


def _text(value: object) -> str:
    if value is None or value == "":
        return "nothing"
    return value.hex() if isinstance(value, bytes) else str(value)


def _cut(text: str, start: int) -> str:
    end = start + SHOWN
    return f"{'…' if start else ''}{text[start:end]}{'…' if len(text) > end else ''}"

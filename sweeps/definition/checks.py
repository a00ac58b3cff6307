"""Checks of a sweep's values: the same for sweep files and for specs that are built in Python.

The dataclasses of ``spec`` call them when they are made, so no spec has a value that a sweep file must not
have.
"""

import numbers
from collections.abc import Callable, Mapping
from typing import Any

from trainer import limits, names
from trainer.errors import UsageError
from trainer.limits import Limit
from trainer.metrics.table import check_name

#: Number of characters of a wrong value that a message shows.
LONGEST = 100

#: The largest share of the images that may be set aside as the exam.
MOST_OF_EXAM = 0.5

#: ``check(value) -> value``; raises ValueError with what was expected.
Check = Callable[[Any], Any]


def check_fields(values: object, checks: Mapping[str, Check], prefix: str = "") -> None:
    """Check the attributes of a frozen object, and set each to what its check returns.

    Args:
        values: a frozen dataclass that is being made.
        checks: the check of each attribute; an attribute that is None both in ``values`` and by default is
            not checked.
        prefix: the table that a sweep file has these keys in; put before their names in messages.

    Raises:
        UsageError: if a value is wrong; the message names the key, its value and what was expected.
    """
    for key, check in checks.items():
        object.__setattr__(values, key, checked(f"{prefix}{key}", getattr(values, key), check))


def checked(key: str, value: Any, check: Check) -> Any:
    """Return what ``check`` makes of ``value``.

    Raises:
        UsageError: if a value is wrong; the message names the key, its value and what was expected.
    """
    try:
        return check(value)
    except ValueError as error:
        raise UsageError(f"{key} = {shown(value)}: {error}") from None


def shown(value: Any) -> str:
    """Return a value as it is written in a sweep file, in one line."""
    if isinstance(value, bool):
        return str(value).lower()
    words = " ".join(_text_of(list(value) if isinstance(value, tuple) else value).split())
    short = words if len(words) <= LONGEST else f"{words[:LONGEST]}…"
    return f'"{short}"' if isinstance(value, str) else short


def _text_of(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - integers of thousands of digits, endless nesting, users' own classes
        return f"a {type(value).__name__} that cannot be printed"


def _is_whole(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _whole(low: int, most: Limit) -> Check:
    def check(value: Any) -> int:
        if not _is_whole(value):
            raise ValueError("must be a whole number")
        if value < low:
            raise ValueError(f"must be at least {low}")
        if value > most.most:
            raise ValueError(f"must be at most {most.said}")
        return int(value)

    return check


def _number(low: float, high: float) -> Check:
    def check(value: Any) -> float:
        if not _is_number(value):
            raise ValueError("must be a number")
        if not low <= value <= high:
            raise ValueError(f"must lie in {low:g} to {high:g}")
        return float(value)

    return check


def _or_none(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _share(value: Any) -> float:
    if not _is_number(value):
        raise ValueError("must be a number")
    if not 0 < value <= 1:
        raise ValueError("must lie above 0 and be at most 1")
    return float(value)


def _rungs(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError("must be a list of epochs like [3, 9]")
    if len(value) > limits.ENTRIES.most:
        raise ValueError(f"must have at most {limits.ENTRIES.said} entries")
    epochs = [_whole(1, limits.EPOCHS)(epoch) for epoch in value]
    if epochs != sorted(set(epochs)):
        raise ValueError("must be in ascending order, each epoch once")
    return tuple(epochs)


def _minutes(value: Any) -> float:
    if not _is_number(value) or not 0 < value <= limits.MINUTES.most:
        raise ValueError(f"must be a number of minutes above 0, and at most {limits.MINUTES.said} (30 days)")
    return float(value)


def _device(value: Any) -> str:
    if value not in ("cpu", "gpu"):
        raise ValueError("must be 'cpu' or 'gpu'")
    return str(value)


def text(value: Any) -> str:
    """Return ``value`` if it is a text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text in quotes")
    if len(value) > limits.TEXT.most:
        raise ValueError(f"must be at most {limits.TEXT.said} characters long")
    return value


def rope(value: Any) -> float:
    """Return ``value`` if it can be a difference that does not matter: half the width of the region."""
    if not _is_number(value) or not 0 <= value < 0.5:
        raise ValueError(
            "a difference that does not matter is a number from 0 to below 0.5; 0.005 is half a point"
        )
    return float(value)


def _image_size(value: Any) -> tuple[int, int]:
    whole = _whole(8, limits.IMAGE_SIDE)
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("must be [height, width] in pixels, like [64, 64]")
    height, width = value
    return whole(height), whole(width)


def _colour(value: Any) -> str:
    if value not in ("grey", "rgb"):
        raise ValueError("must be 'grey' or 'rgb'")
    return str(value)


def _one_of(*choices: str) -> Check:
    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"must be {' or '.join(map(repr, choices))}")
        return str(value)

    return check


def _exam(value: Any) -> float | str:
    if isinstance(value, str):
        return text(value)
    if not _is_number(value) or not 0 <= value <= MOST_OF_EXAM:
        raise ValueError(
            f"must be a share of the images, 0 (no exam) to {MOST_OF_EXAM}, or the path of labelled images"
        )
    return float(value)


def _groups(value: Any) -> str | int:
    if isinstance(value, str):
        return text(value)
    if not _is_whole(value) or not 1 <= value <= limits.NESTING.most:
        raise ValueError(
            "must be a pattern for the images' paths like '(p[0-9]+)_', a table's column, or a level of "
            "folders from 1"
        )
    return int(value)


def _metric(value: Any) -> str:
    name = text(value)
    check_name(name)
    return name


SWEEP: Mapping[str, Check] = {
    "name": names.sweep_name,
    "seed": _whole(0, limits.SEED),
    "trials": _whole(1, limits.TRIALS),
    "device": _device,
}
CV: Mapping[str, Check] = {
    "folds": _whole(2, limits.FOLDS),
    "epochs": _whole(1, limits.EPOCHS),
    "patience": _whole(1, limits.EPOCHS),
    "min_delta": _number(0.0, 0.999),
    "stop_share": _number(0.01, 0.5),
    "stop": _one_of("metric", "loss", "never"),
    "metric": _metric,
}
SEARCH: Mapping[str, Check] = {
    "startup": _whole(1, limits.TRIALS),
    "window": _whole(1, limits.WINDOW),
}
PRUNE: Mapping[str, Check] = {
    "enabled": _truth,
    "margin": _or_none(_number(0.0, 1.0)),
    "rungs": _or_none(_rungs),
    "keep": _share,
    "startup": _whole(1, limits.TRIALS),
}
COMPARE: Mapping[str, Check] = {"rope": _or_none(rope)}
LIMITS: Mapping[str, Check] = {"fit_minutes": _or_none(_minutes)}
DATASET: Mapping[str, Check] = {
    "source": text,
    "samples": _or_none(_whole(4, limits.IMAGES)),
    "image_size": _or_none(_image_size),
    "colour": _or_none(_colour),
    "fit": _one_of("stretch", "pad", "crop"),
    "groups": _or_none(_groups),
    "exam": _or_none(_exam),
    "duplicates": _or_none(_one_of("keep-together")),
    "exclude": _or_none(text),
    "unreadable": _or_none(_one_of("leave-out")),
}
MLFLOW: Mapping[str, Check] = {"experiment": _or_none(names.experiment_name)}
#: Number of training processes; None for one per core.
workers: Check = _or_none(_whole(1, limits.WORKERS))

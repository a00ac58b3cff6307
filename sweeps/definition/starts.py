"""Starting points: known-good hyperparameters of an architecture, which its first trials take."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sweeps.definition.checks import checked, shown
from trainer.errors import UsageError
from trainer.hyperparameters import Choice, Fixed, Float, Hyperparameters, Integer, Range, Space, Value
from trainer.limits import ENTRIES
from trainer.recipe.table import RECIPE, usual_space
from trainer.space_json import range_from_json
from trainer.spelling import nearest


def checked_starts(prefix: str, given: object) -> tuple[Hyperparameters, ...]:
    """Return starting points as they are written: a list of tables, each with at least one value.

    Args:
        prefix: the architecture's table in a sweep file, like ``"architectures.resnet"``.
        given: the list.

    Raises:
        UsageError: if it is no such list; the message names the table.
    """
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise UsageError(
            f"{prefix}.start = {shown(given)}: must be a list of tables: write [[{prefix}.start]]"
        )
    if len(given) > ENTRIES.most:
        raise UsageError(f"{prefix}.start: at most {ENTRIES.said} are possible")
    return tuple(_written(f"{prefix}.start[{index}]", table) for index, table in enumerate(given))


def _written(place: str, table: object) -> Hyperparameters:
    if not isinstance(table, Mapping):
        raise UsageError(f"{place} = {shown(table)}: must be a table of hyperparameters and their values")
    if not table:
        raise UsageError(f"{place}: it has no value: name at least one hyperparameter, or leave it out")
    for key in table:
        if not isinstance(key, str):
            raise UsageError(f"{place}: {shown(key)} is no name of a hyperparameter: it must be a text")
    return {key: checked(f"{place}.{key}", value, _one_value) for key, value in table.items()}


def _one_value(value: Any) -> Value:
    read = range_from_json(value)
    if not isinstance(read, Fixed):
        raise ValueError("must be one value, not a range")
    return read.value


def planned_starts(
    architecture: str, given: Sequence[Hyperparameters], space: Space
) -> tuple[Hyperparameters, ...]:
    """Return starting points as they are planned and recorded: values of searched hyperparameters, sorted.

    Args:
        architecture: its name.
        given: its starting points as they are written.
        space: its complete space.

    Raises:
        UsageError: if one names an unknown hyperparameter or a value that is not searched, only what is
            fixed, or the same as an earlier one.
    """
    known = {**usual_space(), **space}  # with the optional parts of the recipe, which are not searched
    planned: list[Hyperparameters] = []
    for index, written in enumerate(given):
        place = f"architectures.{architecture}.start[{index}]"
        start = _planned(place, written, known)
        if not start:
            raise UsageError(f"{place}: all that it gives is fixed: leave it out")
        if start in planned:
            raise UsageError(f"{place}: the same as start[{planned.index(start)}]: leave one of them out")
        planned.append(start)
    return tuple(planned)


def _planned(place: str, written: Hyperparameters, known: Space) -> Hyperparameters:
    values = {}
    for name, value in sorted(written.items()):
        if name not in known:
            raise UsageError(f"unknown hyperparameter {place}.{name}: {nearest(name, known)}")
        if idle := _idle(name, written, known):
            raise UsageError(f"{place}.{name} has no effect: {idle}")
        found = checked(f"{place}.{name}", value, partial(value_in, known[name]))
        if not isinstance(known[name], Fixed):
            values[name] = found
    return values


def _idle(name: str, written: Hyperparameters, known: Space) -> str | None:
    """Return why a part of the recipe would do nothing in the trial of a starting point; None if it acts."""
    needs = RECIPE[name].needs if name in RECIPE else None
    if needs is None:
        return None
    other = known[needs.name]
    value = written.get(needs.name, other.value if isinstance(other, Fixed) else None)
    if value in needs.values:
        return None
    return f"it needs {needs.name} = {' or '.join(map(shown, needs.values))} in the same table"


def value_in(searched: Range, value: Value) -> Value:
    """Return ``value`` as a trial has it if it is among those searched: 0 for a real range is 0.0.

    >>> value_in(Float(low=0, high=1), 1), value_in(Choice((16, 32)), 16)
    (1.0, 16)

    Raises:
        ValueError: if it is not; the message says what is searched.
    """
    if isinstance(searched, Choice):
        for each in searched.values:
            if _equal(each, value):
                return each
        raise ValueError(f"it is none of the choices: {nearest(str(value), map(str, searched.values))}")
    if isinstance(searched, Fixed):
        if not _equal(searched.value, value):
            raise ValueError(f"it is fixed at {shown(searched.value)}: leave it out here, or give it a range")
        return searched.value
    return _number_in(searched, value)


def _number_in(searched: Float | Integer, value: Value) -> Value:
    if isinstance(value, bool | str):
        raise ValueError("must be a number")
    if not searched.low <= value <= searched.high:
        raise ValueError(f"must lie in {searched.low:g} to {searched.high:g}, the range that is searched")
    if isinstance(searched, Float):
        return float(value)
    if not isinstance(value, int):
        raise ValueError("must be a whole number")
    if (value - searched.low) % searched.step:
        raise ValueError(f"from {searched.low} in steps of {searched.step} one does not come to it")
    return value


def _equal(one: Value, other: Value) -> bool:
    """Return whether two values are one: True is not 1, but 1 is 1.0."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other

"""Search spaces: of recipe and architecture, as the sweep file narrows them, and what cannot be searched."""

from collections.abc import Mapping
from typing import Any

from sweeps.definition.checks import shown
from sweeps.definition.spec import CrossValidation
from trainer.datasets import Dataset
from trainer.errors import UsageError
from trainer.hyperparameters import Choice, Fixed, Float, Integer, Range, Space, Value
from trainer.limits import DEPTH, FILTERS, UNITS, Limit
from trainer.recipe import class_weights
from trainer.recipe.part import Limits, Part
from trainer.recipe.table import (
    CLASS_WEIGHTS,
    DECAY_EVERY,
    PLATEAU_PATIENCE,
    RECIPE,
    SCHEDULE,
    WARMUP_EPOCHS,
    Recipe,
    usual_space,
    without_unused,
)
from trainer.spelling import nearest

#: The largest values of the built-in architectures' hyperparameters.
WIDTHS: Mapping[str, Limit] = {
    "filters": FILTERS,
    "growth_rate": FILTERS,
    "dense_units": UNITS,
    "blocks": DEPTH,
    "layers": DEPTH,
}


def check_sizes(name: str, space: Space, widths: Mapping[str, Limit]) -> None:
    """Check the largest values of a complete space: those of the recipe, and ``widths``.

    Raises:
        UsageError: if one is beyond its limit.
    """
    of_recipe = {part.name: part.limits.most for part in RECIPE.values() if part.limits.most}
    most = {**of_recipe, **widths}
    for hyperparameter in sorted(most.keys() & space.keys()):
        values = extremes(space[hyperparameter])
        if any(isinstance(value, str) for value in values):
            continue
        if problem := Limits(most=most[hyperparameter]).problem(map(float, values)):
            raise UsageError(f"architectures.{name}.{hyperparameter}: {problem}")


def complete_space(
    name: str,
    own: Space,
    ranges: Mapping[str, Range],
    training: Mapping[str, Range] | None = None,
    recipe: Recipe = RECIPE,
) -> Space:
    """Return the space to search: ranges of recipe and architecture, narrowed by the sweep file.

    Optional parts of the recipe are absent unless the sweep file or the architecture names them.

    Args:
        name: the architecture's.
        own: the space of its code.
        ranges: of its table in the sweep file, which come before those of ``training``.
        training: the ranges of the sweep file's ``[training]``, for all architectures.
        recipe: the parts that every architecture may have.

    Raises:
        UsageError: if the sweep file names an unknown hyperparameter, or a value that is not possible.
    """
    default = {**usual_space(recipe), **own}
    known = [*default, *(part.name for part in recipe.values() if not part.of_network)]
    space = dict(default)
    written = {
        **{key: (f"training.{key}", choices) for key, choices in (training or {}).items()},
        **{key: (f"architectures.{name}.{key}", choices) for key, choices in ranges.items()},
    }
    for hyperparameter, (key, choices) in written.items():
        if hyperparameter not in known:
            raise UsageError(f"unknown hyperparameter {key}: {nearest(hyperparameter, known)}")
        valid = _valid(hyperparameter, default, recipe)
        if problem := _misfit(hyperparameter, valid, choices, recipe):
            raise UsageError(f"{key}: {problem}")
        space[hyperparameter] = _as(valid, choices)
    for hyperparameter in own.keys() & recipe.keys():
        of_recipe = recipe[hyperparameter].valid
        if of_recipe and (problem := _misfit(hyperparameter, of_recipe, space[hyperparameter], recipe)):
            raise UsageError(f"the space of {name}: {hyperparameter} is a part of refold's recipe: {problem}")
    complete = dict(sorted(without_unused(space, recipe).items()))
    for hyperparameter in {**written, **complete}:
        key = written.get(hyperparameter, (f"the space of {name}: {hyperparameter}",))[0]
        if idle := without_effect(hyperparameter, complete, recipe):
            raise UsageError(f"{key} has no effect: {idle}")
    return complete


def schedule_problem(space: Space, cv: CrossValidation) -> str | None:
    """Return why a learning-rate schedule of a space cannot be followed; None if all of them can."""
    plateau = "plateau" in extremes(space.get(SCHEDULE.name, Fixed("none")))
    if plateau and cv.stop == "never":
        return 'schedule = "plateau" needs a stop set, and cv.stop = "never" leaves none'
    most = {part: max(_values(space, part)) for part in (WARMUP_EPOCHS, DECAY_EVERY, PLATEAU_PATIENCE)}
    warmup = most[WARMUP_EPOCHS]
    for part, of, limit in (
        (WARMUP_EPOCHS, "cv.epochs", cv.epochs),
        (DECAY_EVERY, "cv.epochs less warmup_epochs" if warmup else "cv.epochs", cv.epochs - warmup),
        *([(PLATEAU_PATIENCE, "cv.patience", cv.patience)] if plateau else []),
    ):
        if most[part] >= limit:
            return f"{part.name} = {most[part]} must lie below {of} = {limit}: otherwise it has no effect"
    return None


def weights_problem(space: Space, dataset: Dataset) -> str | None:
    """Return why class weights of a space do not go with the dataset's classes; None if all of them do."""
    texts = map(str, extremes(_range_in(space, CLASS_WEIGHTS)))
    return next(filter(None, (class_weights.problem(text, dataset.classes) for text in texts)), None)


def _values(space: Space, part: Part[int]) -> list[int]:
    """Return the lowest and highest value of an optional part in a space, or all of its choices."""
    return [part.of({part.name: value}) for value in extremes(_range_in(space, part))]


def _range_in(space: Space, part: Part[Any]) -> Range:
    """Return the range of an optional part in a space, which lacks it at its usual value."""
    assert part.usual is not None  # noqa: S101 - an optional part has a usual value
    return space.get(part.name, part.usual)


def _valid(hyperparameter: str, default: Space, recipe: Recipe) -> Range:
    """Return a range with the valid kind of value of a hyperparameter, and all valid words."""
    of_recipe = recipe[hyperparameter].valid if hyperparameter in recipe else None
    return default[hyperparameter] if of_recipe is None else of_recipe


def without_effect(hyperparameter: str, space: Space, recipe: Recipe = RECIPE) -> str | None:
    """Return why a part of the recipe applies to no trial of a space; None if it does to some."""
    needs = recipe[hyperparameter].needs if hyperparameter in recipe else None
    if needs is None:
        return None
    other = space.get(needs.name, recipe[needs.name].usual)
    if other is not None and set(extremes(other)) & set(needs.values):
        return None
    return f"it needs {needs.name} = {' or '.join(map(shown, needs.values))}"


def _misfit(name: str, default: Range, choices: Range, recipe: Recipe) -> str | None:
    """Return why ``choices`` cannot replace ``default``, or None if it can."""
    values, usual = extremes(choices), extremes(default)
    if name in recipe and (check := recipe[name].check) is not None:
        return next(filter(None, map(check, values)), None)
    if isinstance(usual[0], str):
        unknown = [value for value in values if value not in usual]
        return (
            f"{unknown[0]!r} is not possible: {nearest(str(unknown[0]), map(str, usual))}"
            if unknown
            else None
        )
    if any(isinstance(value, bool) != isinstance(usual[0], bool) for value in values):
        return f"{values[0]} must be {'true or false' if isinstance(usual[0], bool) else 'a number'}"
    if any(isinstance(value, str) for value in values):
        return f"{values[0]!r} must be a number"
    if isinstance(usual[0], int) and not all(isinstance(value, int) for value in values):
        return f"{values[0]} must be a whole number"
    limits = recipe[name].limits if name in recipe else Limits.like(map(float, usual))
    return limits.problem(map(float, values))


def _as(default: Range, choices: Range) -> Range:
    """Return ``choices`` as floats if the default range has floats: people write 0 for 0.0."""
    if isinstance(default, Float) and isinstance(choices, Integer):
        return Float(low=choices.low, high=choices.high, log=choices.log)
    return choices


def extremes(choices: Range) -> tuple[Value, ...]:
    """Return the lowest and the highest value of a range, or all of its choices."""
    match choices:
        case Float(low=low, high=high) | Integer(low=low, high=high):
            return low, high
        case Choice(values=values):
            return values
        case Fixed(value=value):
            return (value,)

"""How a network is trained, as one table of parts: ranges, which networks have a part, how it is compiled.

A part whose usual range is one fixed value is optional: at that value it is absent from spaces,
hyperparameters and keys, and ``Part.of`` returns that value. So a part that is added later changes no record.

>>> BATCH_SIZE.of({"batch_size": 32}), sorted(UNTRACED)
(32, ['batch_size', 'learning_rate', 'weight_decay'])
>>> LEARNING_RATE.limits.problem([0.0])
'0 must be above 0'
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from trainer import limits as largest
from trainer.hyperparameters import SHARED_SPACE, Fixed, Hyperparameters, Range, Space
from trainer.limits import Limit

T = TypeVar("T")


class Enters(Enum):
    """How a part reaches the compiled epoch."""

    TRACED = "is compiled into it: another value, another trace"
    VARIABLE = "is a variable of it: one trace serves all values"
    ARGUMENT = "is handed over with every call: one trace serves all values"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The valid numbers of a part, whatever range is searched.

    Attributes:
        least: the lower limit.
        above: whether the lower limit itself is excluded.
        below: the upper limit, which is excluded; None if there is none.
        most: the upper limit, which is included; None if there is none.
    """

    least: float = float("-inf")
    above: bool = False
    below: float | None = None
    most: Limit | None = None

    @classmethod
    def like(cls, usual: Iterable[float]) -> "Limits":
        """Return limits for a hyperparameter of which only the usual range is known: they keep its sign."""
        smallest = min(usual)
        return cls(least=0.0, above=smallest > 0) if smallest >= 0 else cls()

    def problem(self, values: Iterable[float]) -> str | None:
        """Return why the lowest or highest of the ``values`` is invalid; None if both are valid."""
        found = list(values)
        low, high = min(found), max(found)
        if self.below is not None and not (self.least <= low and high < self.below):
            return f"must lie in {self.least:g} to {self.below:g}, without {self.below:g}"
        if self.above and low <= self.least:
            return f"{low:g} must be above {self.least:g}"
        if low < self.least:
            return f"{low:g} must not be negative"
        if self.most is not None and high > self.most.most:
            return f"{high:g} must be at most {self.most.said}"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Generic[T]):
    """One part of how a network is trained, as a hyperparameter.

    Attributes:
        name: of the hyperparameter.
        read: converts a proposed value to the part's type.
        enters: how the part reaches the compiled epoch.
        usual: the range that is searched unless the sweep file has another. None for a part that a network
            has only if its own space names it.
        limits: the valid numbers.
    """

    name: str
    read: Callable[[Any], T]
    enters: Enters
    usual: Range | None
    limits: Limits = Limits()

    @property
    def optional(self) -> bool:
        """Whether the part is absent from records at its usual value."""
        return isinstance(self.usual, Fixed)

    def of(self, hyperparameters: Hyperparameters) -> T:
        """Return the part's value for a fit.

        Raises:
            KeyError: if the part is not optional and ``hyperparameters`` lacks it.
        """
        if isinstance(self.usual, Fixed):
            return self.read(hyperparameters.get(self.name, self.usual.value))
        return self.read(hyperparameters[self.name])


OPTIMIZER = Part(name="optimizer", read=str, enters=Enters.TRACED, usual=SHARED_SPACE["optimizer"])
LEARNING_RATE = Part(
    name="learning_rate",
    read=float,
    enters=Enters.VARIABLE,
    usual=SHARED_SPACE["learning_rate"],
    limits=Limits(least=0.0, above=True, most=largest.RATE),
)
BATCH_SIZE = Part(
    name="batch_size",
    read=int,
    enters=Enters.ARGUMENT,
    usual=SHARED_SPACE["batch_size"],
    limits=Limits(least=0.0, above=True, most=largest.BATCH_SIZE),
)
WEIGHT_DECAY = Part(
    name="weight_decay",
    read=float,
    enters=Enters.VARIABLE,
    usual=SHARED_SPACE["weight_decay"],
    limits=Limits(least=0.0, most=largest.RATE),
)
#: If an architecture declares that this is only the rate of Keras' layers (``Architecture.dropout_rates``),
#: it is a variable of those layers.
DROPOUT = Part(
    name="dropout", read=float, enters=Enters.TRACED, usual=None, limits=Limits(least=0.0, below=1.0)
)

Recipe = Mapping[str, Part[Any]]

RECIPE: Recipe = {part.name: part for part in (OPTIMIZER, LEARNING_RATE, BATCH_SIZE, WEIGHT_DECAY, DROPOUT)}

#: The parts that are variables of the compiled epoch.
VARIABLES = tuple(part for part in RECIPE.values() if part.enters is Enters.VARIABLE)

#: Names of the parts for which one trace serves all values.
UNTRACED = frozenset(part.name for part in RECIPE.values() if part.enters is not Enters.TRACED)


def usual_space(recipe: Recipe = RECIPE) -> Space:
    """Return the parts that every network has besides its own space, with the optional ones."""
    return {name: part.usual for name, part in recipe.items() if part.usual is not None}


def without_unused(space: Space, recipe: Recipe = RECIPE) -> Space:
    """Return a space without the optional parts that are left at their usual values."""
    unused = {name for name, part in recipe.items() if part.optional and space.get(name) == part.usual}
    return {name: choices for name, choices in space.items() if name not in unused}

"""How a network is trained: one table of parts, with their values, whose they are, and how each enters.

A part whose usual range is one fixed value is optional: left at it, it is absent from spaces, hyperparameters
and keys, and ``Part.of`` reads it as that value. So a part that is added later changes no record.

>>> BATCH_SIZE.of({"batch_size": 32}), sorted(UNTRACED)
(32, ['batch_size', 'learning_rate', 'weight_decay'])
>>> LEARNING_RATE.limits.problem([0.0])
'0 must be above 0'
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from trainer.hyperparameters import SHARED_SPACE, Fixed, Hyperparameters, Range, Space

T = TypeVar("T")


class Enters(Enum):
    """How a part comes into the compiled epoch."""

    TRACED = "is compiled into it: another value, another trace"
    VARIABLE = "is a variable of it: one trace serves all values"
    ARGUMENT = "is handed over with every call: one trace serves all values"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Which numbers can make sense, whatever range is searched.

    Attributes:
        least: the least number.
        above: whether only numbers above it can.
        below: numbers from here on cannot; None where there is no upper limit.
    """

    least: float = float("-inf")
    above: bool = False
    below: float | None = None

    @classmethod
    def like(cls, usual: Iterable[float]) -> "Limits":
        """Return the limits of a hyperparameter that only its usual range is known of: its sign stays."""
        smallest = min(usual)
        return cls(least=0.0, above=smallest > 0) if smallest >= 0 else cls()

    def problem(self, values: Iterable[float]) -> str | None:
        """Return why the smallest or largest of the values, at least one, makes no sense; None if all do."""
        found = list(values)
        low, high = min(found), max(found)
        if self.below is not None and not (self.least <= low and high < self.below):
            return f"must lie in {self.least:g} to {self.below:g}, without {self.below:g}"
        if self.above and low <= self.least:
            return f"{low:g} must be above {self.least:g}"
        if low < self.least:
            return f"{low:g} must not be negative"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Generic[T]):
    """One part of how a network is trained, as a hyperparameter.

    Attributes:
        name: of the hyperparameter.
        read: makes its value of what was proposed.
        enters: how it comes into the compiled epoch.
        usual: what is searched where nobody says anything else. None for a part that only those networks have
            whose own space names it.
        limits: which numbers can make sense.
    """

    name: str
    read: Callable[[Any], T]
    enters: Enters
    usual: Range | None
    limits: Limits = Limits()

    @property
    def optional(self) -> bool:
        """Whether it is absent where it is left alone."""
        return isinstance(self.usual, Fixed)

    def of(self, hyperparameters: Hyperparameters) -> T:
        """Return its value for a fit.

        Raises:
            KeyError: if the fit does not have it, and it is not optional.
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
    limits=Limits(least=0.0, above=True),
)
BATCH_SIZE = Part(
    name="batch_size",
    read=int,
    enters=Enters.ARGUMENT,
    usual=SHARED_SPACE["batch_size"],
    limits=Limits(least=0.0, above=True),
)
WEIGHT_DECAY = Part(
    name="weight_decay",
    read=float,
    enters=Enters.VARIABLE,
    usual=SHARED_SPACE["weight_decay"],
    limits=Limits(least=0.0),
)
#: An architecture may say that it is nothing but the rate of Keras' layers (``Architecture.dropout_rates``):
#: then it is a variable of those.
DROPOUT = Part(
    name="dropout", read=float, enters=Enters.TRACED, usual=None, limits=Limits(least=0.0, below=1.0)
)

Recipe = Mapping[str, Part[Any]]

RECIPE: Recipe = {part.name: part for part in (OPTIMIZER, LEARNING_RATE, BATCH_SIZE, WEIGHT_DECAY, DROPOUT)}

#: Variables of the compiled epoch.
VARIABLES = tuple(part for part in RECIPE.values() if part.enters is Enters.VARIABLE)

#: Names of what one trace serves all values of.
UNTRACED = frozenset(part.name for part in RECIPE.values() if part.enters is not Enters.TRACED)


def usual_space(recipe: Recipe = RECIPE) -> Space:
    """Return what every network has beside its own space, optional parts at their usual values among it."""
    return {name: part.usual for name, part in recipe.items() if part.usual is not None}


def without_unused(space: Space, recipe: Recipe = RECIPE) -> Space:
    """Return a space without the optional parts that are left at their usual values."""
    unused = {name for name, part in recipe.items() if part.optional and space.get(name) == part.usual}
    return {name: choices for name, choices in space.items() if name not in unused}

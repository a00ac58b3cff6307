"""One part of the recipe: its name, its values, and how it reaches the compiled epoch."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from trainer.hyperparameters import Fixed, Hyperparameters, Range, Value
from trainer.limits import Limit

T = TypeVar("T")


class Enters(Enum):
    """How a part reaches the compiled epoch."""

    TRACED = "is compiled into it: another value, another trace"
    VARIABLE = "is a variable of it: one trace serves all values"
    SWITCHED = "is compiled in if it is in use, and then is a variable: one trace serves all values in use"
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
            return f"{low:g} must not be negative" if self.least == 0 else f"{low:g} is below {self.least:g}"
        if self.most is not None and high > self.most.most:
            return f"{high:g} must be at most {self.most.said}"
        return None


@dataclass(frozen=True, slots=True)
class Needs:
    """What another part must be for a part to apply: a warm-up needs a schedule.

    Attributes:
        name: the other part.
        values: those of its values with which the part applies.
    """

    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Generic[T]):
    """One part of how a network is trained, as a hyperparameter.

    Attributes:
        name: of the hyperparameter.
        read: converts a proposed value to the part's type.
        enters: how the part reaches the compiled epoch.
        usual: the range that is searched unless the sweep file has another. None for a part that is absent
            unless it is asked for, and then has no usual value.
        limits: the valid numbers.
        values: a range with the valid kind of value, and all valid words; ``usual`` if None.
        of_network: whether only a network whose own space names the part has it.
        needs: when the part applies; None for always.
        of_table: makes a value of a table in the sweep file; None if no value is written as a table. Raises
            ValueError with what is wrong.
        check: says why a value is not possible, or None; in place of ``limits`` and the words in ``values``.
    """

    name: str
    read: Callable[[Any], T]
    enters: Enters
    usual: Range | None
    limits: Limits = Limits()
    values: Range | None = None
    of_network: bool = False
    needs: Needs | None = None
    of_table: Callable[[Mapping[str, Any]], str] | None = None
    check: Callable[[Value], str | None] | None = None

    @property
    def optional(self) -> bool:
        """Whether the part is absent from records at its usual value."""
        return isinstance(self.usual, Fixed)

    @property
    def valid(self) -> Range | None:
        """A range with the valid kind of value, and all valid words; None if only the network knows it."""
        return self.values or self.usual

    def of(self, hyperparameters: Hyperparameters) -> T:
        """Return the part's value for a fit.

        Raises:
            KeyError: if the part is not optional and ``hyperparameters`` lacks it.
        """
        if isinstance(self.usual, Fixed):
            return self.read(hyperparameters.get(self.name, self.usual.value))
        return self.read(hyperparameters[self.name])

    def applies(self, hyperparameters: Hyperparameters, others: Mapping[str, "Part[Any]"]) -> bool:
        """Return whether the part does anything in a trial with these hyperparameters.

        Args:
            hyperparameters: of the trial.
            others: the parts of the recipe by name.
        """
        if self.needs is None:
            return True
        other = others[self.needs.name]
        return other.applies(hyperparameters, others) and other.of(hyperparameters) in self.needs.values

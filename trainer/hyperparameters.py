"""Hyperparameters and the ranges they are searched in: plain data, no Optuna."""

from collections.abc import Mapping
from dataclasses import dataclass

Value = bool | int | float | str
Hyperparameters = Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Float:
    """A real number in [low, high], searched on a logarithmic scale if ``log``."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer:
    """A whole number in {low, low + step, ..., high}, searched on a logarithmic scale if ``log``."""

    low: int
    high: int
    step: int = 1
    log: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few values, without an order."""

    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Fixed:
    """One value: recorded with every trial, never searched."""

    value: Value


Range = Float | Integer | Choice | Fixed
Space = Mapping[str, Range]

#: What every architecture has, whatever its own space adds. The trainer reads these four.
SHARED_SPACE: Space = {
    "optimizer": Choice(("adam", "sgd", "rmsprop")),
    "learning_rate": Float(low=1e-3, high=2e-2, log=True),
    "batch_size": Choice((32, 64, 128)),
    "weight_decay": Float(low=1e-6, high=1e-2, log=True),
}

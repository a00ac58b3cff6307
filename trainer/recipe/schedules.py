"""The learning rate of each epoch: warm-up, constant, cosine, exponential and step decay, plateau.

A schedule is made for a number of epochs, its horizon: ``cv.epochs``, also if a fit ends earlier. The rate is
constant within an epoch.

>>> schedule = Schedule.of({"schedule": "cosine", "warmup_epochs": 1, "final_rate": 0.1}, horizon=5)
>>> [schedule.rate(0.01, epoch) for epoch in range(1, 6)]
[0.005, 0.01, 0.00868198, 0.0055, 0.00231802]
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from trainer.hyperparameters import Hyperparameters
from trainer.recipe.table import (
    DECAY_EVERY,
    DECAY_FACTOR,
    FINAL_RATE,
    PLATEAU_PATIENCE,
    SCHEDULE,
    WARMUP_EPOCHS,
)

#: Significant digits of a rate: exp and cos differ in the last bit between processors.
DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How the learning rate changes over the epochs of a fit.

    Attributes:
        kind: "none" (the full rate in every epoch), "constant", "cosine", "exponential", "step" or "plateau".
        horizon: number of epochs that it is made for, at least 1.
        warmup: number of first epochs in which the rate rises; epoch e of them has e / (warmup + 1) of it.
        final: for cosine and exponential: the share of the full rate that is reached after the horizon.
        factor: for step and plateau: what a reduction multiplies the rate by.
        every: for step: epochs between two reductions.
        patience: for plateau: epochs without an improvement before a reduction.
    """

    kind: str
    horizon: int
    warmup: int = 0
    final: float = 0.01
    factor: float = 0.1
    every: int = 1
    patience: int = 2

    @classmethod
    def of(cls, hyperparameters: Hyperparameters, *, horizon: int) -> "Schedule":
        """Return the schedule of a trial.

        Args:
            hyperparameters: of the trial.
            horizon: number of epochs that the schedule is made for.
        """
        return cls(
            kind=SCHEDULE.of(hyperparameters),
            horizon=horizon,
            warmup=WARMUP_EPOCHS.of(hyperparameters),
            final=FINAL_RATE.of(hyperparameters),
            factor=DECAY_FACTOR.of(hyperparameters),
            every=DECAY_EVERY.of(hyperparameters) or -(-horizon // 3),
            patience=PLATEAU_PATIENCE.of(hyperparameters),
        )

    @property
    def changes(self) -> bool:
        """Whether there is a schedule at all, so that the rate of each epoch is recorded."""
        return self.kind != "none"

    def rate(self, full: float, epoch: int, reductions: Iterable[int] = ()) -> float:
        """Return the learning rate of an epoch, rounded to six significant digits if there is a schedule.

        Args:
            full: the trial's learning rate.
            epoch: from 1.
            reductions: for plateau: the epochs after which the rate was reduced.
        """
        if not self.changes:
            return full
        done = sum(reduced < epoch for reduced in reductions)
        return float(f"{full * self._share(epoch, done):.{DIGITS}g}")

    def _share(self, epoch: int, done: int) -> float:
        if epoch <= self.warmup:
            return epoch / (self.warmup + 1) * (self.factor**done if self.kind == "plateau" else 1.0)
        passed, whole = epoch - 1 - self.warmup, max(1, self.horizon - self.warmup)
        match self.kind:
            case "cosine":  # Loshchilov & Hutter, "SGDR" (ICLR 2017), eq. 5
                return self.final + (1 - self.final) * (1 + math.cos(math.pi * passed / whole)) / 2
            case "exponential":
                return float(self.final ** (passed / whole))
            case "step":
                return float(self.factor ** (passed // self.every))
            case "plateau":
                return float(self.factor**done)
        return 1.0


class Plateau:
    """Decides after which epochs a plateau schedule reduces the rate, as Keras' ``ReduceLROnPlateau`` does.

    Attributes:
        reductions: these epochs, from 1, so far.
    """

    def __init__(self, patience: int) -> None:
        self.reductions: list[int] = []
        self._patience = patience
        self._epoch = self._waited = 0

    def update(self, *, improved: bool) -> None:
        """Take note of whether the next epoch's stop set is better than the best before.

        A tie is no improvement. An epoch that is none counts; after ``patience`` of them the rate is reduced
        and counting begins again.
        """
        self._epoch += 1
        self._waited = 0 if improved else self._waited + 1
        if self._waited >= self._patience:
            self.reductions.append(self._epoch)
            self._waited = 0

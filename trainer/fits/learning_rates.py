"""The learning rates of one fit, epoch by epoch: its schedule, and what its stop set makes of it."""

from collections.abc import Iterable
from dataclasses import replace

from trainer.fits.results import Epoch
from trainer.fits.specs import FitSpec
from trainer.fits.stopping import EarlyStopping
from trainer.recipe.schedules import Plateau, Schedule
from trainer.recipe.table import LEARNING_RATE


class LearningRates:
    """Follows a fit; a refit with a plateau schedule replays the reductions in its spec.

    Attributes:
        schedule: of the fit.
    """

    def __init__(self, spec: FitSpec) -> None:
        values = dict(spec.hyperparameters)
        self.schedule = Schedule.of(values, horizon=spec.horizon or spec.epochs)
        self._full = LEARNING_RATE.of(values) if LEARNING_RATE.name in values else 0.0
        self._replayed = spec.reductions
        self._watch = None
        if self.schedule.kind == "plateau" and spec.stopping is not None:
            # Of its own: any gain is an improvement here, whatever early stopping asks for.
            self._watch = EarlyStopping(replace(spec.stopping, min_delta=0.0))
        self._plateau = Plateau(self.schedule.patience)

    @property
    def reductions(self) -> tuple[int, ...]:
        """The epochs, from 1, after which a plateau schedule has reduced the rate so far."""
        return self._replayed if self._watch is None else tuple(self._plateau.reductions)

    def of(self, epoch: int) -> float:
        """Return the learning rate of an epoch, from 1; of every epoch before, ``watched`` was called."""
        return self.schedule.rate(self._full, epoch, self.reductions)

    def recorded(self, epoch: int) -> float | None:
        """Return what is recorded as an epoch's learning rate: None without a schedule."""
        return self.of(epoch) if self.schedule.changes else None

    def watched(self, epoch: Epoch) -> None:
        """Take note of an epoch's stop set."""
        if self._watch is not None:
            self._plateau.update(improved=self._watch.take(epoch))


def reductions_of(spec: FitSpec, epochs: Iterable[Epoch]) -> tuple[int, ...]:
    """Return the epochs, from 1, after which a recorded fit reduced its learning rate."""
    followed = LearningRates(spec)
    for epoch in epochs:
        followed.watched(epoch)
    return followed.reductions

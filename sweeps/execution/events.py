"""What happens while a sweep runs, as plain data: the loop says it, ``progress`` shows it."""

from dataclasses import dataclass
from typing import Literal

from sweeps.definition.plan import Plan
from tracking.records import TrialState
from trainer.fits.results import FitRun
from trainer.fits.specs import FitSpec

#: Where a fit comes from: trained now, by an earlier run of this sweep, or by another sweep of the home.
Origin = Literal["now", "earlier run", "another sweep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepBegan:
    """The sweep begins, or goes on, with ``workers`` workers."""

    plan: Plan
    workers: int


@dataclass(frozen=True, slots=True)
class TrainingBegan:
    """All that was recorded already has been told; what is missing is trained from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitStarted:
    """A worker has been given a fit of the trial number ``trial``."""

    trial: int
    spec: FitSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEnded:
    """A worker has finished an epoch.

    Attributes:
        key: of the fit.
        epoch: from 1.
        f1: macro-F1 of the stop set in [0, 1], None without a stop set.
        seconds: that the epoch took.
        worker: its address.
    """

    key: str
    epoch: int
    f1: float | None
    seconds: float
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FitEnded:
    """A fit of the trial number ``trial`` has ended, now or before this run began."""

    trial: int
    spec: FitSpec
    run: FitRun
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEnded:
    """A trial has ended.

    Attributes:
        architecture: its name.
        number: from 0 within the architecture.
        state: what it ended as.
        f1: its pooled macro-F1 in [0, 1], None unless it is complete.
    """

    architecture: str
    number: int
    state: TrialState
    f1: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """The user wants the sweep to stop; ``under_way`` fits are given up, and begin again in the next run."""

    under_way: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something else that the user should know, one line."""

    text: str


Event = SweepBegan | TrainingBegan | FitStarted | EpochEnded | FitEnded | TrialEnded | Interrupted | Notice

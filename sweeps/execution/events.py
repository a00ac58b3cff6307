"""The events of a running sweep as plain data: the loop makes them, ``progress`` shows them."""

from dataclasses import dataclass
from typing import Literal

from sweeps.definition.plan import Plan
from tracking.records import TrialState
from trainer.fits.results import FitRun
from trainer.fits.specs import FitSpec

#: The origin of a fit: trained now, by an earlier run of this sweep, or by another sweep of the home.
Origin = Literal["now", "earlier run", "another sweep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepBegan:
    """The sweep begins, or continues, with ``workers`` workers."""

    plan: Plan
    workers: int


@dataclass(frozen=True, slots=True)
class TrainingBegan:
    """All recorded fits have had their events; from now on the missing fits are trained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitStarted:
    """A worker has been given a fit of the trial number ``trial``."""

    trial: int
    spec: FitSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEnded:
    """A worker has finished an epoch.

    Attributes:
        key: the fit's key.
        epoch: the number of the epoch, from 1.
        score: the stop set's value of the sweep's metric; None without a stop set.
        seconds: the seconds that the epoch took.
        worker: the worker's address.
    """

    key: str
    epoch: int
    score: float | None
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
        architecture: its architecture's name.
        number: its number within the architecture, from 0.
        state: complete, pruned or failed.
        score: its score; None unless it is complete.
    """

    architecture: str
    number: int
    state: TrialState
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """The user has interrupted the sweep; the next run begins ``under_way`` fits again."""

    under_way: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Anything else that the user should know, in one line."""

    text: str


Event = SweepBegan | TrainingBegan | FitStarted | EpochEnded | FitEnded | TrialEnded | Interrupted | Notice

"""What a training process says to its caller; the two exchange these as pickles over a pipe of their own."""

from dataclasses import dataclass

from trainer.fits.results import Epoch, FitRun


@dataclass(frozen=True, slots=True)
class Ready:
    """It has started, and takes fits from now on."""


@dataclass(frozen=True, slots=True)
class EpochFinished:
    """Epoch ``number`` (from 1) of the fit has ended, after ``seconds``."""

    number: int
    epoch: Epoch
    seconds: float


@dataclass(frozen=True, slots=True)
class Finished:
    """The fit has ended."""

    run: FitRun


@dataclass(frozen=True, slots=True)
class Impossible:
    """No process can run the fit; ``why`` in one line."""

    why: str


@dataclass(frozen=True, slots=True)
class MemoryLacking:
    """The process ends for want of memory; ``what`` it held, in words."""

    what: str


Message = Ready | EpochFinished | Finished | Impossible | MemoryLacking

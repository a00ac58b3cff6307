"""Messages from a training process to its caller, sent as pickles over a pipe that only these two have."""

from dataclasses import dataclass

from trainer.fits.results import Epoch, FitRun


@dataclass(frozen=True, slots=True)
class Ready:
    """The process has started and takes fits."""


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
    """No process can run the fit; ``why`` says the reason in one line."""

    why: str


@dataclass(frozen=True, slots=True)
class MemoryLacking:
    """The process ends because it ran out of memory; ``what`` says how much it had, in words."""

    what: str


Message = Ready | EpochFinished | Finished | Impossible | MemoryLacking

"""Which recorded fits a verification trains again."""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sweeps.verification.asked_fits import AskedFit
from trainer.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSelection:
    """Which fits to train again: all, those of one trial or one fold; by default a sample."""

    everything: bool = False
    architecture: str | None = None
    trial: int | None = None
    fold: int | None = None

    @property
    def sample(self) -> bool:
        """Whether a sample is drawn."""
        return not self.everything and self.architecture is None and self.fold is None


def choose_fits(
    sweep: str, asked: Sequence[AskedFit], changed: Collection[str], wanted: FitSelection
) -> list[AskedFit]:
    """Choose the fits to train again, each once.

    A sample is one fit of each architecture, drawn at random each time, and every fit whose record was
    changed, stopped ones too. Other stopped fits are trained only if all fits are: each may take as long as
    its limit.

    Args:
        sweep: the sweep's name.
        asked: all fits of the sweep.
        changed: the keys of fits whose checksum does not match.
        wanted: the user's selection.

    Raises:
        UsageError: if no fit matches the selection.
    """
    recorded = [fit for fit in asked if fit.fold is not None]
    if wanted.everything:
        return _once(recorded)
    suspicious = [fit for fit in recorded if fit.key in changed]
    usual = [fit for fit in recorded if fit.counts and fit.purpose is None and not fit.stopped]
    if wanted.sample:
        names = dict.fromkeys(fit.architecture for fit in usual)
        drawn = [
            random.SystemRandom().choice([fit for fit in usual if fit.architecture == name]) for name in names
        ]
        return _once(suspicious + drawn)
    chosen = [
        fit
        for fit in usual
        if wanted.architecture in (None, fit.architecture)
        and wanted.trial in (None, fit.number)
        and wanted.fold in (None, fit.fold and fit.fold.spec.fold)
    ]
    if not chosen:
        raise UsageError(f"the sweep {sweep!r} has no such trial or fold")
    return _once(chosen)


def _once(fits: Sequence[AskedFit]) -> list[AskedFit]:
    return list({fit.key: fit for fit in fits}.values())

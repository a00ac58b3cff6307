"""The refits of winners on an exam: which are wanted, which are recorded, which models they are."""

from collections.abc import Sequence

from sweeps.analysis.extra_fits import ExtraFits
from sweeps.definition.plan import Plan
from sweeps.retraining.refit import model_key, refit_spec
from tracking.records import FoldRecord, Opening, SweepRecord, TrialRecord
from trainer.errors import UsageError
from trainer.spelling import nearest


def winners_of(record: SweepRecord, architectures: Sequence[str] | None) -> tuple[TrialRecord, ...]:
    """Return the winners of some architectures, or of all, best in the search first.

    Raises:
        UsageError: if the sweep has no such architecture, one is named twice, or none has a complete trial.
    """
    for name in architectures or ():
        if name not in record.architectures:
            raise UsageError(
                f"--architectures: the sweep {record.name!r} has no architecture {name!r}: "
                f"{nearest(name, record.architectures)}"
            )
    if architectures is not None and len(set(architectures)) < len(architectures):
        raise UsageError("--architectures: each architecture is named once")
    chosen = record.architectures if architectures is None else architectures
    winners = tuple(winner for winner in record.winners if winner.architecture in chosen)
    if not winners:
        which = f"none of {', '.join(chosen)} has" if architectures else "no architecture has"
        raise UsageError(f"{which} a complete trial in {record.name!r}: there is nothing to compare")
    return winners


def further_fits(
    record: SweepRecord, plan: Plan, exam: str, refits: int, winners: Sequence[TrialRecord]
) -> list[ExtraFits]:
    """Return the refits of each winner, by number from 0.

    Args:
        record: a finished sweep.
        plan: its plan.
        exam: fingerprint of its exam.
        refits: how many of each.
        winners: whose refits.
    """
    return [
        ExtraFits(
            trial=winner,
            specs={
                number: refit_spec(winner, record.seed, plan.platform, number, exam)
                for number in range(refits)
            },
        )
        for winner in winners
    ]


def recorded_refits(record: SweepRecord, winner: TrialRecord) -> tuple[FoldRecord, ...]:
    """Return a winner's recorded refits on the exam, in the order of their seeds."""
    return record.examined.get((winner.architecture, winner.number), ())


def key_of(winner: TrialRecord, seed: int, platform: tuple[tuple[str, str], ...]) -> str:
    """Return the key of the model that ``refold export`` makes of a winner: its first refit."""
    return model_key("refit", [refit_spec(winner, seed, platform)])


def earlier_openings(openings: Sequence[Opening], models: Sequence[str]) -> tuple[Opening, ...]:
    """Return the openings of an exam before these models were opened for a comparison.

    Args:
        openings: all of the exam's, the oldest first.
        models: keys of the winners' models. One of them that was exported before was opened before.
    """
    mine = [opening for opening in openings if opening.model in models]
    last = max((opening.at for opening in mine), default=0.0)
    return tuple(
        opening
        for opening in openings
        if (opening.model not in models and opening.at < last)
        or (opening.model in models and opening.purpose == "export")
    )

"""The best trial of a sweep, by the best evidence that is recorded; and trials by their names."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from sweeps.analysis.statistics.exam import FEWEST_REFITS
from tracking.records import FoldRecord, SweepRecord, TrialRecord
from trainer.errors import UsageError
from trainer.fits.names import read_trial_name, trial_name
from trainer.quantities import counted

#: What winners were ranked on: refits scored on the exam, fresh repeats of the cross-validation, the search.
Evidence = Literal["exam", "repeats", "search"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The winners of a sweep's architectures.

    Attributes:
        on: what they were ranked on.
        winners: the best first; of equal ones the better in the search first.
    """

    on: Evidence
    winners: tuple[TrialRecord, ...]


def rank(record: SweepRecord) -> Ranking:
    """Return the winners, ranked on the best evidence that is recorded of all of them.

    That is the mean score of each one's refits on the exam, if ``refold compare`` has scored at least
    ``FEWEST_REFITS`` complete ones of every winner; else its mean score on fresh repeats of the
    cross-validation, if every winner has them; else its pooled score in the search.
    """
    winners = record.winners
    exam = {winner.name: exam_score(record, winner) for winner in winners}
    repeats = {
        trial.name: trial.metric.oriented(trial.score_mean)
        for trial in record.confirmed
        if trial.state == "complete"
    }
    if winners and all(score is not None for score in exam.values()):
        return Ranking(on="exam", winners=tuple(sorted(winners, key=lambda each: -(exam[each.name] or 0.0))))
    if winners and all(winner.name in repeats for winner in winners):
        return Ranking(on="repeats", winners=tuple(sorted(winners, key=lambda each: -repeats[each.name])))
    return Ranking(on="search", winners=winners)


def exam_score(record: SweepRecord, trial: TrialRecord) -> float | None:
    """Return the mean score of a trial's refits on the exam; None if too few were scored there."""
    scores = exam_scores(record.examined.get((trial.architecture, trial.number), ()))
    return fmean(scores) if len(scores) >= FEWEST_REFITS else None


def exam_scores(refits: Iterable[FoldRecord]) -> tuple[float, ...]:
    """Return the score of each refit that did not fail, in the order of their seeds."""
    scores = (refit.run.result.score for refit in refits if refit.run.result.state == "complete")
    return tuple(score for score in scores if score is not None)


def pick(record: SweepRecord, architecture: str | None = None, trial: str | None = None) -> TrialRecord:
    """Return the trial to export: the named one, or the best complete one (of an architecture).

    The best one is the first of ``rank``: what ``refold compare`` has found on the exam comes first.

    Args:
        record: the sweep.
        architecture: take only trials of this architecture.
        trial: the named trial, like ``"resnet/3"``.

    Raises:
        UsageError: if there is no such trial.
    """
    if architecture is not None and architecture not in record.architectures:
        known = ", ".join(record.architectures)
        raise UsageError(f"the sweep {record.name!r} has no architecture {architecture!r}; it has: {known}")
    if trial is not None:
        return _named(record, architecture, trial)
    for winner in rank(record).winners:
        if architecture in (None, winner.architecture):
            return winner
    which = f"of {architecture} " if architecture else ""
    raise UsageError(f"no trial {which}in the sweep {record.name!r} is complete yet: run it to its end first")


def reason(record: SweepRecord, architecture: str | None = None, trial: str | None = None) -> str:
    """Return on what ``pick`` chooses for the same arguments, in words."""
    if trial is not None:
        return "the trial that was asked for"
    if architecture is not None:
        return f"the best trial of {architecture} in the search"
    ranking = rank(record)
    of = f", the best of {counted(len(ranking.winners), 'winner')}" if len(ranking.winners) > 1 else ""
    if ranking.on == "exam":
        refits = len(exam_scores(record.examined[_place(ranking.winners[0])]))
        return f"chosen by the mean score of its {refits} refits on the exam{of}"
    if ranking.on == "repeats":
        return f"chosen by its mean score on fresh repeats of the cross-validation{of}"
    return f"chosen by its score in the search{of}"


def _place(trial: TrialRecord) -> tuple[str, int]:
    return trial.architecture, trial.number


def find_trial(record: SweepRecord, text: str) -> TrialRecord:
    """Return the trial of a name like ``resnet/3``.

    Raises:
        UsageError: if there is none; the message lists the sweep's trials.
    """
    architecture, number = read_trial_name(text)
    for trial in record.trials:
        if (trial.architecture, trial.number) == (architecture, number):
            return trial
    last = record.trials_per_architecture - 1
    ranges = (dict.fromkeys([trial_name(name, 0), trial_name(name, last)]) for name in record.architectures)
    there = ", ".join(" to ".join(ends) for ends in ranges)
    raise UsageError(f"the sweep {record.name!r} has no trial {text!r}; it has {there}")


def _named(record: SweepRecord, architecture: str | None, text: str) -> TrialRecord:
    found = find_trial(record, text)
    if architecture not in (None, found.architecture):
        raise UsageError(f"the trial {text!r} is not one of {architecture}: leave out --architecture")
    if found.state != "complete":
        reason = f" ({found.reason})" if found.reason else ""
        raise UsageError(f"the trial {text!r} is {found.state}{reason}: only a complete one can be exported")
    return found

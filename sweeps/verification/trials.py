"""Trials and fits of a record against its plan: none missing, none too many, each ended by the rule."""

from collections.abc import Iterator, Mapping, Sequence

from sweeps.definition.changes import Change
from sweeps.definition.identity import Difference
from sweeps.definition.plan import Plan
from sweeps.verification.asked_fits import AskedFit
from tracking.ledger.contents import SweepContents
from tracking.records import SweepRecord, TrialRecord
from trainer.fits.names import trial_name


def trial_differences(record: SweepRecord, plan: Plan) -> list[Difference]:
    """Compare the trials with the plan, and look for trials whose outcome was needed and is not there.

    The last trials of an unfinished sweep are not missing: they have not begun.
    """
    found = []
    by_architecture: dict[str, dict[int, TrialRecord]] = {each.name: {} for each in plan.architectures}
    for trial in record.trials:
        mine = by_architecture.get(trial.architecture)
        if mine is None or trial.number >= plan.trials:
            what = f"not asked for: {plan.trials} trials of {', '.join(by_architecture)} are"
            found.append(Difference(subject="trial", where=trial.name, what=what))
        else:
            mine[trial.number] = trial
    for name, trials in by_architecture.items():
        found += _gaps(name, trials, plan.search.window)
    return found


def _gaps(architecture: str, trials: Mapping[int, TrialRecord], window: int) -> Iterator[Difference]:
    """Yield a difference for each trial that a later one was proposed from, but that has no outcome."""
    last = max(trials, default=-1)
    for number in range(last):
        trial, name = trials.get(number), trial_name(architecture, number)
        if trial is None:
            what = f"it is missing, and {trial_name(architecture, last)} is there"
            yield Difference(subject="trial", where=name, what=what)
        elif trial.state == "running" and number + window <= last:
            later = trial_name(architecture, number + window)
            what = f"{len(trial.folds)} folds do not end it, and {later} was proposed from its outcome"
            yield Difference(subject="folds", where=name, what=what)


def asked_differences(asked: Sequence[AskedFit], unasked: Sequence[str]) -> list[Difference]:
    """Compare the fits that the record asks for with those that the plan asks for.

    Not all of them are recorded: some come after the end of their trial, and a comparison may be interrupted.

    Args:
        asked: all fits of the sweep.
        unasked: keys of recorded fits that no sweep asks for.
    """
    found = []
    for fit in asked:
        if fit.key is None:
            found.append(Difference(subject="fit", where=fit.where, what="the record does not ask for it"))
        elif fit.spec is None:
            found.append(Difference(subject="fit", where=fit.where, what="the plan has no such fit"))
        elif fit.key != fit.spec.key and fit.fold is None:
            what = Change("fit key", fit.key, fit.spec.key).said("recorded", "derived")
            found.append(Difference(subject="fit key", where=fit.where, what=what))
    what = "no sweep of this home asks for it: its trial was removed from the record"
    found += [Difference(subject="fit", where=f"fit {key[:16]}", what=what) for key in unasked]
    return found


def beside_differences(record: SweepRecord, contents: SweepContents) -> list[Difference]:
    """Check that fits beside the search belong to complete trials: no others are compared or measured."""
    trials = {(trial.architecture, trial.number): trial for trial in record.trials}
    found = []
    for purpose, members in contents.further.items():
        for place in members:
            state = trials[place].state if place in trials else "not there"
            if state != "complete":
                what = f"it has fits for the {purpose}, and it is {state}"
                found.append(Difference(subject="state", where=trial_name(*place), what=what))
    return found

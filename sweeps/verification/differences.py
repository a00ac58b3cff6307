"""Differences between a record and what can be derived from it: pure functions, causes before effects.

Compared are machine and software, the sweep's identity, the parts of each fit's spec, and proposals.
"""

from collections.abc import Iterable, Sequence

from sweeps.definition.changes import Change, changes
from sweeps.definition.identity import Difference, identity_of
from sweeps.definition.plan import Plan
from sweeps.definition.prepare import held_out_counts
from sweeps.search.outcomes import Ended
from sweeps.search.proposals import propose
from sweeps.search.thresholds import thresholds
from sweeps.verification.asked_fits import AskedFit
from tracking.ledger.entry import SweepEntry
from tracking.records import SweepRecord, TrialRecord
from trainer.datasets import Dataset
from trainer.fits.environment import Environment
from trainer.fits.seeds import proposal_seed
from trainer.fits.specs import FitSpec


def same_machine_kind(record: SweepRecord, here: Environment) -> bool:
    """Whether the sweep was recorded on this kind of processor and device; only then bytes must be equal."""
    machines = [
        record.environment,
        *(fold.run.environment for trial in record.trials for fold in trial.folds),
    ]
    return all(m.cpu == here.cpu and m.device == here.device for m in machines)


def environment_differences(asked: Sequence[AskedFit], here: Environment) -> list[Difference]:
    """Compare the software and the switches of recorded fits with those of a fit on this machine.

    Args:
        asked: the sweep's fits.
        here: the environment that a training process reports here.
    """
    found = []
    for fit in asked:
        if fit.fold is not None:
            then = fit.fold.run.environment
            found += found_in(fit.where, changes(then.software, here.software), "here")
            found += found_in(fit.where, changes(then.switches, here.switches), "here")
            found += found_in(fit.where, changes(then.variables, here.variables), "here")
    return found


def found_in(place: str, changed: Iterable[Change], now: str) -> list[Difference]:
    """Return changes as differences: as recorded, and ``now`` is how the second values were found."""
    return [Difference(subject=each.name, where=place, what=each.said("recorded", now)) for each in changed]


def held_out_differences(plan: Plan, name: str, dataset: Dataset) -> list[Difference]:
    """Count the images of each class in each fold again; the bounds of pruning depend on these."""
    here = held_out_counts(dataset, plan.cv.folds, plan.seed)
    if here == plan.held_out:
        return []
    return [
        Difference(
            subject="images of each class in each fold",
            where=name,
            what=f"{_listed(plan.held_out)} recorded, {_listed(here)} derived",
        )
    ]


def _listed(counts: Sequence[Sequence[int]]) -> str:
    return str(list(map(list, counts))) if counts else "none"


def identity_differences(entry: SweepEntry) -> list[Difference]:
    """Check that the sweep's other columns agree with its identity."""
    identity = identity_of(entry)
    recorded = {
        "sweep key": entry.key,
        "sweep seed": entry.seed,
        "dataset fingerprint": entry.dataset.fingerprint,
        "fits of each trial": entry.fits,
        "architectures": sorted(entry.architectures),
    }
    derived = {
        "sweep key": identity.key,
        "sweep seed": identity.seed,
        "dataset fingerprint": identity.dataset,
        "fits of each trial": identity.folds,
        "architectures": identity.architectures,
    }
    return found_in(entry.name, changes(recorded, derived), "derived")


def spec_differences(asked: Sequence[AskedFit]) -> list[Difference]:
    """Compare the spec of every recorded fit with the one derived from the plan, field by field, seeds too.

    Thresholds depend on other trials' results; here they are taken from the record.
    """
    found = []
    for fit in asked:
        if fit.fold is None or fit.spec is None:
            continue
        equal = fit.fold.spec == fit.spec
        parts = () if equal else changes(_parts(fit.fold.spec), _parts(fit.spec))
        changed = found_in(fit.where, parts, "derived")
        found += changed
        for recorded in (fit.key, fit.fold.run.result.key):
            if recorded != fit.spec.key and not changed:
                found += found_in(fit.where, [Change("fit key", recorded, fit.spec.key)], "derived")
    return found


def _parts(spec: FitSpec) -> dict[str, object]:
    """Return a spec's values by name; each hyperparameter and package has its own name."""
    parts = spec.to_json()
    del parts["hyperparameters"], parts["platform"]
    named = {f"hyperparameter {name}": value for name, value in spec.hyperparameters}
    return {**parts, **named, **dict(spec.platform)}


def proposal_differences(record: SweepRecord, plan: Plan) -> list[Difference]:
    """Propose every trial again from the recorded outcomes before it, and derive its thresholds."""
    found = []
    for architecture in plan.architectures:
        trials = [trial for trial in record.trials if trial.architecture == architecture.name]
        for trial in trials:
            end = max(0, trial.number - plan.search.window + 1)
            ended = [_ended(observed) for observed in trials[:end]]
            proposed = propose(
                architecture.space,
                [observed.observation(plan.cv.epochs) for observed in ended],
                [t.hyperparameters for t in trials[end : trial.number]],
                seed=proposal_seed(plan.seed, architecture.name, trial.number),
                startup=plan.search.startup,
                direction=plan.metric.direction,
                given=architecture.given(trial.number),
            )
            place = trial.name
            for change in changes(trial.hyperparameters, proposed):
                what = change.said("recorded", "proposed")
                found.append(Difference(subject=f"proposal of {change.name}", where=place, what=what))
            cv = plan.cv
            asked = thresholds(
                plan.prune,
                ended,
                folds=cv.folds,
                epochs=cv.epochs,
                metric=plan.metric,
                held_out=plan.held_out,
            )
            if trial.folds and trial.folds[0].spec.thresholds != asked:
                what = f"{trial.folds[0].spec.thresholds} recorded, {asked} derived"
                found.append(Difference(subject="thresholds", where=place, what=what))
    return found


def _ended(trial: TrialRecord) -> Ended:
    return Ended(
        trial.hyperparameters, trial.state, tuple(fold.run.result for fold in trial.folds), trial.metric
    )

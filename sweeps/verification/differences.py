"""Differences between a record and what can be derived from it: pure functions, causes before effects.

Compared are machine and software, the sweep's identity, the parts of each fit's spec, proposals, and scores
within the record.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sweeps.definition.changes import Change, changes
from sweeps.definition.identity import Difference, identity_of
from sweeps.definition.plan import Plan
from sweeps.search.outcomes import Ended
from sweeps.search.proposals import propose
from sweeps.search.thresholds import thresholds
from tracking.ledger.ledger import SweepEntry
from tracking.records import FoldRecord, SweepRecord, TrialRecord
from trainer.fits.environment import Environment
from trainer.fits.names import fit_name
from trainer.fits.seeds import proposal_seed
from trainer.fits.specs import FitSpec
from trainer.fits.stopping import EarlyStopping


def same_machine_kind(record: SweepRecord, here: Environment) -> bool:
    """Whether the sweep was recorded on this kind of processor and device; only then bytes must be equal."""
    machines = [record.environment, *(f.run.environment for f in fits(record))]
    return all(m.cpu == here.cpu and m.device == here.device for m in machines)


def fits(record: SweepRecord) -> Iterator[FoldRecord]:
    """Yield every recorded fit in trial order."""
    for trial in record.trials:
        yield from trial.folds


def environment_differences(record: SweepRecord, here: Environment) -> list[Difference]:
    """Compare the software and the switches of recorded fits with those of a fit on this machine.

    Args:
        record: the sweep.
        here: the environment that a training process reports here.
    """
    found = []
    for trial in record.trials:
        for fold in trial.folds:
            then, place = fold.run.environment, fit_name(fold.spec, trial.number)
            found += _found(place, changes(then.software, here.software), "here")
            found += _found(place, changes(then.switches, here.switches), "here")
            found += _found(place, changes(then.variables, here.variables), "here")
    return found


def _found(place: str, changed: Iterable[Change], now: str) -> list[Difference]:
    return [Difference(subject=each.name, where=place, what=each.said("recorded", now)) for each in changed]


def identity_differences(entry: SweepEntry) -> list[Difference]:
    """Check that the sweep's key, seed and dataset agree with its identity."""
    identity = identity_of(entry)
    recorded = {
        "sweep key": entry.key,
        "sweep seed": entry.seed,
        "dataset fingerprint": entry.dataset.fingerprint,
    }
    derived = {
        "sweep key": identity.key,
        "sweep seed": identity.seed,
        "dataset fingerprint": identity.dataset,
    }
    return _found(entry.name, changes(recorded, derived), "derived")


def spec_differences(record: SweepRecord, plan: Plan) -> list[Difference]:
    """Derive the spec of every recorded fit again, seeds included, and compare it field by field.

    Thresholds depend on other trials' results; here they are taken from the record.
    """
    found = []
    planned = {architecture.name: architecture for architecture in plan.architectures}
    for trial in record.trials:
        asked = trial.folds[0].spec.thresholds if trial.folds else None
        derived = plan.fit_specs(
            planned[trial.architecture], trial.number, trial.hyperparameters, thresholds=asked
        )
        for fold, spec in zip(trial.folds, derived, strict=False):
            place = fit_name(spec, trial.number)
            changed = _found(place, changes(_parts(fold.spec), _parts(spec)), "derived")
            found += changed
            if fold.run.result.key != spec.key and not changed:
                key = Change("fit key", fold.run.result.key, spec.key)
                found += _found(place, [key], "derived")
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
                direction=plan.cv.metric.direction,
            )
            place = trial.name
            for change in changes(trial.hyperparameters, proposed):
                what = change.said("recorded", "proposed")
                found.append(Difference(subject=f"proposal of {change.name}", where=place, what=what))
            cv = plan.cv
            asked = thresholds(plan.prune, ended, folds=cv.folds, epochs=cv.epochs, metric=cv.metric)
            if trial.folds and trial.folds[0].spec.thresholds != asked:
                what = f"{trial.folds[0].spec.thresholds} recorded, {asked} derived"
                found.append(Difference(subject="thresholds", where=place, what=what))
    return found


def _ended(trial: TrialRecord) -> Ended:
    return Ended(
        trial.hyperparameters, trial.state, tuple(fold.run.result for fold in trial.folds), trial.metric
    )


def score_differences(record: SweepRecord) -> list[Difference]:
    """Check each fit's score, best epoch and weights digest against the rest of its result."""
    found = []
    for trial in record.trials:
        for fold in trial.folds:
            place = fit_name(fold.spec, trial.number)
            for subject, recorded, derived in _within(fold):
                if recorded != derived:
                    what = f"{recorded} recorded, {derived} follows from the rest of the record"
                    found.append(Difference(subject=subject, where=place, what=what))
    return found


def _within(fold: FoldRecord) -> list[tuple[str, Any, Any]]:
    """Return (name, recorded, derived) for each value of a complete result that its other values imply."""
    result, rule = fold.run.result, fold.spec.stopping
    if result.state != "complete" or rule is None:
        return []
    watch = EarlyStopping(rule)
    for epoch in result.epochs:
        watch.update(float("nan") if epoch.stop_f1 is None else epoch.stop_f1)
    return [
        ("score", result.f1, fold.spec.metric.of(result.confusion)),
        ("best epoch", result.best_epoch, watch.best_epoch),
        ("weights", result.weights_sha256, result.epochs[watch.best_epoch - 1].weights_sha256),
    ]

"""Every fit that a sweep asks for, derived from its plan, beside what the record has of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sweeps.analysis import variance_components
from sweeps.definition.plan import Plan, PlannedArchitecture
from sweeps.retraining.refit import refit_spec
from tracking.ledger.contents import SweepContents
from tracking.records import FoldRecord, Purpose, SweepRecord, TrialRecord
from trainer.fits.names import fit_name, trial_name
from trainer.fits.specs import FitSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedFit:
    """A fit that the plan or the record asks for.

    Attributes:
        where: its name in messages.
        architecture: its trial's.
        number: its trial's number.
        position: its place among the fits of its trial, or in the design of its purpose.
        purpose: the purpose of a fit beside the search; None for a fit of the search.
        key: its key in the record; None if the record does not ask for it.
        spec: its spec, derived from the plan; None if the plan has no such fit.
        fold: the recorded fit; None if there is none.
        counts: whether it is part of its trial's outcome, not after the fold that ended the trial.
    """

    where: str
    architecture: str
    number: int
    position: int
    purpose: str | None = None
    key: str | None
    spec: FitSpec | None
    fold: FoldRecord | None
    counts: bool = True

    @property
    def stopped(self) -> bool:
        """Whether it is recorded as stopped from outside: then it has no bits to compare."""
        return self.fold is not None and self.fold.run.stopped_for is not None


def asked_fits(record: SweepRecord, contents: SweepContents, plan: Plan) -> list[AskedFit]:
    """Return the fits of the search in trial order, then those beside it."""
    planned = {architecture.name: architecture for architecture in plan.architectures}
    trials = {(trial.architecture, trial.number): trial for trial in record.trials}
    found = [fit for trial in record.trials for fit in _of_trial(trial, contents, plan, planned)]
    for place in contents.members.keys() - trials.keys():
        found += _unplanned(None, place, contents.members[place], contents)
    for purpose, members in contents.further.items():
        for place, keys in members.items():
            specs = _specs_beside(purpose, trials.get(place), len(keys), plan, planned, record)
            found += _beside(purpose, place, keys, specs, contents)
    return found


def _of_trial(
    trial: TrialRecord, contents: SweepContents, plan: Plan, planned: Mapping[str, PlannedArchitecture]
) -> Iterator[AskedFit]:
    keys = contents.members.get((trial.architecture, trial.number), {})
    architecture = planned.get(trial.architecture)
    specs: Mapping[int, FitSpec] = {}
    if architecture is not None:
        # Thresholds depend on the outcomes of other trials. They are derived where proposals are.
        asked = trial.folds[0].spec.thresholds if trial.folds else None
        hyperparameters = trial.hyperparameters
        specs = dict(enumerate(plan.fit_specs(architecture, trial.number, hyperparameters, thresholds=asked)))
    for position in sorted(specs.keys() | keys.keys()):
        spec = specs.get(position)
        yield AskedFit(
            where=fit_name(spec, trial.number) if spec else f"{trial.name} fit {position}",
            architecture=trial.architecture,
            number=trial.number,
            position=position,
            key=keys.get(position),
            spec=spec,
            fold=contents.fits.get(keys.get(position, "")),
            counts=position < len(trial.folds),
        )


def _specs_beside(
    purpose: str,
    trial: TrialRecord | None,
    count: int,
    plan: Plan,
    planned: Mapping[str, PlannedArchitecture],
    record: SweepRecord,
) -> dict[int, FitSpec]:
    """Return the specs of a design with at least ``count`` fits, by position; none for an unknown one."""
    if trial is None or trial.architecture not in planned:
        return {}
    architecture, folds = planned[trial.architecture], plan.cv.folds
    if purpose == Purpose.COMPARISON:
        repeats = range(1, -(-count // folds) + 1)
        chosen = trial.hyperparameters
        specs = [plan.fit_specs(architecture, purpose, chosen, repeat=repeat) for repeat in repeats]
        return dict(enumerate(spec for repeat in specs for spec in repeat))
    if purpose == Purpose.VARIANCE:
        rows = max(variance_components.FEWEST, -(-count // variance_components.row_of(trial)))
        return dict(variance_components.further_fits(plan, architecture, trial, rows).specs)
    exam = record.dataset.exam
    if purpose == Purpose.EXAM and exam is not None and trial.state == "complete":
        platform, fingerprint = plan.platform, exam.fingerprint
        return {n: refit_spec(trial, plan.seed, platform, n, fingerprint) for n in range(count)}
    return {}


def _beside(
    purpose: str,
    place: tuple[str, int],
    keys: Mapping[int, str],
    specs: Mapping[int, FitSpec],
    contents: SweepContents,
) -> Iterator[AskedFit]:
    """Yield the fits of one design; those that lack a row are the gaps in it."""
    if not specs:
        yield from _unplanned(purpose, place, keys, contents)
        return
    for position in sorted(specs.keys() | keys.keys()):
        yield AskedFit(
            where=f"{trial_name(*place)} {purpose} fit {position}",
            architecture=place[0],
            number=place[1],
            position=position,
            purpose=purpose,
            key=keys.get(position),
            spec=specs.get(position),
            fold=contents.fits.get(keys.get(position, "")),
        )


def _unplanned(
    purpose: str | None, place: tuple[str, int], keys: Mapping[int, str], contents: SweepContents
) -> Iterator[AskedFit]:
    """Yield fits that only the record asks for."""
    for position, key in keys.items():
        yield AskedFit(
            where=f"{trial_name(*place)} {purpose or 'search'} fit {position}",
            architecture=place[0],
            number=place[1],
            position=position,
            purpose=purpose,
            key=key,
            spec=None,
            fold=contents.fits.get(key),
        )

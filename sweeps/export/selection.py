"""Which model to take home: which trial, made how, of which fits, and under what name."""

import re
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from tracking.records import FoldRecord, SweepRecord, TrialRecord
from trainer.canonical import digest
from trainer.errors import UsageError
from trainer.fits.names import read_trial_name, trial_name
from trainer.fits.seeds import Seeds
from trainer.fits.specs import FitSpec
from trainer.hyperparameters import Value
from trainer.runtime.environment import environment

How = Literal["refit", "ensemble", "best-fold"]
HOWS: tuple[How, ...] = get_args(How)

#: File systems take names of 255 bytes; room for an ending and for a download's "(1)" is kept free.
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSelection:
    """A model that can be made.

    Attributes:
        trial: whose hyperparameters it has.
        how: it is made.
        specs: the fits that make it; their weights are averaged in what they predict if there are several.
        recorded: the record of each of them that must be met; None for a fit that the sweep did not have.
    """

    trial: TrialRecord
    how: How
    specs: tuple[FitSpec, ...]
    recorded: tuple[FoldRecord | None, ...]

    @property
    def key(self) -> str:
        """SHA-256 of how it is made and of the fits: equal keys mean the same model."""
        return digest([self.how, [spec.key for spec in self.specs]])


def pick(record: SweepRecord, architecture: str | None = None, trial: str | None = None) -> TrialRecord:
    """Return the trial to export: the one named, or the best complete one (of one architecture).

    "The best" is the winner that did best on fresh repeats, where ``refold compare`` has confirmed all of
    them; else the best pooled score of the sweep itself (``SweepRecord.ranking``).

    Args:
        record: the sweep.
        architecture: its best trial only.
        trial: ``"resnet/3"``.

    Raises:
        UsageError: if there is none like that.
    """
    if architecture is not None and architecture not in record.architectures:
        known = ", ".join(record.architectures)
        raise UsageError(f"the sweep {record.name!r} has no architecture {architecture!r}; it has: {known}")
    if trial is not None:
        return _named(record, architecture, trial)
    for ranked in [*confirmed_winners(record), *record.ranking]:
        if architecture in (None, ranked.architecture):
            return ranked
    which = f"of {architecture} " if architecture else ""
    raise UsageError(f"no trial {which}in the sweep {record.name!r} is complete yet: run it to its end first")


def confirmed_winners(record: SweepRecord) -> list[TrialRecord]:
    """Return the winners by their mean score on fresh repeats, best first, if all are confirmed."""
    scores = {
        (trial.architecture, trial.number): trial.metric.oriented(trial.f1_mean)
        for trial in record.confirmed
        if trial.state == "complete"
    }
    winners = record.winners
    if not all((trial.architecture, trial.number) in scores for trial in winners):
        return []
    return sorted(winners, key=lambda trial: -scores[trial.architecture, trial.number])


def find_trial(record: SweepRecord, text: str) -> TrialRecord:
    """Return the trial that a user calls ``resnet/3``.

    Raises:
        UsageError: if there is none, with those there are.
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


def choose(record: SweepRecord, trial: TrialRecord, how: How) -> ModelSelection:
    """Return the fits that make the model.

    Args:
        record: the sweep.
        trial: a complete one of it.
        how: ``refit`` (all training data), ``ensemble`` (all fold models) or ``best-fold`` (the one whose
            held-out fold was predicted best; of equal ones the first).
    """
    if how == "refit":
        return ModelSelection(trial=trial, how=how, specs=(refit_spec(record, trial),), recorded=(None,))
    best = max(trial.folds, key=lambda fold: trial.metric.oriented(fold.run.result.f1))
    folds = trial.folds if how == "ensemble" else (best,)
    return ModelSelection(trial=trial, how=how, specs=tuple(fold.spec for fold in folds), recorded=folds)


def refit_spec(record: SweepRecord, trial: TrialRecord) -> FitSpec:
    """Return the fit that trains the trial's hyperparameters on everything, without a stop set.

    It lasts the median of the folds' best epochs (rounded up where that falls between two).
    """
    fold = trial.folds[0].spec
    best = [record_.run.result.best_epoch for record_ in trial.folds]
    return FitSpec(
        dataset=fold.dataset,
        architecture=fold.architecture,
        architecture_digest=fold.architecture_digest,
        hyperparameters=fold.hyperparameters,
        folds=fold.folds,
        repeat=0,
        fold=None,
        seeds=Seeds.of_fit(record.seed, trial=trial.number, repeat=0, fold="refit"),
        epochs=-int(-statistics.median(best) // 1),
        stopping=None,
        platform=environment().platform,
    )


def model_name(record: SweepRecord, choice: ModelSelection) -> str:
    """Return ``<sweep>-<architecture>-<how>-<metric>_<score>-<trial>-<hyperparameters>``.

    Its letters are those that every file system and MLflow take.
    """
    trial = choice.trial
    score = f"{trial.metric.key}_{trial.f1:.4f}"
    start = f"{record.name}-{trial.architecture}-{choice.how}-{score}-t{trial.number:04}"
    name = f"{start}-{_values(trial.hyperparameters)}"
    return re.sub(r"[^A-Za-z0-9._+-]", "_", name)[:LONGEST_NAME].rstrip("-_.")


def _values(hyperparameters: Mapping[str, Value]) -> str:
    return "-".join(
        f"{name}_{value:.4g}" if isinstance(value, float) else f"{name}_{value}"
        for name, value in sorted(hyperparameters.items())
    )

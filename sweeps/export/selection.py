"""The model to export: its trial, how it is made, its fits, and its name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from sweeps.retraining.refit import model_key, refit_spec
from tracking.records import FoldRecord, SweepRecord, TrialRecord
from trainer.errors import UsageError
from trainer.fits.names import read_trial_name, trial_name
from trainer.fits.specs import FitSpec
from trainer.hyperparameters import Value
from trainer.runtime.environment import environment

How = Literal["refit", "ensemble", "best-fold"]
HOWS: tuple[How, ...] = get_args(How)

#: File systems allow names of 255 bytes; some are left for an ending and for a download's "(1)".
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSelection:
    """A model that can be made.

    Attributes:
        trial: the trial whose hyperparameters it has.
        how: how it is made; see ``choose``.
        specs: the fits that make it; with several, their predicted probabilities are averaged.
        recorded: for each fit, the record that it must match; None for a fit that is not in the sweep.
    """

    trial: TrialRecord
    how: How
    specs: tuple[FitSpec, ...]
    recorded: tuple[FoldRecord | None, ...]

    @property
    def key(self) -> str:
        """SHA-256 of ``how`` and of the fits: equal keys mean the same model."""
        return model_key(self.how, self.specs)


def pick(record: SweepRecord, architecture: str | None = None, trial: str | None = None) -> TrialRecord:
    """Return the trial to export: the named one, or the best complete one (of an architecture).

    If ``refold compare`` has trained fresh repeats of all winners, the best is the winner with the best mean
    score on them; else the trial with the best pooled score of the sweep (``SweepRecord.ranking``).

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
    for ranked in [*confirmed_winners(record), *record.ranking]:
        if architecture in (None, ranked.architecture):
            return ranked
    which = f"of {architecture} " if architecture else ""
    raise UsageError(f"no trial {which}in the sweep {record.name!r} is complete yet: run it to its end first")


def confirmed_winners(record: SweepRecord) -> list[TrialRecord]:
    """Return the winners by mean score on fresh repeats, best first; empty unless all have repeats."""
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


def choose(record: SweepRecord, trial: TrialRecord, how: How) -> ModelSelection:
    """Return the fits that make the model.

    Args:
        record: the sweep.
        trial: a complete trial of the sweep.
        how: ``refit`` (all training data), ``ensemble`` (all fold models) or ``best-fold`` (the fold model
            with the best score on its held-out fold; the first of equal ones).
    """
    if how == "refit":
        refit = refit_spec(trial, record.seed, environment().platform)
        return ModelSelection(trial=trial, how=how, specs=(refit,), recorded=(None,))
    best = max(trial.folds, key=lambda fold: trial.metric.oriented(fold.run.result.f1))
    folds = trial.folds if how == "ensemble" else (best,)
    return ModelSelection(trial=trial, how=how, specs=tuple(fold.spec for fold in folds), recorded=folds)


def model_name(record: SweepRecord, choice: ModelSelection) -> str:
    """Return ``<sweep>-<architecture>-<how>-<metric>_<score>-<trial>-<hyperparameters>``.

    It has only characters that every file system and MLflow accept.
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

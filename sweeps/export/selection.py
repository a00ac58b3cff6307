"""The model to export: its trial, how it is made, its fits, and its name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from sweeps.retraining.refit import examined_twin, model_key, refit_spec
from tracking.records import FoldRecord, SweepRecord, TrialRecord
from trainer.fits.specs import FitSpec
from trainer.hyperparameters import Fixed, Space, Value
from trainer.runtime.environment import environment

How = Literal["refit", "ensemble", "best-fold"]
HOWS: tuple[How, ...] = get_args(How)

#: How a model was made: a refit may have been trained on the exam too.
Made = Literal["refit", "ensemble", "best-fold", "refit-all"]

#: File systems allow names of 255 bytes; some are left for an ending and for a download's "(1)".
LONGEST_NAME = 200

#: Number of digits of a model's key in its name.
KEY_DIGITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSelection:
    """A model that can be made.

    Attributes:
        trial: the trial whose hyperparameters it has.
        how: how it is made; see ``choose``.
        specs: the fits that make it; with several, their predicted probabilities are averaged.
        recorded: for each fit, the record that it must match; None for a fit that is not in the sweep.
        twin: of a refit, the recorded one with the same weights that was scored on the exam; None if there is
            none.
        smaller: of a refit on all images, the recorded one on the images of the search alone, which was
            scored on the exam; else None.
    """

    trial: TrialRecord
    how: Made
    specs: tuple[FitSpec, ...]
    recorded: tuple[FoldRecord | None, ...]
    twin: FoldRecord | None = None
    smaller: FoldRecord | None = None

    @property
    def key(self) -> str:
        """SHA-256 of ``how`` and of the fits: equal keys mean the same model."""
        return model_key(self.how, self.specs)


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
        twin = examined_twin(record, trial, refit)
        return ModelSelection(trial=trial, how=how, specs=(refit,), recorded=(None,), twin=twin)
    best = max(trial.folds, key=lambda fold: trial.metric.oriented(fold.run.result.score))
    folds = trial.folds if how == "ensemble" else (best,)
    return ModelSelection(trial=trial, how=how, specs=tuple(fold.spec for fold in folds), recorded=folds)


def model_name(record: SweepRecord, choice: ModelSelection, space: Space, key: str = "") -> str:
    """Return ``<sweep>-<architecture>-<how>-<metric>_<score>-<searched values>-<trial>-<key>``.

    Two models have two names: the key's digits differ. It has only characters that every file system and
    MLflow accept.

    Args:
        record: the sweep.
        choice: the model.
        space: of its architecture; what is fixed there is the same for all its models, and is not named.
        key: the model's key if it was made elsewhere, with other versions or on another processor; else its
            own.
    """
    searched = {name for name, values in space.items() if not isinstance(values, Fixed)}
    values = {name: value for name, value in choice.trial.hyperparameters.items() if name in searched}
    start = f"{_said(record, choice)}{'-' if values else ''}{_values(values)}"
    end = f"-t{choice.trial.number:04}-{(key or choice.key)[:KEY_DIGITS]}"
    return _legal(start)[: LONGEST_NAME - len(end)].rstrip("-_.") + end


def earlier_name(record: SweepRecord, choice: ModelSelection) -> str:
    """Return the name that earlier versions of refold gave a model: folders and records have it."""
    values = _values(choice.trial.hyperparameters)
    name = f"{_said(record, choice)}-t{choice.trial.number:04}-{values}"
    return _legal(name)[:LONGEST_NAME].rstrip("-_.")


def _said(record: SweepRecord, choice: ModelSelection) -> str:
    trial = choice.trial
    return f"{record.name}-{trial.architecture}-{choice.how}-{trial.metric.key}_{trial.score:.4f}"


def _legal(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]", "_", name)


def _values(hyperparameters: Mapping[str, Value]) -> str:
    return "-".join(
        f"{name}_{value:.4g}" if isinstance(value, float) else f"{name}_{value}"
        for name, value in sorted(hyperparameters.items())
    )

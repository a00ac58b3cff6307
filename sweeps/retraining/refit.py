"""The refits of a trial: trainings on all images of the search, with its hyperparameters and new seeds."""

import statistics
from collections.abc import Iterable
from dataclasses import replace

from tracking.records import FoldRecord, SweepRecord, TrialRecord
from trainer.canonical import digest
from trainer.fits.learning_rates import reductions_of
from trainer.fits.seeds import Seeds
from trainer.fits.specs import FitSpec
from trainer.recipe.augmentation import is_augmented
from trainer.recipe.table import SCHEDULE


def refit_spec(
    trial: TrialRecord,
    seed: int,
    platform: tuple[tuple[str, str], ...],
    number: int = 0,
    exam: str | None = None,
) -> FitSpec:
    """Return a fit on all images of the search, without a stop set.

    Its number of epochs is the median of the folds' best epochs, rounded up. Its learning rates are those of
    the folds' schedule in these epochs; a plateau schedule replays the reductions of the fold with the median
    best epoch, the one in the middle if folds are sorted by best epoch and number (of two, the later one).

    Args:
        trial: a complete trial.
        seed: the sweep's.
        platform: of the machine that trains it; see ``FitSpec``.
        number: which refit, from 0. Each has other seeds; those of equal numbers are equal for all trials of
            one number. The first one is the model that ``refold export`` gives.
        exam: fingerprint of the exam that it is scored on; None for none. It changes no weight.
    """
    fold = trial.folds[0].spec
    best = [record.run.result.best_epoch for record in trial.folds]
    scheduled = SCHEDULE.of(trial.hyperparameters) != "none"
    return FitSpec(
        dataset=fold.dataset,
        architecture=fold.architecture,
        architecture_digest=fold.architecture_digest,
        hyperparameters=fold.hyperparameters,
        folds=fold.folds,
        repeat=number,
        fold=None,
        seeds=Seeds.of_fit(
            seed,
            trial=trial.number,
            repeat=number,
            fold="refit",
            augmented=is_augmented(dict(fold.hyperparameters)),
        ),
        epochs=-int(-statistics.median(best) // 1),
        stopping=None,
        platform=platform,
        exam=exam,
        horizon=fold.epochs if scheduled else 0,
        reductions=_reductions(trial),
        metric_name=fold.metric_name,
    )


def _reductions(trial: TrialRecord) -> tuple[int, ...]:
    """Return the epochs after which refits of a trial reduce the learning rate."""
    if SCHEDULE.of(trial.hyperparameters) != "plateau":
        return ()
    longest = sorted(trial.folds, key=lambda fold: fold.run.result.best_epoch)
    middle = longest[len(longest) // 2]
    return reductions_of(middle.spec, middle.run.result.epochs)


def without_exam(spec: FitSpec) -> FitSpec:
    """Return the refit with the same weights that is not scored on an exam."""
    return replace(spec, exam=None)


def examined_twin(record: SweepRecord, trial: TrialRecord, spec: FitSpec) -> FoldRecord | None:
    """Return the recorded refit of a trial that is scored on the exam and has a refit's weights, or None."""
    refits = record.examined.get((trial.architecture, trial.number), ())
    return next((refit for refit in refits if without_exam(refit.spec).key == without_exam(spec).key), None)


def model_key(how: str, specs: Iterable[FitSpec]) -> str:
    """Return the key of the model that some fits make: equal keys mean the same model.

    Whether a fit is scored on an exam changes no model.

    Args:
        how: how the model is made of them; see ``sweeps.export.selection.How``.
        specs: its fits.
    """
    return digest([how, [without_exam(spec).key for spec in specs]])

"""The images on which exported and trained model must agree, and the model's scores."""

from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt

from sweeps.definition.exam import exam_images
from sweeps.export.about import CrossValidationScore, FoldScore, Scores
from sweeps.export.parity import TIE, Probabilities
from sweeps.export.selection import ModelSelection
from tracking.ledger.entry import SweepEntry
from tracking.records import FoldRecord, SweepRecord, TrialRecord
from trainer.datasets import Dataset, open_stored
from trainer.errors import Mismatch
from trainer.fits.names import fit_name
from trainer.fits.split import Split
from trainer.metrics.confusion import Confusion, accuracy, macro_f1
from trainer.metrics.metric import MACRO_F1, Metric
from trainer.quantities import counted

#: Number of training images to compare if no image was held out from the model.
TRAINING_IMAGES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationImages:
    """Images that both the exported and the trained model classify.

    Attributes:
        images: ``[n, height, width, channels]`` raw pixels.
        name: what the images are, in words.
        test: the sweep's exam, if the images are it; else None.
    """

    images: npt.NDArray[Any]
    name: str
    test: Dataset | None


def gather(home: Path, entry: SweepEntry, choice: ModelSelection, dataset: Path) -> EvaluationImages:
    """Return held-out images: the sweep's exam, else the fold that was held out from the model.

    If the model was trained on all images and there is no exam, training images are returned: they show as
    well whether a file is the model.

    Args:
        home: the folder that holds the ledger.
        entry: the sweep's entry in the ledger.
        choice: the model.
        dataset: the folder of the stored dataset.

    Raises:
        UsageError: if the dataset has changed, as its exam may have changed too.
    """
    if choice.how == "refit-all":
        return EvaluationImages(
            images=open_stored(dataset).images[:TRAINING_IMAGES],
            name="images of the training data (it has the exam too)",
            test=None,
        )
    if (found := exam_images(home, entry)) is not None:
        exam, told = found
        name = told.origin if told.origin.startswith("the ") else "the exam"
        return EvaluationImages(images=exam.images, name=name, test=exam)
    stored = open_stored(dataset)
    if choice.how == "best-fold":
        spec = choice.specs[0]
        held_out = Split.of_fit(spec, stored).parts(spec).held_out
        return EvaluationImages(images=stored.images[held_out], name="its held-out fold", test=None)
    return EvaluationImages(
        images=stored.images[:TRAINING_IMAGES],
        name="images of the training data (there is no exam)",
        test=None,
    )


def scores(
    record: SweepRecord, choice: ModelSelection, images: EvaluationImages, trained: Probabilities
) -> Scores:
    """Return the model's scores: in cross-validation, on its own fold and on the test set.

    Args:
        record: the sweep.
        choice: the model.
        images: the evaluation images.
        trained: the trained model's probabilities for these images, ``[n, classes]``.
    """
    from sweeps.export.exam_score import score_on  # SciPy takes a second

    (recorded, *_) = choice.recorded
    given = trained.argmax(axis=1) if choice.trial.metric.counts else trained
    test = images.test
    return Scores(
        cross_validation=cross_validation(choice.trial),
        fold=own_fold(recorded) if recorded and choice.how == "best-fold" else None,
        test=None if test is None else score_on(test, record, choice.trial, given),
    )


def check_predictions(choice: ModelSelection, images: EvaluationImages, trained: Probabilities) -> None:
    """Check that a refit classifies the exam as recorded, if it is recorded.

    Args:
        choice: the model.
        images: the evaluation images.
        trained: the model's probabilities for these images, ``[n, classes]``.

    Raises:
        Mismatch: if it gives other classes. Either class is right where two are closer than ``TIE``.
    """
    twin = choice.twin
    if twin is None or images.test is None or twin.spec.exam != images.test.fingerprint:
        return
    recorded = twin.run.result.predicted_classes()
    best = np.sort(trained, axis=1)
    clear = best[:, -1] - best[:, -2] >= TIE
    if len(recorded) != len(trained) or (wrong := (recorded != trained.argmax(axis=1)) & clear).any():
        count = len(trained) if len(recorded) != len(trained) else int(wrong.sum())
        raise Mismatch(
            f"{fit_name(twin.spec, choice.trial.number)} classifies {counted(count, 'image')} of the exam "
            "otherwise than recorded, with the recorded weights; nothing was exported"
        )


def cross_validation(trial: TrialRecord) -> CrossValidationScore:
    """Return the score of a complete trial."""
    assert trial.confusion is not None  # noqa: S101 - a complete trial has one
    f1 = tuple(fold.run.result.f1 or 0.0 for fold in trial.folds)
    return CrossValidationScore(
        f1_mean=fmean(f1),
        f1_std=trial.f1_std,
        f1_folds=f1,
        best_epochs=tuple(fold.run.result.best_epoch for fold in trial.folds),
        **score_of(trial.confusion, trial.metric, trial.score),
    )


def own_fold(fold: FoldRecord) -> FoldScore:
    """Return the score of a fold model on the fold that was held out from it."""
    result = fold.run.result
    return FoldScore(
        fold=fold.spec.fold,
        repeat=fold.spec.repeat,
        **score_of(result.confusion, fold.spec.metric, result.score),
    )


def score_of(confusion: Confusion, metric: Metric, value: float | None) -> dict[str, Any]:
    """Return the arguments for a ``Score``, with the value of the sweep's metric."""
    of_metric = {} if metric == MACRO_F1 else {"metric": metric.recorded, "value": value}
    return {
        **of_metric,
        "images": int(np.sum(confusion)),
        "f1": macro_f1(confusion),
        "accuracy": accuracy(confusion),
        "confusion": confusion,
    }

"""The artifacts of a run in MLflow, pure functions of record and dataset. Each is made when it is written."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tracking.mlflow.points import ended_at
from tracking.records import SweepRecord, TrialRecord
from tracking.reports import sweep_pictures
from tracking.reports.augmentation_sheet import of_trial
from tracking.reports.class_report import class_report, report_csv, report_text
from tracking.reports.drawing import png
from tracking.reports.out_of_fold import OutOfFold
from tracking.reports.trial_pictures import confusion_picture, learning_curves, most_confused
from trainer.canonical import recorded
from trainer.datasets import Dataset
from trainer.metrics.metric import MACRO_F1
from trainer.recipe.augmentation import is_augmented

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Counts the changes of the artifacts' layout: artifacts of an older layout are written again.
LAYOUT = 3

#: The name of a table's file, and the tag by which MLflow's pages find it.
TABLE, TABLE_TAG = "predictions.json", "mlflow.loggedArtifacts"

Files = Mapping[str, Callable[[], bytes]]


def sweep_files(record: SweepRecord, *, live: bool) -> tuple[Files, str]:
    """Return the artifacts of the sweep's own run, and a digest that changes when they change.

    While the sweep runs, its pictures are drawn again only when the number of ended trials has doubled,
    because drawing the five takes as long as a short fit.

    Args:
        record: the sweep.
        live: whether it is running now.
    """
    described = {**record.environment.to_json(), "git_commit": record.git_commit}
    environment = json.dumps(described, indent=2, sort_keys=True) + "\n"
    files: dict[str, Callable[[], bytes]]
    files = {"sweep.toml": record.toml.encode, "environment.json": environment.encode}
    drawn = _drawn(record) if live and not record.finished else record
    outcomes = [(t.architecture, t.number, t.state, t.score) for t in drawn.trials if t.state != "running"]
    if drawn.ranking:
        pictures = {
            "optimisation_history.png": sweep_pictures.optimisation_history,
            "hyperparameters.png": sweep_pictures.score_against_hyperparameters,
            "importance.png": sweep_pictures.parameter_importance,
            "parallel_coordinates.png": sweep_pictures.parallel_coordinates,
            "folds.png": sweep_pictures.fold_scores,
        }
        files |= {name: partial(_drawing, draw, drawn) for name, draw in pictures.items()}
    return files, digest_of([LAYOUT, record.toml, environment, outcomes])


def trial_files(
    record: SweepRecord, trial: TrialRecord, found: OutOfFold | None, dataset: Dataset | None
) -> tuple[Files, str]:
    """Return the artifacts of a trial that has ended, and a digest that changes when they change.

    Args:
        record: the sweep.
        trial: one of its trials; pictures for which it has no data are left out.
        found: its predictions joined with the images; None if the dataset is not available.
        dataset: the images; None if it is not available.
    """
    classes = record.dataset.classes
    files: dict[str, Callable[[], bytes]] = {"trial.json": lambda: _trial_json(record, trial).encode()}
    if any(fold.run.result.epochs for fold in trial.folds):
        files["learning_curves.png"] = lambda: png(learning_curves(trial))
    if trial.confusion is not None:
        files["confusion_matrix.png"] = lambda: png(confusion_picture(trial, classes))
        files["class_report.csv"] = lambda: report_csv(class_report(trial, classes)).encode()
        files["class_report.txt"] = lambda: report_text(class_report(trial, classes)).encode()
    if found is not None and dataset is not None:
        files[TABLE] = lambda: found.table(classes).encode()
        if len(found.mistakes()):
            files["most_confused.png"] = lambda: png(most_confused(trial, found, dataset))
    if dataset is not None and trial.state == "complete" and is_augmented(trial.hyperparameters):
        files["augmentation.png"] = lambda: png(augmentation_sheet(trial, dataset))
    times = [recorded(fold.run.timing) for fold in trial.folds]
    return files, digest_of([LAYOUT, sorted(files), trial.outcome(), trial.reason, times])


def augmentation_sheet(trial: TrialRecord, dataset: Dataset) -> "Figure":
    """Draw what the network of an augmented trial sees of some images."""
    return of_trial(trial, dataset).figure()


def digest_of(value: Any) -> str:
    """Return a SHA-256; unlike ``trainer.canonical`` it accepts NaN, which a failed fit may have."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _drawing(draw: Callable[[SweepRecord], "Figure"], record: SweepRecord) -> bytes:
    return png(draw(record))


def _drawn(record: SweepRecord) -> SweepRecord:
    """Return the sweep as it was when the number of its ended trials last was a power of two."""
    ended = sorted((t for t in record.trials if t.state != "running"), key=ended_at)
    count = 1 << (len(ended).bit_length() - 1) if ended else 0
    kept = {(trial.architecture, trial.number) for trial in ended[:count]}
    return replace(record, trials=tuple(t for t in record.trials if (t.architecture, t.number) in kept))


def _trial_json(record: SweepRecord, trial: TrialRecord) -> str:
    """Return a trial's hyperparameters, seeds and digests as JSON: enough to train it again and compare."""
    folds = [
        {
            "key": fold.run.result.key,
            "spec": fold.spec.to_json(),
            "state": fold.run.result.state,
            "reason": fold.run.result.reason,
            **({} if fold.spec.metric == MACRO_F1 else {"score": fold.run.result.score}),
            "f1": fold.run.result.f1,
            "best_epoch": fold.run.result.best_epoch,
            "epochs": len(fold.run.result.epochs),
            "initial_weights_sha256": fold.run.result.initial_weights_sha256,
            "weights_sha256": fold.run.result.weights_sha256,
            "probabilities_sha256": fold.run.result.probabilities_sha256,
            "timing": recorded(fold.run.timing),
            "environment": fold.run.environment.to_json(),
        }
        for fold in trial.folds
    ]
    content = {"sweep": record.name, "sweep_key": record.key, **trial.outcome(), "folds": folds}
    return json.dumps(content, indent=2, sort_keys=True, default=str) + "\n"

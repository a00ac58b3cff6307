"""The JSON that the command line prints of a record; docs/architecture.md describes it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tracking.records import SweepRecord, TrialRecord
from tracking.reports.confused import confused

if TYPE_CHECKING:
    from sweeps.analysis.statistics.clustered import ModelScores


def sweep_json(record: SweepRecord) -> dict[str, Any]:
    """Return a sweep as one JSON object; docs/architecture.md describes it."""
    return {
        "sweep": record.name,
        "seed": record.seed,
        "key": record.key,
        "digest": record.digest,
        "finished": record.finished,
        "metric": record.metric.name,
        "dataset": {
            "name": record.dataset.name,
            "fingerprint": record.dataset.fingerprint,
            "samples": record.dataset.samples,
            "classes": list(record.dataset.classes),
            "groups": record.dataset.groups,
            "folds": record.dataset.folds,
            "exam": None if record.dataset.exam is None else asdict(record.dataset.exam),
        },
        "trials": [trial_json(trial) for trial in record.trials],
    }


def trial_json(trial: TrialRecord) -> dict[str, Any]:
    """Return a trial as one JSON object."""
    outcome = trial.outcome()
    return outcome | {
        "trial": trial.name,
        "reason": trial.reason,
        "metric": trial.metric.name,
        "score": trial.score,
        "score_mean": trial.score_mean,
        "score_std": trial.score_std,
        "f1_mean": trial.f1_mean,
        "f1_std": trial.f1_std,
        "duration_s": round(trial.training_seconds, 3),
        "folds": [
            {**entry, "score": fold.run.result.score, "key": fold.spec.key}
            for entry, fold in zip(outcome["folds"], trial.folds, strict=True)
        ],
    }


def predictions_json(
    trial: TrialRecord, classes: Sequence[str], scores: "ModelScores | None"
) -> dict[str, Any]:
    """Return what ``show --trial --json`` has of a trial's out-of-fold predictions, beside ``trial_json``.

    Args:
        trial: the trial.
        classes: names of the classes in label order.
        scores: its scores with intervals; None if they are not known.
    """
    rows = () if scores is None else zip(classes, map(asdict, scores.classes), strict=True)
    return {
        "confusion": trial.confusion,
        "classes": list(classes),
        "confused": [each.to_json() for each in confused(classes, trial.confusion or ())],
        "f1_interval": None if scores is None else asdict(scores.f1),
        "accuracy": None if scores is None else asdict(scores.accuracy),
        "by_class": None if scores is None else dict(rows),
    }

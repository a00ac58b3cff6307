"""A recorded sweep as data frames, for notebooks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tracking.records import SweepRecord, TrialRecord
from tracking.reports.confused import Confused
from trainer.escaping import for_terminal
from trainer.metrics.metric import MACRO_F1

if TYPE_CHECKING:
    import pandas as pd

    from sweeps.analysis.statistics.clustered import ClassIntervals


def leaderboard(record: SweepRecord) -> "pd.DataFrame":
    """Return one row per architecture, with its best trial; the best first, numbered from 1.

    Columns: architecture, trial (``"resnet/3"``), f1 (macro, all held-out folds pooled), f1_mean and f1_std
    (over the folds), seconds (spent on training), trials (number that have ended), then the hyperparameters.
    If the sweep's metric is another one, score, score_mean and score_std are its values.
    """
    import pandas as pd

    ended = [trial.architecture for trial in record.trials if trial.state != "running"]
    rows = [
        {
            "architecture": trial.architecture,
            "trial": trial.name,
            **_scores(trial),
            "seconds": trial.training_seconds,
            "trials": ended.count(trial.architecture),
            **trial.hyperparameters,
        }
        for trial in record.winners
    ]
    return pd.DataFrame(rows, index=range(1, len(rows) + 1))


def class_scores(classes: Sequence[str], scores: "Sequence[ClassIntervals]") -> "pd.DataFrame":
    """Return one row per class in label order.

    Columns: class; precision, recall and f1, each followed by the ends of its 95 % interval (``recall_low``,
    ``recall_high``), all in [0, 1]; images (of the class); groups (of these images; None without groups).
    """
    import pandas as pd

    rows = []
    for name, each in zip(classes, scores, strict=True):
        row: dict[str, Any] = {"class": name}
        for title, found in (("precision", each.precision), ("recall", each.recall), ("f1", each.f1)):
            row |= {title: found.score, f"{title}_low": found.low, f"{title}_high": found.high}
        rows.append(row | {"images": each.support, "groups": each.groups})
    return pd.DataFrame(rows)


def confused(found: Sequence[Confused]) -> "pd.DataFrame":
    """Return one row per kind of mistake: true, predicted, images, of (all of the class), share in (0, 1]."""
    import pandas as pd

    columns = ["true", "predicted", "images", "of", "share"]
    return pd.DataFrame([each.to_json() for each in found], columns=columns)


def as_text(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the table as texts for people: scores with four decimals, other numbers with four digits.

    What cannot be seen is escaped, in values and in the names of columns.
    """
    import pandas as pd

    def text(column: str, value: Any) -> str:
        if pd.isna(value):
            return ""
        if isinstance(value, float):
            return f"{value:.4f}" if column.startswith(("f1", "score")) else f"{value:.4g}"
        return for_terminal(value)

    columns = {for_terminal(name): [text(str(name), value) for value in table[name]] for name in table}
    return pd.DataFrame(columns, index=table.index)


def trials(record: SweepRecord) -> "pd.DataFrame":
    """Return one row per trial: architecture, number, state, f1, f1_mean, f1_std, its hyperparameters."""
    import pandas as pd

    return pd.DataFrame(
        {
            "architecture": trial.architecture,
            "number": trial.number,
            "state": trial.state,
            **_scores(trial),
            "seconds": trial.training_seconds,
            **trial.hyperparameters,
        }
        for trial in record.trials
    )


def folds(record: SweepRecord) -> "pd.DataFrame":
    """Return one row per fit: architecture, number, fold, f1, best_epoch, epochs, digest, seeds."""
    import pandas as pd

    return pd.DataFrame(
        {
            "architecture": trial.architecture,
            "number": trial.number,
            "repeat": fold.spec.repeat,
            "fold": fold.spec.fold,
            **({} if fold.spec.metric == MACRO_F1 else {"score": fold.run.result.score}),
            "f1": fold.run.result.f1,
            "best_epoch": fold.run.result.best_epoch,
            "epochs": len(fold.run.result.epochs),
            "seconds": fold.run.timing.seconds,
            "weights_sha256": fold.run.result.weights_sha256,
            "initialisation_seed": fold.spec.seeds.initialisation,
            "order_seed": fold.spec.seeds.order,
            "dropout_seed": fold.spec.seeds.dropout,
        }
        for trial in record.trials
        for fold in trial.folds
    )


def epochs(record: SweepRecord) -> "pd.DataFrame":
    """Return one row per epoch: architecture, number, fold, losses (nats), accuracies, stop_f1, rate.

    Without a schedule the learning rate is the trial's. If the sweep's metric is not macro-F1, stop_score has
    its value.
    """
    import pandas as pd

    return pd.DataFrame(
        {
            "architecture": trial.architecture,
            "number": trial.number,
            "repeat": fold.spec.repeat,
            "fold": fold.spec.fold,
            "epoch": number,
            "loss": epoch.loss,
            "accuracy": epoch.accuracy,
            "stop_loss": epoch.stop_loss,
            "stop_accuracy": epoch.stop_accuracy,
            **({} if fold.spec.metric == MACRO_F1 else {"stop_score": epoch.stop_score}),
            "stop_f1": epoch.stop_f1,
            "learning_rate": trial.hyperparameters.get("learning_rate")
            if epoch.learning_rate is None
            else epoch.learning_rate,
        }
        for trial in record.trials
        for fold in trial.folds
        for number, epoch in enumerate(fold.run.result.epochs, start=1)
    )


def _scores(trial: TrialRecord) -> dict[str, float | None]:
    """Return a trial's macro-F1, and before it its score if that is another one."""
    f1 = {"f1": trial.f1, "f1_mean": trial.f1_mean, "f1_std": trial.f1_std}
    if trial.metric == MACRO_F1:
        return f1
    return {"score": trial.score, "score_mean": trial.score_mean, "score_std": trial.score_std, **f1}

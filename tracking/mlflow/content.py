"""The content of a sweep's MLflow runs as plain data, a pure function of the record. Imports no MLflow."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tracking.mlflow.files import TABLE, TABLE_TAG, Files, digest_of, sweep_files, trial_files
from tracking.mlflow.points import (
    MAX_KEYS,
    Point,
    ended_at,
    fold_label,
    left_out_metrics,
    legal_name,
    milliseconds,
    settled_folds,
    sweep_points,
    trial_points,
)
from tracking.records import DatasetRecord, FoldRecord, SweepRecord, TrialRecord, TrialState
from tracking.reports.notes import sweep_note, trial_note
from tracking.reports.out_of_fold import HeldOut
from trainer.canonical import recorded
from trainer.escaping import for_terminal
from trainer.recipe.table import SCHEDULE

#: The longest parameter and tag that MLflow 3.17 takes.
MAX_PARAM, MAX_TAG = 6000, 8000

Status = Literal["RUNNING", "FINISHED", "KILLED", "FAILED"]

#: The state of a sweep or a trial, and its status in MLflow. No process ends an interrupted run, so it counts
#: as killed.
Standing = TrialState | Literal["interrupted"]
_STATUS: Mapping[Standing, Status] = {
    "running": "RUNNING",
    "complete": "FINISHED",
    "pruned": "KILLED",
    "failed": "FAILED",
    "interrupted": "KILLED",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContent:
    """One MLflow run.

    Attributes:
        key: identifies the run, and never changes (tag ``refold.key``).
        name: the run's name at its creation; people may rename it.
        tags: all tags except the two that the writer adds (``refold.digest``, ``refold.files``).
        params: parameters; MLflow never changes one.
        points: metric points; a later content of the run has the same ones and more.
        status: MLflow's status.
        started_ms: POSIX milliseconds.
        ended_ms: POSIX milliseconds; None while it runs.
        files: artifacts by path; each is made when it is written.
        files_digest: a text that changes when the files change.
    """

    key: str
    name: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    points: tuple[Point, ...]
    status: Status
    started_ms: int
    ended_ms: int | None
    files: Files
    files_digest: str

    @property
    def digest(self) -> str:
        """SHA-256 of everything; equal digests mean that there is nothing to write."""
        points = [(point.key, repr(point.value), point.timestamp_ms, point.step) for point in self.points]
        plain = [self.key, self.tags, self.params, points, self.status, self.started_ms, self.ended_ms]
        return digest_of([*plain, self.files_digest])


def sweep_identity(record: SweepRecord) -> str:
    """Return the identity of this sweep's runs: its key and the time when it began.

    If two people run the same sweep against one server, the keys are equal; so each has runs of their own.
    """
    return f"{for_terminal(record.key)}@{milliseconds(record.created_at)}"


def trial_key(record: SweepRecord, trial: TrialRecord) -> str:
    """Return the value of a trial run's tag ``refold.key``."""
    return f"{sweep_identity(record)}/{for_terminal(trial.name)}"


def sweep_content(record: SweepRecord, *, live: bool = True) -> RunContent:
    """Return the sweep's own run.

    Args:
        record: the sweep.
        live: whether it is running now; otherwise what has not ended counts as interrupted.
    """
    ranking = record.ranking  # computed once: the property computes it at every access
    best = ranking[0] if ranking else None
    state = _sweep_state(record, best, live=live)
    tags = _common_tags(record, "sweep") | {
        "refold.key": sweep_identity(record),
        "refold.state": state,
        "refold.sweep_digest": record.digest,
        "mlflow.note.content": sweep_note(record, ranking, live=live),
    }
    if best:
        tags["refold.best"] = for_terminal(best.name)
    ended = max((milliseconds(ended_at(t)) for t in record.trials), default=milliseconds(record.created_at))
    files, files_digest = sweep_files(record, live=live)
    return RunContent(
        key=sweep_identity(record),
        name=for_terminal(record.name),
        tags=_clipped(tags, MAX_TAG),
        params=_clipped(_sweep_params(record), MAX_PARAM),
        points=sweep_points(record, best),
        status=_STATUS[state],
        started_ms=milliseconds(record.created_at),
        ended_ms=None if state == "running" else ended,
        files=files,
        files_digest=files_digest,
    )


def trial_content(
    record: SweepRecord, trial: TrialRecord, held_out: HeldOut | None = None, *, live: bool = True
) -> RunContent:
    """Return the run of one trial, which may still be running.

    Args:
        record: the sweep.
        trial: one of its trials.
        held_out: the dataset, for images and predictions; None if it is not available.
        live: whether the sweep is running now; otherwise a trial that has not ended counts as interrupted.
    """
    state: Standing = trial.state if live or trial.state != "running" else "interrupted"
    tags = _common_tags(record, "trial") | {
        "refold.key": trial_key(record, trial),
        "refold.architecture": for_terminal(trial.architecture),
        "refold.trial": str(trial.number),
        "refold.state": state,
        "mlflow.note.content": trial_note(trial, record.fits_per_trial, record.dataset.classes, live=live),
    }
    if trial.reason is not None:
        tags["refold.reason"] = for_terminal(trial.reason)
    scheduled = SCHEDULE.of(trial.hyperparameters) != "none"
    if left_out := left_out_metrics(record.fits_per_trial, record.metric, scheduled=scheduled):
        tags["refold.left_out"] = f"{', '.join(left_out)}: at most {MAX_KEYS} metric keys a run"
    files: Files = {}
    files_digest = ""
    if trial.state != "running":
        found = held_out.of(trial) if held_out else None
        files, files_digest = trial_files(record, trial, found, held_out.dataset if held_out else None)
    if TABLE in files:
        tags[TABLE_TAG] = json.dumps([{"path": TABLE, "type": "table"}])
    return RunContent(
        key=trial_key(record, trial),
        name=for_terminal(trial.name),
        tags=_clipped(tags, MAX_TAG),
        params=_clipped(_trial_params(record, trial), MAX_PARAM),
        points=trial_points(trial, record.fits_per_trial),
        status=_STATUS[state],
        started_ms=milliseconds(trial.proposed_at),
        ended_ms=None if state == "running" else milliseconds(ended_at(trial)),
        files=files,
        files_digest=files_digest,
    )


def _sweep_state(record: SweepRecord, best: TrialRecord | None, *, live: bool) -> Standing:
    """Return the state of the sweep; if it has ended without a complete trial, it has failed."""
    if record.finished:
        return "complete" if best else "failed"
    return "running" if live else "interrupted"


def dataset_fields(dataset: DatasetRecord) -> dict[str, str]:
    """Return the dataset as MLflow's dataset input, with refold's own fingerprint.

    MLflow's own digest covers the first 10,000 values only, about twelve images. A digest in MLflow has at
    most 36 characters.
    """
    profile = {
        "samples": dataset.samples,
        "classes": len(dataset.classes),
        "input_shape": list(dataset.input_shape),
        "pixel_max": dataset.pixel_max,
        "fingerprint": dataset.fingerprint,
    }
    return {
        "name": for_terminal(dataset.name)[:500],
        "digest": dataset.fingerprint[:36],
        "source_type": "refold",
        "source": json.dumps({"dataset": dataset.name}),
        "profile": json.dumps(profile),
    }


def _common_tags(record: SweepRecord, kind: str) -> dict[str, str]:
    """Return the tags that all runs of a sweep have."""
    tags = {
        "refold.kind": kind,
        "refold.sweep": for_terminal(record.name),
        "refold.sweep_key": sweep_identity(record),
        "mlflow.source.name": "refold",
        "mlflow.source.type": "LOCAL",
    }
    if record.git_commit:
        tags["mlflow.source.git.commit"] = for_terminal(record.git_commit)
    return tags


def _sweep_params(record: SweepRecord) -> dict[str, str]:
    """Return the sweep file's settings, and the parameters of dataset and size."""
    return {
        **{legal_name(name): _text(value) for name, value in _flat(tomllib.loads(record.toml))},
        "name": for_terminal(record.name),
        "seed": str(record.seed),
        "trials": str(record.trials_per_architecture),
        "cv/fits": str(record.fits_per_trial),
        "architectures": for_terminal(", ".join(record.architectures)),
        **_dataset_params(record.dataset),
    }


def _trial_params(record: SweepRecord, trial: TrialRecord) -> dict[str, str]:
    """Return hyperparameters under their own names; other parameters have a prefix, to avoid collisions."""
    folds = settled_folds(trial)
    params = {legal_name(name): _text(value) for name, value in trial.hyperparameters.items()}
    params |= {"architecture/name": for_terminal(trial.architecture), "cv/fits": str(record.fits_per_trial)}
    params |= {"seeds/sweep": str(record.seed), "seeds/trial": str(trial.seed)}
    params |= _dataset_params(record.dataset)
    params |= {f"seeds/{fold_label(fold)}": _text(recorded(fold.spec.seeds)) for fold in folds}
    if folds:
        params |= _spec_params(folds[0])
    return params


def _spec_params(fold: FoldRecord) -> dict[str, str]:
    """Return the parameters that all fits of a trial have in common."""
    spec = fold.spec
    params = {
        "architecture/digest": for_terminal(spec.architecture_digest),
        "cv/folds": str(spec.folds),
        "cv/epochs": str(spec.epochs),
        "training/precision": spec.precision,
        "training/threads": str(spec.threads),
        "training/device": spec.device,
        "training/procedure": str(spec.procedure),
    }
    if spec.stopping:
        params |= {f"cv/{name}": _text(value) for name, value in recorded(spec.stopping).items()}
    return params


def _dataset_params(dataset: DatasetRecord) -> dict[str, str]:
    """Return the parameters of the dataset."""
    return {
        "dataset/name": for_terminal(dataset.name),
        "dataset/fingerprint": for_terminal(dataset.fingerprint),
    }


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the settings of nested TOML tables under names joined by slashes."""
    for name, value in table.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", value


def _text(value: Any) -> str:
    """Return strings with all that cannot be seen escaped, and everything else as JSON."""
    return for_terminal(value) if isinstance(value, str) else json.dumps(value, default=str)


def _clipped(texts: Mapping[str, str], limit: int) -> dict[str, str]:
    """Return the texts, each cut to MLflow's limit."""
    return {name: text if len(text) <= limit else text[: limit - 1] + "…" for name, text in texts.items()}

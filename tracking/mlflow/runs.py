"""Brings one MLflow run up to date with its content, without sending again what MLflow has.

Takes the ``mlflow`` package as an argument: only ``tracking.mlflow.view`` imports it.
"""

import getpass
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tracking.mlflow.content import RunContent, dataset_fields
from tracking.mlflow.points import Point
from tracking.mlflow.reasons import one_line
from tracking.records import DatasetRecord
from tracking.reports.notes import RUN_ID
from trainer.runtime.scratch import scratch_folder

_DIGEST, _FILES, _NOTE = "refold.digest", "refold.files", "mlflow.note.content"
#: The most points that fit into one request, which has at most 1000 points, parameters and tags.
_TOGETHER = 800


@dataclass(slots=True)
class KnownRun:
    """What this process knows to be in MLflow of one run.

    Attributes:
        id: MLflow's id of the run.
        tags: the known tags.
        params: names of the known parameters; MLflow never changes a value.
        points: those that this process has written; empty after the run has ended.
        status: MLflow's status.
        has_dataset: whether the dataset is logged as the run's input.
        state: a description of the trial when it was last written, only used to notice changes.
    """

    id: str
    tags: dict[str, str] = field(default_factory=dict)
    params: set[str] = field(default_factory=set)
    points: set[Point] = field(default_factory=set)
    status: str = "RUNNING"
    has_dataset: bool = False
    state: object = None

    @classmethod
    def of(cls, run: Any) -> "KnownRun":
        """Return what a found run has. Its points will be sent again, which adds nothing."""
        return cls(
            run.info.run_id,
            tags=dict(run.data.tags),
            params=set(run.data.params),
            status=run.info.status,
            has_dataset=bool(run.inputs and run.inputs.dataset_inputs),
        )


def precedes(run: Any, other: Any) -> bool:
    """Return whether, of two runs for one thing, ``run`` is kept: a complete one, else the lower id."""

    def rank(each: Any) -> tuple[bool, str]:
        return _DIGEST not in each.data.tags, each.info.run_id

    return rank(run) < rank(other)


class RunWriter:
    """Creates runs and writes them."""

    def __init__(self, mlflow: Any, client: Any, dataset: DatasetRecord) -> None:
        self._entities = mlflow.entities
        self._client = client
        self._dataset = dataset

    def create(self, experiment: str, content: RunContent, more: Mapping[str, str]) -> KnownRun:
        """Create the run for some content.

        Args:
            experiment: its id.
            content: of the run.
            more: further tags.
        """
        tags = {**content.tags, **more, "mlflow.user": _user()}
        made = self._client.create_run(
            experiment, start_time=content.started_ms, tags=tags, run_name=content.name
        )
        return KnownRun(made.info.run_id, tags=tags)

    def write(self, run: KnownRun, content: RunContent, more: Mapping[str, str]) -> None:
        """Write the missing parts of a run. Its digest comes last: it means that everything is written."""
        if run.tags.get(_DIGEST) == content.digest and more.items() <= run.tags.items():
            return
        if not run.has_dataset:
            self._log_dataset(run)
        last = {_DIGEST: content.digest}
        if content.files:
            last[_FILES] = content.files_digest
            if run.tags.get(_FILES) != content.files_digest:
                self._log_files(run, content)
        self._set_status(run, content)
        self._log(run, content, {**more, **last})

    def _log(self, run: KnownRun, content: RunContent, more: Mapping[str, str]) -> None:
        """Log the new points, the missing parameters and the changed tags, in one transaction if they fit."""
        metric, param = self._entities.Metric, self._entities.Param
        points = [point for point in content.points if point not in run.points]
        metrics = [metric(p.key, p.value, p.timestamp_ms, p.step) for p in points]
        if len(metrics) > _TOGETHER:  # MLflow's client would send the tags with the first of several batches
            self._client.log_batch(run.id, metrics=metrics)
            metrics = []
        params = {name: value for name, value in content.params.items() if name not in run.params}
        note = {_NOTE: content.tags[_NOTE].replace(RUN_ID, run.id)} if _NOTE in content.tags else {}
        tags = dict({**content.tags, **note, **more}.items() - run.tags.items())
        self._client.log_batch(
            run.id,
            metrics=metrics,
            params=[param(name, value) for name, value in params.items()],
            tags=[self._entities.RunTag(name, value) for name, value in sorted(tags.items())],
        )
        run.points = set(content.points) if content.ended_ms is None else set()
        run.params.update(params)
        run.tags.update(tags)

    def _log_dataset(self, run: KnownRun) -> None:
        """Log the dataset as the run's input."""
        dataset = self._entities.Dataset(**dataset_fields(self._dataset))
        context = self._entities.InputTag("mlflow.data.context", "cross-validation")
        self._client.log_inputs(run.id, datasets=[self._entities.DatasetInput(dataset, [context])])
        run.has_dataset = True

    def _log_files(self, run: KnownRun, content: RunContent) -> None:
        """Make the artifacts and log them; writing them again overwrites the same paths."""
        with scratch_folder() as folder:
            for name, draw in content.files.items():
                (folder / name).write_bytes(draw())
            self._client.log_artifacts(run.id, str(folder))

    def _set_status(self, run: KnownRun, content: RunContent) -> None:
        """Set the run's status and the time when it ended."""
        if content.ended_ms is not None:
            self._client.set_terminated(run.id, content.status, content.ended_ms)
        elif run.status != content.status:
            self._client.update_run(run.id, status=content.status)
        run.status = content.status


def _user() -> str:
    """Return the name of the user; some containers have none."""
    try:
        return one_line(getpass.getuser())
    except (KeyError, OSError):
        return "unknown"

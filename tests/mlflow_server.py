"""Real MLflow servers for tests, all that they hold as plain data, and what they should hold."""

import getpass
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from sweeps.home import Home
from tracking.ledger.ledger import Ledger
from tracking.mlflow.content import RunContent, sweep_content, sweep_identity, trial_content
from tracking.mlflow.view import MlflowView, _mlflow
from tracking.records import SweepRecord
from tracking.reports.notes import RUN_ID
from tracking.reports.out_of_fold import HeldOut
from trainer.datasets import open_stored


class MlflowServer:
    """A server that can be killed and started again.

    Args:
        database: its store.
        folder: for its log and its artifacts.
    """

    def __init__(self, database: str, folder: Path) -> None:
        self.database, self.files = database, folder / "artifacts"
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", self.database]
        command += ["--artifacts-destination", str(self.files), "--port", str(self._port), "--workers", "1"]
        environment = os.environ | {
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        if wait:
            self.wait()

    def wait(self) -> None:
        """Return when it answers."""
        for _ in range(600):
            assert self._process is not None
            assert self._process.poll() is None, (self._folder / "log").read_text()
            try:
                urllib.request.urlopen(f"{self.uri}/health", timeout=2).close()  # noqa: S310  # always http
            except OSError:
                time.sleep(0.2)
            else:
                return
        raise AssertionError((self._folder / "log").read_text())

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it with all its processes."""
        assert self._process is not None
        os.killpg(self._process.pid, number)
        self._process.wait(60)

    @contextmanager
    def running(self) -> Iterator["MlflowServer"]:
        """Start it for the time of a block."""
        self.start()
        try:
            yield self
        finally:
            self.kill()

    def place(self, experiment: str) -> "Place":
        """Return an experiment of this server."""
        return Place(self.uri, None, experiment, database=self.database, files=self.files)


@dataclass(frozen=True)
class Place:
    """An MLflow to write to: a database or a server, and an experiment that is this test's own.

    It is looked at through the server's own files, which is much faster than asking the server.
    """

    uri: str
    artifacts: Path | None
    experiment: str
    database: str
    files: Path

    def view(self) -> MlflowView:
        """A view that knows nothing yet, as in a new process."""
        return MlflowView(self.uri, self.artifacts, self.experiment)

    @property
    def client(self) -> Any:
        """MLflow's own client, to look with and to meddle."""
        return _mlflow().MlflowClient(tracking_uri=self.database)

    def runs(self) -> dict[str, Any]:
        """The active runs of the experiment by ``refold.key``; two with the same key are an error."""
        experiment = self.client.get_experiment_by_name(self.experiment)
        found = self.client.search_runs([experiment.experiment_id]) if experiment else []
        by_key = {run.data.tags.get("refold.key", run.info.run_id): run for run in found}
        assert len(by_key) == len(found)
        return by_key

    def contents(self) -> dict[str, Any]:
        """Everything that MLflow holds, comparable: run ids are replaced by keys."""
        runs = self.runs()
        names = {run.info.run_id: key for key, run in runs.items()}
        return {key: self._content(run, names) for key, run in runs.items()}

    def _content(self, run: Any, names: dict[str, str]) -> dict[str, Any]:
        client, info = self.client, run.info
        tags = {name: text.replace(info.run_id, RUN_ID) for name, text in run.data.tags.items()}
        if "mlflow.parentRunId" in tags:
            tags["mlflow.parentRunId"] = names[tags["mlflow.parentRunId"]]
        history = {
            key: sorted(
                (p.step, p.timestamp, repr(p.value)) for p in client.get_metric_history(info.run_id, key)
            )
            for key in run.data.metrics
        }
        artifacts = self.files / info.artifact_uri.partition(":")[2].lstrip("/")
        if info.artifact_uri.startswith("file:"):
            artifacts = Path(url2pathname(urlsplit(info.artifact_uri).path))
        files = {
            str(path.relative_to(artifacts)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in artifacts.rglob("*")
        }
        return {
            "info": (info.run_name, info.status, info.start_time, info.end_time),
            "tags": tags,
            "params": dict(run.data.params),
            "metrics": history,
            "datasets": [(i.dataset.name, i.dataset.digest) for i in run.inputs.dataset_inputs],
            "files": files,
        }


def expected_contents(record: SweepRecord, held_out: HeldOut | None) -> dict[str, Any]:
    """Return what ``Place.contents`` has to be for a sweep that is not running.

    Args:
        record: the sweep, from the ledger.
        held_out: its dataset.
    """
    sweep = sweep_identity(record)
    contents = [sweep_content(record, live=False)]
    contents += [trial_content(record, trial, held_out, live=False) for trial in record.trials]
    expected = {each.key: _expected(each, record) for each in contents}
    for key, run in expected.items():
        if key != sweep:
            run["tags"]["mlflow.parentRunId"] = sweep
    return expected


def _expected(content: RunContent, record: SweepRecord) -> dict[str, Any]:
    tags = dict(content.tags)
    tags |= {"mlflow.user": getpass.getuser(), "mlflow.runName": content.name}
    tags |= {"refold.digest": content.digest}
    if content.files:
        tags["refold.files"] = content.files_digest
    metrics: dict[str, list[tuple[int, int, str]]] = {}
    for point in content.points:
        metrics.setdefault(point.key, []).append((point.step, point.timestamp_ms, repr(point.value)))
    return {
        "info": (content.name, content.status, content.started_ms, content.ended_ms),
        "tags": tags,
        "params": dict(content.params),
        "metrics": {key: sorted(points) for key, points in metrics.items()},
        "datasets": [(record.dataset.name, record.dataset.fingerprint[:36])],
        "files": {name: hashlib.sha256(draw()).hexdigest() for name, draw in content.files.items()},
    }


def recorded(home: Home) -> SweepRecord:
    """The sweep as the ledger has it."""
    with Ledger.read(home.path) as ledger:
        return ledger.sweep("made-up")


def assert_complete(place: Place, home: Home) -> None:
    """Compare every run, point, parameter, tag and artifact in MLflow with the ledger."""
    record = recorded(home)
    held_out = HeldOut(open_stored(home.path / "datasets" / record.dataset.fingerprint))
    expected = expected_contents(record, held_out)
    found = place.contents()  # two runs with one key are an error
    assert found.keys() == expected.keys()
    for key, run in expected.items():
        assert found[key] == run

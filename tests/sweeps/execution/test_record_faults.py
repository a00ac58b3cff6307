"""Whatever happens to MLflow while a sweep runs, afterwards all of the ledger is there exactly once."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from sweeps import mlflow_record
from sweeps.api import sweep as api
from sweeps.home import Home
from tests.closed_formula import Saying, SlowWorkers, plan, prepared, starter
from tests.fault_proxy import FAULTS, fault_proxy
from tests.mlflow_server import MlflowServer, assert_complete, recorded
from tests.postgresql import PostgreSQL
from tracking.errors import ViewUnavailable
from tracking.mlflow.recorder import Recorder
from trainer.fits.results import FitRun
from trainer.process.jobs import Job

pytestmark = pytest.mark.server

KILLS = 10


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def mlflow_server(
    request: pytest.FixtureRequest, empty_database: Path, tmp_path: Path
) -> Iterator[MlflowServer]:
    """A real server on each of the two databases, of this test alone."""
    if request.param == "sqlite":
        uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
        (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    else:
        postgresql: PostgreSQL = request.getfixturevalue("postgresql")
        uri = postgresql.database()
    with MlflowServer(uri, tmp_path).running() as server:
        yield server


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder that does not rest for a minute after some failures, and a client that waits two seconds."""
    monkeypatch.setattr(api, "Recorder", partial(Recorder, pause=0.05, longest_pause=0.3))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")


def sync(home: Home, uri: str, tries: int = 1) -> int:
    """Bring MLflow up to date, as often as it takes; return how often that was."""
    for attempt in range(1, tries + 1):
        try:
            mlflow_record.mlflow_view(home, uri, "made-up").write(recorded(home), live=False)
        except ViewUnavailable:
            if attempt == tries:
                raise
        else:
            return attempt
    raise AssertionError("unreachable")


@pytest.mark.slow
def test_a_whole_sweep_through_a_proxy_that_breaks_requests(
    mlflow_server: MlflowServer, tmp_path: Path
) -> None:
    """Dropped, cut, delayed, doubled and refused: the sweep ends, and the record is complete and single."""
    home, saying = Home(tmp_path / "home"), Saying()
    made = prepared(plan(trials=4))
    with fault_proxy(mlflow_server.uri, share=0.25, seed=7, longest_delay=4.0) as proxy:
        record = api.run_recorded(
            made, home, proxy.uri, start_workers=starter(SlowWorkers(2)), workers=2, progress=saying
        )
        assert record.finished
        attempts = sync(home, proxy.uri, tries=200)
        assert set(proxy.faults) == set(FAULTS), proxy.faults
        sys.stdout.write(f"{proxy.requests} requests, {dict(proxy.faults)}, {attempts} attempts afterwards\n")
        proxy.share = 0.0
        sync(home, proxy.uri)
        assert_complete(mlflow_server.place("made-up"), home)
    assert len([line for line in saying.said if line.startswith("MLflow at")]) <= 1


@pytest.mark.slow
def test_a_server_that_comes_late_gets_everything(mlflow_server: MlflowServer, tmp_path: Path) -> None:
    """Away at the start: one line, training goes on; the recorder catches up while the sweep still runs."""
    home, saying = Home(tmp_path / "home"), Saying()
    mlflow_server.kill()

    class Late(SlowWorkers):
        def finished(self, timeout: float) -> list[tuple[Job, FitRun]]:
            if len(self.trained) == 6:
                mlflow_server.start()
            return super().finished(timeout)

    api.run_recorded(
        prepared(plan(trials=4)), home, mlflow_server.uri, start_workers=starter(Late(2)), workers=2,
        progress=saying,
    )  # fmt: skip
    (observed,) = (line for line in saying.said if line.startswith("MLflow at"))
    assert "connection refused" in observed
    assert_complete(mlflow_server.place("made-up"), home)


COORDINATOR = """
import sys
from pathlib import Path
from sweeps.api import sweep as api
from sweeps.home import Home
from sweeps.execution.progress import Silent
from tests.closed_formula import SlowWorkers, plan, prepared, starter
api.run_recorded(prepared(plan(trials=12)), Home(Path(sys.argv[1])), sys.argv[2],
    start_workers=starter(SlowWorkers(2)), workers=2, progress=Silent())
"""


@pytest.mark.campaign
@pytest.mark.timeout(1800)
def test_ten_kills_of_coordinator_and_server(mlflow_server: MlflowServer, tmp_path: Path) -> None:
    """At random moments, then one run: everything is there exactly once, with the right status."""
    home, rng = Home(tmp_path / "home"), random.Random(os.environ.get("REFOLD_KILL_SEED", "1"))
    command = [sys.executable, "-c", COORDINATOR, str(home.path), mlflow_server.uri]
    for _ in range(KILLS):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as coordinator:
            what = rng.choice(["coordinator", "server", "both"])
            time.sleep(rng.uniform(2, 12))
            if what != "coordinator":
                mlflow_server.kill()
                time.sleep(rng.uniform(0, 2))
            if what != "server":
                coordinator.send_signal(signal.SIGKILL)
            if what != "coordinator":
                mlflow_server.start()
                time.sleep(rng.uniform(0, 2))
            coordinator.kill()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert recorded(home).finished
    assert_complete(mlflow_server.place("made-up"), home)

"""Made-up records, and MLflow databases that are ready to use."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.made_up_records import States, make_fold, make_sweep, make_trial
from tests.mlflow_server import MlflowServer, Place
from tracking.records import FoldRecord, SweepRecord, TrialRecord

#: A sweep as it grows: proposals, folds out of order, a failure that drops a later fold, a pruned trial.
GROWTH: tuple[States, ...] = (
    {},
    {("baseline", 0): ("running", 0), ("resnet", 0): ("running", 0)},
    {("baseline", 0): ("running", 1), ("resnet", 0): ("running", 2)},
    {("baseline", 0): ("complete", 3), ("resnet", 0): ("running", 2), ("baseline", 1): ("running", 1)},
    {
        ("baseline", 0): ("complete", 3),
        ("resnet", 0): ("failed", 3),
        ("baseline", 1): ("running", 1),
        ("resnet", 1): ("running", 1),
    },
    {
        ("baseline", 0): ("complete", 3),
        ("resnet", 0): ("failed", 3),
        ("baseline", 1): ("complete", 3),
        ("resnet", 1): ("pruned", 1),
    },
)


@pytest.fixture
def growth() -> tuple[States, ...]:
    """The states of a sweep as it grows."""
    return GROWTH


@pytest.fixture(name="sweep")
def _sweep() -> Callable[..., SweepRecord]:
    return make_sweep


@pytest.fixture(name="trial")
def _trial() -> Callable[..., TrialRecord]:
    return make_trial


@pytest.fixture(name="fold")
def _fold() -> Callable[..., FoldRecord]:
    return make_fold


@pytest.fixture(scope="session")
def server(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A real MLflow server, shared by all tests: each has an experiment of its own."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_database, folder / "mlflow.db")
    with MlflowServer(f"sqlite:///{folder / 'mlflow.db'}", folder).running() as started:
        yield started


@pytest.fixture(params=["database", pytest.param("server", marks=pytest.mark.server)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An MLflow database, and the same again over HTTP."""
    name = f"experiment {os.urandom(4).hex()}"
    if request.param == "database":
        uri = request.getfixturevalue("database")
        return Place(uri, tmp_path / "arti facts", name, database=uri, files=tmp_path)
    server = request.getfixturevalue("server")
    return server.place(name)

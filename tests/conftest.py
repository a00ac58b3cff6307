"""What every test begins with."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.postgresql import PostgreSQL, postgresql_server
from tracking.mlflow.store import prepare_database
from tracking.mlflow.view import _mlflow


def pytest_configure() -> None:
    """Take SIGINT as a terminal would send it.

    A shell starts background jobs with SIGINT ignored, and children inherit that: the tests that press
    Ctrl-C on a process of theirs would wait for ever.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


# How long an example takes says how busy the machine is, not whether it holds.
settings.register_profile("refold", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("refold")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A real PostgreSQL server, shared by all tests: each asks it for databases of its own."""
    with postgresql_server() as server:
        yield server


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without a run: its creation takes seconds, so it is done once."""
    folder = tmp_path_factory.mktemp("mlflow")
    prepare_database(_mlflow(), f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")
    return folder / "mlflow.db"


@pytest.fixture
def database(empty_database: Path, tmp_path: Path) -> str:
    """The URI of an MLflow database of one's own."""
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"

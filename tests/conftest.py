"""What every test begins with."""

import os
import random
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import processor
from tests.postgresql import PostgreSQL, postgresql_server
from tracking.mlflow import files, purge
from tracking.mlflow.store import prepare_database
from tracking.mlflow.view import _mlflow
from tracking.reports import sweep_pictures

#: Not tests: what an older refold has left behind, and what is imported before anything else.
collect_ignore = ["homes", "startup"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run be repeated on the kind of processor that another one had."""
    parser.addoption(
        "--processor",
        type=int,
        default=int(os.environ.get("REFOLD_TESTS_PROCESSOR", random.randrange(1_000_000))),
        help="number of the made-up kind of processor that the tests run on; without it, any "
        "(or the variable REFOLD_TESTS_PROCESSOR)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make up a kind of processor, and take SIGINT as a terminal would send it.

    A shell starts background jobs with SIGINT ignored, and children inherit that: the tests that press
    Ctrl-C on a process of theirs would wait for ever.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):  # xdist's workers inherit it
        folder = tempfile.TemporaryDirectory(prefix="refold-tests-")
        config.add_cleanup(folder.cleanup)
        number = config.getoption("processor")
        os.environ["REFOLD_TESTS_PROCESSOR"] = str(number)
        processor.pretend(number, Path(folder.name))
        os.environ["XDG_STATE_HOME"] = str(Path(folder.name) / "state")  # never the user's own


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the longer tiers out, whatever else is chosen by ``-m``, unless that names them."""
    asked = config.option.markexpr
    left_out = [item for item in items if _tier(item) not in asked]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _tier(item) in asked]


def _tier(item: pytest.Item) -> str:
    """Return the longest tier that a test is marked with; empty where it is in none."""
    return next((tier for tier in ("campaign", "slow") if item.get_closest_marker(tier)), "")


def pytest_report_header(config: pytest.Config) -> str:
    """Name the made-up kind of processor."""
    number = config.getoption("processor")
    return f"processor: {processor.name(number)} (again with --processor={number})"


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


SWEEP_PICTURES = (
    "fold_scores",
    "optimisation_history",
    "parallel_coordinates",
    "parameter_importance",
    "score_against_hyperparameters",
)


@pytest.fixture
def quick_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names in place of pictures: half a second of drawing a trial would be most of some tests."""
    monkeypatch.setattr(files, "learning_curves", lambda trial: trial.name)
    monkeypatch.setattr(files, "confusion_picture", lambda trial, _: trial.name)
    monkeypatch.setattr(files, "most_confused", lambda trial, *_: trial.name)
    monkeypatch.setattr(files, "augmentation_sheet", lambda trial, _: trial.name)
    monkeypatch.setattr(files, "png", str.encode)
    for name in SWEEP_PICTURES:
        monkeypatch.setattr(sweep_pictures, name, lambda record: record.name)


@pytest.fixture
def gc_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's command for deleting for good, called in this process: its start is most of what it takes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, about its own types
        from mlflow.cli import gc

    def call(uri: str, _folder: Path, **ids: Sequence[str]) -> None:
        options = {"runs": "--run-ids", "models": "--logged-model-ids", "experiments": "--experiment-ids"}
        arguments = [text for kind, found in ids.items() for text in (options[kind], ",".join(found))]
        with monkeypatch.context() as context:
            context.setenv("MLFLOW_TRACKING_URI", uri)
            gc.main(arguments, standalone_mode=False)

    monkeypatch.setattr(purge, "run_gc", call)

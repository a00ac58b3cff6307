"""Training processes for the tests that train for real."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.warm_process import WarmProcess
from trainer.datasets import DatasetSource, load, store
from trainer.process.training_process import TrainingProcess


@pytest.fixture(scope="session")
def stored_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored dataset of 300 digits."""
    return store(
        load(DatasetSource(source="digits", samples=300)).search, tmp_path_factory.mktemp("datasets")
    )


@pytest.fixture(scope="session")
def training_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainingProcess]:
    """A process that serves all tests: starting one takes seconds."""
    process = TrainingProcess(tmp_path_factory.mktemp("logs") / "worker.log")
    yield process
    process.close()


@pytest.fixture(scope="session")
def warm_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmProcess]:
    """A process that has imported TensorFlow, for scripts that need a training process of their own."""
    process = WarmProcess(tmp_path_factory.mktemp("warm") / "log")
    yield process
    process.close()

"""Scripts in a training process of their own: TensorFlow's switches are set once a process."""

from collections.abc import Callable

import pytest

from tests.warm_process import WarmProcess

#: Runs a function of the test's module in a fresh training process; returns what it prints.
Scripts = Callable[[Callable[[], None]], str]


@pytest.fixture
def in_training_process(warm_process: WarmProcess) -> Scripts:
    """See ``Scripts``."""

    def run(function: Callable[[], None]) -> str:
        done = warm_process.run(function.__module__, function.__name__)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run

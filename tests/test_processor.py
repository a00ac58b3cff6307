"""Each run of the tests has a kind of processor of its own, and nothing else of the machine is changed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import processor
from trainer.runtime.determinism import training_environment
from trainer.runtime.environment import environment


def test_every_python_that_a_test_starts_is_of_the_drawn_kind(request: pytest.FixtureRequest) -> None:
    """Whatever its environment: the caller's, a training process's, or one with another path."""
    here = environment().cpu
    name = processor.name(request.config.getoption("processor"))
    assert (here["model name"] or "one without a name") == name
    code = (
        "import json\nfrom trainer.runtime.environment import environment\n"
        "print(json.dumps(environment().cpu))"
    )
    elsewhere = {**os.environ, "PYTHONPATH": processor.python_path(Path(__file__).parents[1])}
    for variables in (dict(os.environ), training_environment(), elsewhere):
        done = subprocess.run(
            [sys.executable, "-P", "-c", code], env=variables, capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout) == here


def test_kinds_differ_and_can_be_had_again() -> None:
    """One number, one kind; some have none of the names that refold looks for."""
    kinds = [processor.description(number) for number in range(100)]
    assert kinds == [processor.description(number) for number in range(100)]
    assert len(set(kinds)) > 90
    assert {"model name" in kind for kind in kinds} == {True, False}


def test_another_file_is_read_as_it_is() -> None:
    """Only the description of the processor is made up."""
    assert "model name" not in Path("/proc/meminfo").read_text()
    with Path("/proc/cpuinfo").open() as file:
        assert file.read(9) == "processor"

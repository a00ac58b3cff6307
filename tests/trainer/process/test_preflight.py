"""The process that tries things out for ``refold doctor``."""

from pathlib import Path

import pytest

from tests.small_fits import BASELINE
from tests.warm_process import WarmProcess
from trainer.architectures import source_digest
from trainer.process.preflight import failure, step
from trainer.process.preflight_messages import StepPassed, StepRequest
from trainer.runtime.memory import peak_bytes


def test_an_errors_last_words_are_kept() -> None:
    """The reason stands after the places it came through; an eager op is named as well."""
    found = failure(
        ValueError('in user code:\n\n    File "/me/net.py", line 3, in call  *\n\n    odd [Op:Conv2D]')
    )
    assert found.error == "odd [Op:Conv2D] (net.py line 3)"
    assert found.node == "Conv2D"
    assert found.deterministic


def test_an_error_without_words_is_named_by_its_type() -> None:
    """There is always something to say."""
    assert failure(KeyError()).error == "KeyError"


def test_a_word_about_determinism_makes_it_the_reason() -> None:
    """An op that refuses to run under op determinism is told from an architecture that is merely wrong."""
    assert not failure(RuntimeError('"x" cannot be called when determinism is enabled.\nmore')).deterministic


def test_the_peak_is_this_processs_own() -> None:
    """In bytes: more than an interpreter, less than a machine."""
    assert 10**6 < peak_bytes() < 10**12


def augmented() -> None:
    """Try a step with augmentation, and print whether it repeats."""
    import sys

    values = {**BASELINE, "augment": "strong", "augment_flip": "both"}
    digest = source_digest("baseline")
    asked = StepRequest(name="baseline", source=None, digest=digest, hyperparameters=values)
    found = step(asked, sys.argv[1])
    print(isinstance(found, StepPassed) and found.repeats, found)


@pytest.mark.training
def test_a_step_with_augmentation_is_tried(warm_process: WarmProcess, stored_digits: Path) -> None:
    """Its random numbers are those of the step, and it repeats."""
    done = warm_process.run(__name__, "augmented", str(stored_digits))
    assert done.stdout.startswith("True"), done.stdout + done.stderr

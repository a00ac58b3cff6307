"""What a refusal to go on with a sweep says to install, and where to run."""

from dataclasses import replace
from typing import Any

import pytest

from sweeps.definition.requirements import to_go_on, version_of_refold
from trainer.fits.environment import DECIDING, Environment

THEN = Environment(
    packages=dict.fromkeys(DECIDING, "1.0") | {"refold": "0.1.0", "mlflow": "3.0"},
    cpu={"model name": "AMD EPYC", "model": "17", "vectors": "avx avx2"},
)


@pytest.mark.parametrize(
    ("here", "said"),
    [
        ({}, ""),
        ({"packages": {**THEN.packages, "mlflow": "4.0", "refold": "0.2.0"}}, ""),  # neither decides bits
        (
            {"packages": {**THEN.packages, "keras": "2.0", "tensorflow": "2.0"}},
            "after 'pip install keras==1.0 tensorflow==1.0'",
        ),
        ({"cpu": {**THEN.cpu, "model name": "Intel"}}, "on a processor of the kind AMD EPYC"),
        (
            {"cpu": {**THEN.cpu, "vectors": "avx"}},
            "on a processor of the kind AMD EPYC with vectors avx avx2",
        ),
        ({"cpu": {"model name": ""}, "packages": {**THEN.packages, "keras": "2.0"}},
         "after 'pip install keras==1.0' and on a processor of the kind AMD EPYC"),
    ],
)  # fmt: skip
def test_the_remedy_names_what_differs_and_decides_bits(here: dict[str, Any], said: str) -> None:
    """Packages as pip takes them; a processor by its name, or by what tells it from one of the same name."""
    assert to_go_on(THEN, replace(THEN, **here)) == said


def test_a_processor_without_a_name_is_known_by_the_rest() -> None:
    """As on ARM, where the system says less."""
    nameless = replace(THEN, cpu={"model name": "", "model": "17"})
    said = "on a processor with model 17"
    assert to_go_on(nameless, THEN.__class__(packages=THEN.packages, cpu={"model": "18"})) == said


def test_a_sweep_of_several_kinds_asks_for_none_of_them() -> None:
    """Only its packages have to be there."""
    mixed = replace(THEN, cpu={"model name": "mixed"}, packages={**THEN.packages, "keras": "0.9"})
    assert to_go_on(mixed, THEN) == "after 'pip install keras==0.9'"


def test_what_gpus_trained_needs_one_of_them() -> None:
    """By the name that the driver gives."""
    assert to_go_on(replace(THEN, gpu="H100"), THEN) == "on a GPU of the kind H100"


def test_the_version_of_refold_is_the_recorded_one() -> None:
    """Whatever is installed."""
    assert version_of_refold(THEN) == "0.1.0"

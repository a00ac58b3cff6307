"""The command with and without real training."""

from pathlib import Path

import pytest

from tests.command import Command, refold


@pytest.fixture(scope="module", params=["formula", pytest.param("training", marks=[pytest.mark.slow])])
def train(request: pytest.FixtureRequest, empty_database: Path) -> Command:
    """The command with fits that are a formula; the slow tests do the same with real training."""
    if request.param == "training":
        return refold
    return Command("tests.formula_command", EMPTY_DATABASE=str(empty_database), PREDICTIONS="1")

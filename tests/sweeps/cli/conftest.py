"""The command with and without real training."""

import pytest

from tests.command import Command, formula, refold


@pytest.fixture(scope="module", params=["formula", pytest.param("training", marks=[pytest.mark.slow])])
def train(request: pytest.FixtureRequest) -> Command:
    """The command with fits that are a formula; the slow tests do the same with real training."""
    return formula if request.param == "formula" else refold

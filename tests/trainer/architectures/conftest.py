"""What tests of users' architectures share."""

import pytest


@pytest.fixture(autouse=True)
def in_training_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test's process pass for one that was started for training: only there a user's code runs."""
    monkeypatch.setenv("REFOLD_DEVICE", "cpu")

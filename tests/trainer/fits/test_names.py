"""What trials and fits are called: one form, written and read."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.closed_formula import plan
from trainer.errors import UsageError
from trainer.fits.names import fit_name, read_trial_name, trial_name

PLAN = plan()
SPEC = PLAN.fit_specs(PLAN.architectures[0], 3, {"learning_rate": 1e-3, "batch_size": 32, "dropout": 0.1})[2]


@given(st.text(min_size=1), st.integers(0, 999_999_999))
def test_a_name_is_read_as_it_was_written(architecture: str, number: int) -> None:
    """Whatever the architecture is called, slashes included."""
    assert read_trial_name(trial_name(architecture, number)) == (architecture, number)


@pytest.mark.parametrize("text", ["", "resnet", "resnet/", "/3", "resnet/t0003", "resnet/-1", "resnet/³"])
def test_what_is_not_a_name_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(UsageError, match="write ARCHITECTURE/NUMBER, such as resnet/3"):
        read_trial_name(text)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({}, "alpha/3 fold 2"),
        ({"repeat": 1}, "alpha/3 repeat 1 fold 2"),
        ({"fold": None}, "alpha/3 refit"),
    ],
)
def test_a_fit_is_named_by_its_trial_repeat_and_fold(change: dict[str, Any], name: str) -> None:
    """The repeat is named where there is more than one cross-validation."""
    assert fit_name(replace(SPEC, **change), 3) == name

"""Plans from a record: how many repeats a difference needs."""

import pytest

from sweeps.analysis.sample_size import from_differences, repeat_lines
from trainer.errors import UsageError


def test_repeats_have_a_floor_for_new_data_and_none_for_this() -> None:
    """The smallest difference that any number of repeats tells is where "never" begins."""
    differences = [[0.012, -0.004, 0.006, 0.001, -0.007], [0.0, 0.004, -0.003, 0.008, -0.001]]
    report = from_differences("made", differences, folds=5, architectures=3, basis="made up")
    floor = report["smallest_difference"]["0.8"]
    for row in report["repeats"]:
        assert (row["new_data"] is None) == (
            row["difference"] < report["smallest_difference"][f"{row['power']:g}"]
        )
        assert row["this_data"] is not None
    assert f"{100 * floor:.2f} points (80 % power)" in "\n".join(repeat_lines(report))


def test_equal_scores_have_no_spread_to_plan_with() -> None:
    """As it happens on a dataset that every network solves."""
    with pytest.raises(UsageError, match="equal scores on every fold"):
        from_differences("made", [[0.0] * 5], folds=5, architectures=2, basis="made up")

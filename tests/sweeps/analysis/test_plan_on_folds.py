"""Plans on folds: how many repeats the verdict "better" needs."""

import pytest

from sweeps.analysis.folds.planning import from_differences, lines
from trainer.errors import UsageError

DIFFERENCES = [[0.012, -0.004, 0.006, 0.001, -0.007], [0.0, 0.004, -0.003, 0.008, -0.001]]


def test_what_does_not_matter_is_not_found_and_more_power_needs_more() -> None:
    """A difference as large as the region is called better by no number of repeats, under either claim."""
    report = from_differences("made", DIFFERENCES, folds=5, architectures=3, basis="made up", rope=0.005)
    cells = {(cell["difference"], cell["power"]): cell for cell in report["repeats"]}
    assert cells[0.005, 0.8]["new_data"] is cells[0.005, 0.8]["this_data"] is None
    for claim in ("new_data", "this_data"):
        assert cells[0.05, 0.8][claim] <= cells[0.05, 0.95][claim]
        assert cells[0.05, 0.8][claim] <= (cells[0.02, 0.8][claim] or 1001)
    text = "\n".join(lines(report))
    assert "so a true difference of 0.50 points or less is almost never found" in text
    assert "assumes how the scores of overlapping training sets are correlated" in text


def test_a_smaller_region_needs_fewer_repeats() -> None:
    """The plan is that of the verdict, not of a test against 0."""
    wider = [[3 * each for each in pair] for pair in DIFFERENCES]
    needed = []
    for rope in (0.0, 0.005, 0.01):
        found = from_differences("made", wider, folds=5, architectures=2, basis="", rope=rope)
        cells = {(cell["difference"], cell["power"]): cell["this_data"] for cell in found["repeats"]}
        needed.append(cells[0.02, 0.8])
    assert needed == sorted(needed)
    assert needed[0] < needed[-1]


def test_equal_scores_have_no_spread_to_plan_with() -> None:
    """As it happens on a dataset that every network solves."""
    with pytest.raises(UsageError, match="equal scores on every fold"):
        from_differences("made", [[0.0] * 5], folds=5, architectures=2, basis="made up", rope=0.005)

"""Plans: how many runs a difference needs, and what wrong scores get."""

import math

import pytest

from sweeps.analysis.sample_size import from_differences, from_scores, repeat_lines, score_lines
from trainer.errors import UsageError

QUESTION = (0.8905, 0.8796, 0.8849)


def test_the_original_question() -> None:
    """The table of the README, and how little three runs say about their spread."""
    report = from_scores(QUESTION)
    table = {(row["difference"], row["power"]): row["runs"] for row in report["runs"]}
    assert [table[gap, 0.8] for gap in (0.002, 0.005, 0.01, 0.02)] == [118, 20, 6, 3]
    assert [table[gap, 0.95] for gap in (0.002, 0.005, 0.01, 0.02)] == [195, 32, 9, 4]
    lines = score_lines(report)
    assert lines[0] == "3 runs: mean 0.8850, 95 % interval 0.8715 to 0.8985"
    assert lines[1].startswith("spread (standard deviation) 0.0055")
    assert "1 point     6 (3 to 186)      9 (4 to 306)" in lines
    assert "nan" not in "\n".join(lines)


def test_more_architectures_need_more_runs() -> None:
    """Fifteen comparisons at once: Holm's strictest step."""
    two, six = from_scores(QUESTION), from_scores(QUESTION, architectures=6)
    assert six["comparisons"] == 15
    assert all(b["runs"] >= a["runs"] for a, b in zip(two["runs"], six["runs"], strict=True))
    assert "for 15 pairs" in "\n".join(score_lines(six))


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ([], "no scores were given"),
        ([0.9], "one score has no spread"),
        ([0.9, 0.9, 0.9], "all 3 scores are 0.9: there is no spread"),
        ([0.9, 1.1], "1.1 does not"),
        ([89.05, 87.96], r"89.05 does not \(89.05 % is 0.8905\)"),
        ([0.9, -0.1], "-0.1 does not"),
        ([0.9, math.nan], "nan does not"),
        ([0.9, math.inf], "inf does not"),
    ],
)
def test_scores_that_are_none(scores: list[float], words: str) -> None:
    """A sentence, never a NaN or a division error."""
    with pytest.raises(UsageError, match=words):
        from_scores(scores)


def test_one_architecture_is_no_comparison() -> None:
    """At least two."""
    with pytest.raises(UsageError, match="fewer than 2"):
        from_scores(QUESTION, architectures=1)


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

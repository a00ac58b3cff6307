"""Plans from a few scores: the original question's numbers, what makes them smaller, and what is refused."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.analysis.plan_from_scores import PAIRED_VARIANCE, from_scores, score_lines
from trainer.errors import UsageError

QUESTION = [0.8905, 0.8796, 0.8849]
READINGS = ("runs", "runs_on_average", "runs_upper")


def runs(report: dict[str, Any], power: float = 0.8) -> dict[float, tuple[Any, ...]]:
    """Return the runs of each difference, by the three readings."""
    return {
        row["difference"]: tuple(row[name] for name in READINGS)
        for row in report["runs"]
        if row["power"] == power
    }


def test_the_original_question_has_three_answers() -> None:
    """Spread known, on average, upper limit: exact for 80 % and 95 % power, without a test set."""
    report = from_scores(QUESTION)
    assert (report["spread"]["freedom"], report["comparisons"]) == (2, 1)
    assert report["spread"]["upper"] == pytest.approx(0.01154, abs=5e-6)
    assert runs(report) == {
        0.002: (118, 296, 524),
        0.005: (20, 49, 85),
        0.01: (6, 13, 22),
        0.02: (3, 5, 7),
    }
    assert runs(report, 0.95)[0.01] == (9, 56, 36)
    assert report["pairs_for_three_wins_in_four"] == 30
    assert report["test_images"] is None
    assert all("with_test_images" not in row for row in report["runs"])


def test_the_first_lines_are_spread_answer_and_what_next() -> None:
    """In this order, each a short line; the table follows."""
    lines = score_lines(from_scores(QUESTION))
    assert lines[0] == (
        "3 runs have a spread (standard deviation) of 0.55 points; the true spread may be anything from 0.28 "
        "to 3.43."
    )
    assert lines[1].startswith(
        "A true difference of 1 point needs 22 runs of each architecture; half a point needs 85"
    )
    assert lines[2].startswith("Next: run 5 more, then plan again.")
    assert lines[3] == ""
    assert "1 point                6          13           22" in lines
    assert "--test-images" in "\n".join(lines)


def test_enough_scores_need_no_more() -> None:
    """Eight are enough to plan with; two are not."""
    scores = [0.88, 0.885, 0.89, 0.875, 0.88, 0.886, 0.884, 0.879]
    assert "more" not in score_lines(from_scores(scores))[2]
    assert "run 6 more" in score_lines(from_scores(scores[:2]))[2]


def test_more_architectures_need_more_runs() -> None:
    """Fifteen comparisons at once: Holm's strictest step."""
    two, six = from_scores(QUESTION), from_scores(QUESTION, architectures=6)
    assert six["comparisons"] == 15
    for difference, found in runs(six).items():
        assert all(a > b for a, b in zip(found, runs(two)[difference], strict=True))
    assert "for 15 pairs" in "\n".join(score_lines(six))
    assert "--architectures" not in "\n".join(score_lines(six))


def test_a_test_set_takes_power_from_a_plan() -> None:
    """10,000 images add 0.17 points to a difference: 85 runs have 52 % where 80 % was planned."""
    report = from_scores(QUESTION, test_images=10_000)
    shared = report["test_images"]
    assert (shared["images"], shared["paired_variance"]) == (10_000, PAIRED_VARIANCE)
    assert shared["error_of_score"] == pytest.approx(0.0032, abs=5e-5)
    assert shared["error_of_difference"] == pytest.approx(0.0017, abs=5e-5)
    rows = {row["difference"]: row["with_test_images"] for row in report["runs"] if row["power"] == 0.8}
    assert rows[0.005]["power_of_runs_upper"] == pytest.approx(0.52, abs=0.005)
    assert rows[0.005]["highest_power"] == pytest.approx(0.823, abs=0.001)
    assert [rows[0.01][name] for name in READINGS] == [7, 17, 29]
    assert [rows[0.002][name] for name in READINGS] == [None, None, None]
    assert runs(report) == runs(from_scores(QUESTION))
    text = "\n".join(score_lines(report))
    assert "0.5 points           321       1,575        1,439        52 %" in text
    assert "0.2 points         never       never        never        19 %" in text
    assert "With 10,000 test images a true difference of 1 point needs 29 runs" in text
    assert "never: no number of runs" in text


def test_what_no_number_of_runs_tells_is_said_in_the_second_line() -> None:
    """One image, and all that the limit allows."""
    line = score_lines(from_scores(QUESTION, test_images=1))[1]
    assert "1 point is out of reach; half a point is out of reach" in line
    many = score_lines(from_scores(QUESTION, test_images=10_000_000))
    assert "1 point needs 22 runs" in many[1]
    assert "never:" not in "\n".join(many)


def test_networks_that_are_nearly_always_right_cannot_disagree_much() -> None:
    """Two with an accuracy p and nothing in common differ by 2 p (1 - p) an image, and no more is assumed."""
    report = from_scores([0.998, 0.999, 0.9985], test_images=1000)
    assert report["test_images"]["paired_variance"] == pytest.approx(2 * 0.9985 * 0.0015)
    text = "\n".join(score_lines(report))
    assert "varies by 0.003 an image (variance). Networks as good as these runs have that" in text
    assert "to be safe" not in text


@given(
    scores=st.lists(st.integers(8000, 9000), min_size=2, max_size=6, unique=True),
    images=st.sampled_from([None, 1000, 50_000]),
)
@settings(max_examples=4, deadline=None)
def test_the_larger_the_difference_the_fewer_the_runs(scores: list[int], images: int | None) -> None:
    """For each reading and power, with a test set and without; the upper limit never asks for fewer."""
    report = from_scores([score / 10_000 for score in scores], test_images=images)
    for rows in ([row for row in report["runs"] if row["power"] == power] for power in (0.8, 0.95)):
        for name in READINGS:
            found = [(row if images is None else row["with_test_images"])[name] for row in rows]
            numbers = [math.inf if each is None else each for each in found]
            assert numbers == sorted(numbers, reverse=True)
        assert all((row["runs"] or math.inf) <= (row["runs_upper"] or math.inf) for row in rows)
    json.loads(json.dumps(report, allow_nan=False))
    assert "nan" not in "\n".join(score_lines(report))


@given(spread=st.floats(0.001, 0.02), count=st.integers(2, 7), more=st.integers(1, 5))
@settings(max_examples=4, deadline=None)
def test_more_scores_with_the_same_spread_need_fewer_runs(spread: float, count: int, more: int) -> None:
    """Less is open then, on average and at the upper limit; if the spread is known, nothing changes."""

    def scores(number: int) -> list[float]:
        reach = spread * math.sqrt((number - 1) / 2)
        return [0.5 - reach, 0.5 + reach, *[0.5] * (number - 2)]

    few, many = (runs(from_scores(scores(number))) for number in (count, count + more))
    for difference in few:
        known, average, upper = zip(few[difference], many[difference], strict=True)
        assert abs((known[0] or 0) - (known[1] or 0)) <= 1  # the spread is rounded
        assert (average[0] or math.inf) >= (average[1] or math.inf)
        assert (upper[0] or math.inf) >= (upper[1] or math.inf)


def test_the_largest_spread_is_answered_without_nonsense() -> None:
    """Scores of 0 and 1: over a million runs, no score and no difference beyond what a score can be."""
    report = from_scores([0.0, 1.0], test_images=10)
    assert runs(report)[0.002] == (None, None, None)
    assert (report["mean_low"], report["mean_high"]) == (0.0, 1.0)
    text = "\n".join(score_lines(report))
    assert "over a million" in text
    assert "miss any difference" in text


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ([], "no scores were given"),
        ([0.9], "one score has no spread"),
        ([0.9, 0.9, 0.9], "all 3 scores are 0.9: there is no spread"),
        ([0.9, 0.9 + 1e-14], "all 2 scores are 0.9: there is no spread"),
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


@pytest.mark.parametrize("images", [0, -5, 10_000_001, 10.5])
def test_test_images_have_limits(images: Any) -> None:
    """A whole number from 1 to what a dataset may have."""
    with pytest.raises(UsageError, match=r"--test-images: .* is not a whole number from 1 to 10,000,000"):
        from_scores(QUESTION, test_images=images)

"""How many runs a difference needs, planned from a few scores of the user's own runs of one network.

A few scores hardly tell the spread, so each number of runs comes in three readings: if the spread is exactly
what they show, on average over what it may be, and by its upper limit. One test set for all runs adds an
error that more runs do not shrink.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from sweeps.analysis.statistics.paired_t import estimate
from sweeps.analysis.statistics.power import detectable_unpaired
from sweeps.analysis.statistics.spread import Spread, plausible_spreads, spread_of, upper_limit
from sweeps.analysis.statistics.unpaired_runs import average_power, highest_power, runs_on_average
from sweeps.analysis.statistics.wins import pairs_for_sign
from tracking.reports.text_table import Column, Table
from trainer.errors import UsageError
from trainer.limits import IMAGES

#: The true differences that are planned for, in units of the score, and the power to find them.
DIFFERENCES, POWERS = (0.002, 0.005, 0.01, 0.02), (0.8, 0.95)

#: Significance level of all comparisons together.
ALPHA = 0.05

#: Confidence with which the true spread is below its upper limit.
UPPER = 0.8

#: Scores from which the spread is known well enough to plan with.
ENOUGH = 8

#: Assumed variance, over test images, of the difference of two networks' chances to be right, and why.
#: ``python -m benchmarks.shared_test_set`` measured 0.009 to 0.019 for three pairs of networks.
PAIRED_VARIANCE = 0.03
WHY = "Three pairs of networks on Fashion-MNIST had 0.009 to 0.019; this is more, to be safe."
WHY_LESS = "Networks as good as these runs have that if their mistakes have nothing in common."

#: Titles: the three readings of the spread, and the power that a shared test set leaves of a plan.
READINGS, LEFT, NEVER = ("spread known", "on average", "upper limit"), "power left", "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedImages:
    """What one test set adds, if all runs are scored on it.

    Attributes:
        images: number of its images.
        paired_variance: assumed variance of a difference, an image.
        error_of_score: standard error that it adds to one score, as a score.
        error_of_difference: standard error that it adds to the difference of two networks.
    """

    images: int
    paired_variance: float
    error_of_score: float
    error_of_difference: float

    @classmethod
    def of(cls, images: int, mean: float) -> "SharedImages":
        """Return what a test set of some images adds to scores around a mean, an accuracy in (0, 1)."""
        wrong_alone = mean * (1 - mean)  # variance of right or wrong, an image
        variance = min(PAIRED_VARIANCE, 2 * wrong_alone)  # the latter if the two have nothing in common
        return cls(
            images=images,
            paired_variance=variance,
            error_of_score=math.sqrt(wrong_alone / images),
            error_of_difference=math.sqrt(variance / images),
        )


def from_scores(
    scores: Sequence[float], *, architectures: int = 2, test_images: int | None = None
) -> dict[str, Any]:
    """Return the number of unpaired runs that each architecture needs, as JSON data.

    Args:
        scores: the scores of several runs of one network, in [0, 1].
        architectures: number of architectures that will be compared in pairs, at least 2; planned for Holm's
            strictest step.
        test_images: number of images of the one test set on which all runs are scored, at least 1; None to
            count seeds alone.

    Raises:
        UsageError: if the scores are too few, all equal or not in [0, 1], or another number is out of range.
    """
    _check(scores, architectures, test_images)
    mean, spread = estimate(scores, overlap=0), _spread(scores)
    alpha = ALPHA / math.comb(architectures, 2)
    shared = None if test_images is None else SharedImages.of(int(test_images), mean.mean)
    readings: dict[str, npt.ArrayLike] = {
        "runs": [spread.deviation],
        "runs_on_average": plausible_spreads(spread),
        "runs_upper": [upper_limit(spread, confidence=UPPER)],
    }
    return {
        "scores": list(scores),
        "mean": mean.mean,
        "mean_low": max(0.0, mean.low),  # the normal interval of a score may leave its range
        "mean_high": min(1.0, mean.high),
        "spread": {
            "deviation": spread.deviation,
            "low": spread.low,
            "high": spread.high,
            "upper": upper_limit(spread, confidence=UPPER),
            "freedom": spread.freedom,
        },
        "architectures": architectures,
        "comparisons": math.comb(architectures, 2),
        "test_images": None if shared is None else _images_json(shared),
        "smallest_difference": detectable_unpaired(spread.deviation, len(scores), power=0.8, alpha=alpha),
        "runs": [
            _row(difference, power, alpha, readings, shared) for difference in DIFFERENCES for power in POWERS
        ],
        "pairs_for_three_wins_in_four": pairs_for_sign(0.75, alpha=ALPHA, power=0.8),
    }


def _check(scores: Sequence[float], architectures: int, test_images: int | None) -> None:
    if len(scores) < 2:
        raise UsageError(
            "one score has no spread: give at least two, of runs that differ in nothing but their seeds"
            if scores
            else "no scores were given: refold plan --scores 0.8905 0.8796 0.8849"
        )
    for score in scores:
        if not 0 <= score <= 1:  # NaN too
            hint = f" ({score:g} % is {score / 100:g})" if 1 < score <= 100 else ""
            raise UsageError(f"scores must lie in 0 to 1, and {score:g} does not{hint}")
    if architectures < 2:
        raise UsageError("--architectures: there is nothing to compare with fewer than 2")
    if test_images is not None and (test_images % 1 or not 1 <= test_images <= IMAGES.most):
        raise UsageError(f"--test-images: {test_images} is not a whole number from 1 to {IMAGES.said}")


def _spread(scores: Sequence[float]) -> Spread:
    try:
        return spread_of(scores)
    except ValueError:
        raise UsageError(
            f"all {len(scores)} scores are {scores[0]:g}: there is no spread to plan with; "
            "give scores of runs with different seeds"
        ) from None


def _images_json(shared: SharedImages) -> dict[str, Any]:
    return {
        "images": shared.images,
        "paired_variance": shared.paired_variance,
        "error_of_score": shared.error_of_score,
        "error_of_difference": shared.error_of_difference,
    }


def _row(
    difference: float,
    power: float,
    alpha: float,
    readings: Mapping[str, npt.ArrayLike],
    shared: SharedImages | None,
) -> dict[str, Any]:
    """Return the runs that one difference needs with one power, by every reading of the spread."""

    def needed(variance: float) -> dict[str, int | None]:
        return {
            name: runs_on_average(difference, spreads, power=power, alpha=alpha, shared=variance)
            for name, spreads in readings.items()
        }

    planned = needed(0.0)
    row: dict[str, Any] = {"difference": difference, "power": power, **planned}
    if shared is not None:
        variance = shared.error_of_difference**2
        left = {
            f"power_of_{name}": None
            if runs is None
            else average_power(difference, readings[name], runs, alpha=alpha, shared=variance)
            for name, runs in planned.items()
        }
        highest = highest_power(difference, variance, alpha=alpha)
        row["with_test_images"] = {**needed(variance), **left, "highest_power": highest}
    return row


def score_lines(report: Mapping[str, Any]) -> list[str]:
    """Return the result of ``from_scores`` as lines to print."""
    spread, count, comparisons = report["spread"], len(report["scores"]), report["comparisons"]
    rows = [row for row in report["runs"] if row["power"] == POWERS[0]]
    pairs = f"{comparisons} pairs" if comparisons > 1 else "one pair"
    return [
        f"{count} runs have a spread (standard deviation) of {_hundredths(spread['deviation'])} points; the "
        f"true spread may be anything from {_hundredths(spread['low'])} to {_hundredths(spread['high'])}.",
        _answer(report, rows),
        _next(report),
        "",
        f"Runs of each architecture that find a true difference with 80 % power (t-test at 5 % for {pairs}):",
        "",
        *_table(READINGS, [_cells(row, row) for row in rows]),
        "",
        "A point is 0.01 of the score. 80 % power: four experiments in five find a difference of that size.",
        f"spread known: if the true spread is {_hundredths(spread['deviation'])} points, as these runs show. "
        "If it is larger, the plan finds less.",
        "on average: 80 % power is the mean over all that the true spread may be.",
        f"upper limit: if the true spread is {_hundredths(spread['upper'])} points; with a confidence of "
        "80 % it is not larger. Use this for a plan that you cannot repeat.",
        "",
        *_image_lines(report, rows),
        f"The mean of these runs is {report['mean']:.4f}, its 95 % interval {report['mean_low']:.4f} to "
        f"{report['mean_high']:.4f}.",
        _missed(count, report["smallest_difference"]),
        "--json has 95 % power too"
        + (", and --architectures N plans for all pairs of N." if comparisons == 1 else "."),
        "To compare architectures, 'refold run' tunes each alike and sets an exam aside; 'refold compare' "
        "says which is better.",
    ]


def _answer(report: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the runs for 1 point and for half a point, by the upper limit, in one sentence."""
    shared = report["test_images"]
    one, half = (
        _needs(next(row for row in rows if row["difference"] == difference)) for difference in (0.01, 0.005)
    )
    one = one.replace("runs", "runs of each architecture")
    start = "A" if shared is None else f"With {shared['images']:,} test images a"
    return f"{start} true difference of 1 point {one}; half a point {half} (by the upper limit, below)."


def _needs(row: Mapping[str, Any]) -> str:
    runs = _needed(row.get("with_test_images", row), "runs_upper", row["power"])
    return "is out of reach" if runs == NEVER else f"needs {runs} runs"


def _next(report: Mapping[str, Any]) -> str:
    """Return what to do next, in one sentence or two."""
    count, spread = len(report["scores"]), report["spread"]
    if count >= ENOUGH:
        return "Next: run each architecture that often, each with a seed of its own, and compare their means."
    enough = Spread(deviation=1.0, low=1.0, high=1.0, freedom=ENOUGH - 1)
    return (
        f"Next: run {ENOUGH - count} more, then plan again. With {count} runs the upper limit is "
        f"{spread['upper'] / spread['deviation']:.1f} times the spread that they show; with {ENOUGH} it is "
        f"{upper_limit(enough, confidence=UPPER):.1f} times."
    )


def _missed(count: int, smallest: float) -> str:
    which = f"differences below {100 * smallest:.1f} points" if smallest < 1 else "any difference"
    return (
        f"{count} runs of each architecture miss {which} more often than one time in five, even if the "
        "spread is known."
    )


def _image_lines(report: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what a shared test set adds, or that it is not counted; with an empty line at the end."""
    shared = report["test_images"]
    if shared is None:
        return [
            "Only the seeds are counted. Whether a difference holds for other test images is another "
            "question: --test-images 10000 adds what a test set of 10,000 images leaves open.",
            "",
        ]
    return [
        f"Scoring all runs on the same {shared['images']:,} test images adds a standard error of "
        f"{_hundredths(shared['error_of_score'])} points to a score and of "
        f"{_hundredths(shared['error_of_difference'])} to a difference. More runs do not shrink it. Runs "
        "that are needed then:",
        "",
        *_table((*READINGS, LEFT), [[*_cells(row["with_test_images"], row), _left(row)] for row in rows]),
        "",
        f"{LEFT}: what the runs under 'upper limit' in the first table have with these images, in place "
        "of 80 %.",
        *(
            [f"{NEVER}: no number of runs reaches 80 % power with these images."]
            if any(row["with_test_images"]["highest_power"] <= row["power"] for row in rows)
            else []
        ),
        f"Assumed: the difference of two networks varies by {shared['paired_variance']:.3g} an image "
        f"(variance). {WHY if shared['paired_variance'] == PAIRED_VARIANCE else WHY_LESS}",
        "The test has to count this error; a t-test on the scores alone takes the luck of the images for "
        "a difference.",
        "",
    ]


def _left(row: Mapping[str, Any]) -> str:
    left = row["with_test_images"]["power_of_runs_upper"]
    return "?" if left is None else f"{100 * left:.0f} %"


def _cells(runs: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    readings = ("runs", "runs_on_average", "runs_upper")
    return [_points(row["difference"]), *(_needed(runs, name, row["power"]) for name in readings)]


def _needed(runs: Mapping[str, Any], reading: str, power: float) -> str:
    if runs[reading] is not None:
        return f"{runs[reading]:,}"
    return NEVER if runs.get("highest_power", 1) <= power else "over a million"


def _points(difference: float) -> str:
    points = 100 * difference
    return f"{points:g} point" + ("" if points == 1 else "s")  # a fraction has no ``counted``


def _hundredths(value: float) -> str:
    """Return a difference of scores in points, with two digits at least.

    >>> _hundredths(0.0054543), _hundredths(0.0000123)
    ('0.55', '0.0012')
    """
    points = 100 * value
    return f"{points:.2f}" if points >= 0.1 else f"{points:.2g}"


def _table(titles: Iterable[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return titles and rows as lines with aligned columns."""
    columns = [Column(title="difference"), *(Column(title=title, right=True) for title in titles)]
    return Table(columns=columns, rows=rows).lines()

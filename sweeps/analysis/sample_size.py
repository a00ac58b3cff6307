"""The number of repeats that a difference needs, from a recorded sweep."""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from sweeps.analysis.folds.comparison import confirmed_scores, recorded_repeats
from sweeps.analysis.plan_from_scores import ALPHA, DIFFERENCES, POWERS
from sweeps.analysis.statistics.paired_t import estimate, overlap_of
from sweeps.analysis.statistics.power import (
    detectable_paired,
    repeats_paired,
)
from sweeps.analysis.statistics.spread import Spread, pooled_spread
from tracking.records import SweepRecord
from tracking.reports.text_table import Column, Table
from trainer.errors import UsageError
from trainer.quantities import counted


def _alpha(architectures: int) -> float:
    return ALPHA / math.comb(architectures, 2)


def _spread_json(spread: Spread) -> dict[str, Any]:
    return {
        "deviation": spread.deviation,
        "low": spread.low,
        "high": spread.high,
        "freedom": spread.freedom,
    }


def from_differences(
    name: str,
    differences: Sequence[Sequence[float]],
    *,
    folds: int,
    architectures: int,
    basis: str,
) -> dict[str, Any]:
    """Return the number of repeats of a cross-validation that differences need, as JSON data.

    Args:
        name: the sweep's name.
        differences: the paired differences of each pair of architectures, repeat by repeat in fold order.
        folds: number of folds of the cross-validation, at least 2.
        architectures: number of architectures that are compared in pairs.
        basis: where the differences come from, in words.

    Raises:
        UsageError: if there is no spread to plan with.
    """
    try:
        spread = pooled_spread(differences)
    except ValueError:
        raise UsageError(
            f"the winners of {name!r} have equal scores on every fold: there is no spread to plan with; "
            "a larger or harder dataset would show one"
        ) from None
    between = _between_repeats(differences, folds) or spread.deviation / math.sqrt(folds)
    alpha, overlap = _alpha(architectures), overlap_of(folds)

    def new_data(difference: float, power: float) -> int | None:
        return repeats_paired(
            difference, spread.deviation, runs_per_repeat=folds, overlap=overlap, power=power, alpha=alpha
        )

    def this_data(difference: float, power: float) -> int | None:
        return repeats_paired(difference, between, runs_per_repeat=1, overlap=0, power=power, alpha=alpha)

    return {
        "sweep": name,
        "basis": basis,
        "folds": folds,
        "architectures": architectures,
        "comparisons": math.comb(architectures, 2),
        "spread": _spread_json(spread),
        "spread_between_repeats": between,
        "repeats": [
            {
                "difference": difference,
                "power": power,
                "new_data": new_data(difference, power),
                "this_data": this_data(difference, power),
            }
            for difference in DIFFERENCES
            for power in POWERS
        ],
        "smallest_difference": {
            f"{power:g}": detectable_paired(spread.deviation, overlap=overlap, power=power, alpha=alpha)
            for power in POWERS
        },
    }


def _between_repeats(differences: Sequence[Sequence[float]], folds: int) -> float | None:
    """Return the spread of the repeats' mean differences; None if there are too few repeats."""
    repeats = len(differences[0]) // folds
    if repeats < 3:
        return None
    means = [
        [math.fsum(pair[start : start + folds]) / folds for start in range(0, repeats * folds, folds)]
        for pair in differences
    ]
    found = [estimate(pair, overlap=0).deviation for pair in means]
    return math.sqrt(sum(deviation**2 for deviation in found) / len(found)) or None


def repeat_lines(report: dict[str, Any]) -> list[str]:
    """Return the result of ``from_differences`` as lines to print."""
    spread, folds = report["spread"], report["folds"]
    rows = [
        [
            _points(difference),
            *(_repeats(cell["new_data"]) for cell in cells),
            *(_repeats(cell["this_data"]) for cell in cells),
        ]
        for difference, cells in _by_difference(report["repeats"])
    ]
    pairs = f"{report['comparisons']} pairs" if report["comparisons"] > 1 else "one pair"
    smallest = report["smallest_difference"]
    more = math.sqrt(2)
    return [
        f"sweep {report['sweep']}: {report['architectures']} architectures, {folds} folds; {report['basis']}",
        f"spread of paired differences (fold by fold) {spread['deviation']:.4f}, 95 % interval "
        f"{spread['low']:.4f} to {spread['high']:.4f}",
        "",
        f"Repeats of the {folds}-fold cross-validation ({folds} fits of each architecture) that tell a true "
        f"difference apart, at 5 % for {pairs}:",
        "",
        "a new training set: a claim about other images of the same source; these images: other seeds alone",
        "",
        *_table(["difference", "new: 80 %", "95 %", "these: 80 %", "95 %"], rows),
        "",
        "A point is 0.01 of the score. 80 % power: four experiments in five find a difference of that size.",
        f"For a new training set, no number of repeats tells less than {100 * smallest['0.8']:.2f} points "
        f"(80 % power): all repeats share these images. Twice the images would bring that to about "
        f"{100 * smallest['0.8'] / more:.2f} points.",
    ]


def from_record(record: SweepRecord) -> dict[str, Any]:
    """Return the number of repeats that a recorded sweep needs; see ``from_differences``.

    The differences come from the winners' fresh repeats if a comparison has recorded two or more, else from
    the winners' folds in the search.

    Raises:
        UsageError: if fewer than two architectures have a complete trial.
    """
    winners = record.winners
    if len(winners) < 2:
        raise UsageError(
            f"the sweep {record.name!r} has complete trials of {counted(len(winners), 'architecture')}: "
            "at least 2 are needed, run it to its end first"
        )
    repeats = recorded_repeats(record)
    scores = [winner.fold_scores for winner in winners]
    basis = "from the winners' folds in the search"
    if repeats >= 2:
        scores = list(confirmed_scores(record, repeats).values())
        basis = f"from {repeats} fresh repeats of the winners"
    return from_differences(
        record.name,
        [[a - b for a, b in zip(one, other, strict=True)] for one, other in combinations(scores, 2)],
        folds=record.fits_per_trial,
        architectures=len(winners),
        basis=basis,
    )


def _by_difference(cells: Sequence[dict[str, Any]]) -> list[tuple[float, list[dict[str, Any]]]]:
    return [
        (difference, [cell for cell in cells if cell["difference"] == difference])
        for difference in DIFFERENCES
    ]


def _points(difference: float) -> str:
    points = 100 * difference
    return f"{points:g} point" + ("" if points == 1 else "s")  # a fraction has no ``counted``


def _repeats(repeats: int | None) -> str:
    return "never" if repeats is None else str(repeats)


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return titles and rows as lines with aligned columns."""
    return Table(columns=[Column(title=title) for title in titles], rows=rows).lines()

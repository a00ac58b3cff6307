"""How many repeats of the cross-validation the verdict "better" on folds needs, from a recorded sweep."""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from sweeps.analysis.folds.comparison import confirmed_scores, recorded_repeats
from sweeps.analysis.statistics.paired_t import estimate, overlap_of
from sweeps.analysis.statistics.spread import Spread, plausible_spreads, pooled_spread
from sweeps.analysis.statistics.verdict_power import repeats_for_better
from sweeps.analysis.statistics.verdicts import ALPHA
from sweeps.analysis.words import points
from tracking.records import SweepRecord
from tracking.reports.text_table import Column, Table
from trainer.errors import UsageError
from trainer.limits import REPEATS
from trainer.quantities import counted

#: The true differences that are planned for, in units of the score, and the power to find them.
DIFFERENCES, POWERS = (0.005, 0.01, 0.02, 0.05), (0.8, 0.95)


def plan(record: SweepRecord, rope: float) -> dict[str, Any]:
    """Return the number of repeats that a recorded sweep needs, as JSON data; see ``from_differences``.

    The differences come from the winners' fresh repeats if a comparison has recorded two or more, else from
    the winners' folds in the search.

    Raises:
        UsageError: if fewer than two architectures have a complete trial, or there is no spread.
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
        rope=rope,
    )


def from_differences(
    name: str,
    differences: Sequence[Sequence[float]],
    *,
    folds: int,
    architectures: int,
    basis: str,
    rope: float,
) -> dict[str, Any]:
    """Return the number of repeats that lead to the verdict "better", as JSON data.

    The power is averaged over what the spread may be (``plausible_spreads``).

    Args:
        name: the sweep's name.
        differences: the paired differences of each pair of architectures, repeat by repeat in fold order.
        folds: number of folds of the cross-validation, at least 2.
        architectures: number of architectures that are compared in pairs.
        basis: where the differences come from, in words.
        rope: half the width of the region of practical equivalence.

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
    alpha, overlap = ALPHA / math.comb(architectures, 2), overlap_of(folds)

    def needed(difference: float, power: float, deviation: float, runs: int, overlap: float) -> int | None:
        spreads = plausible_spreads(
            Spread(deviation=deviation, low=deviation, high=deviation, freedom=spread.freedom)
        )
        return repeats_for_better(
            difference, spreads, runs_per_repeat=runs, overlap=overlap, rope=rope, power=power,
            most=REPEATS.most, alpha=alpha,
        )  # fmt: skip

    return {
        "sweep": name,
        "on": "folds",
        "basis": basis,
        "folds": folds,
        "rope": rope,
        "architectures": architectures,
        "comparisons": math.comb(architectures, 2),
        "spread": {
            "deviation": spread.deviation,
            "low": spread.low,
            "high": spread.high,
            "freedom": spread.freedom,
        },
        "spread_between_repeats": between,
        "repeats": [
            {
                "difference": difference,
                "power": power,
                "new_data": needed(difference, power, spread.deviation, folds, overlap),
                "this_data": needed(difference, power, between, 1, 0.0),
            }
            for difference in DIFFERENCES
            for power in POWERS
        ],
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


def lines(report: dict[str, Any]) -> list[str]:
    """Return the result of ``plan`` as lines to print."""
    spread, folds, rope = report["spread"], report["folds"], points(report["rope"])
    rows = [
        [
            _points(difference),
            *(_repeats(cell["new_data"]) for cell in cells),
            *(_repeats(cell["this_data"]) for cell in cells),
        ]
        for difference, cells in _by_difference(report["repeats"])
    ]
    pairs = f"{report['comparisons']} pairs" if report["comparisons"] > 1 else "one pair"
    titles = ("difference", "new: 80 %", "95 %", "these: 80 %", "95 %")
    return [
        f"sweep {report['sweep']}: {report['architectures']} architectures, {folds} folds; {report['basis']}",
        f"spread of paired differences (fold by fold) {spread['deviation']:.4f}, 95 % interval "
        f"{spread['low']:.4f} to {spread['high']:.4f}",
        "",
        f"Repeats of the {folds}-fold cross-validation ({folds} fits of each architecture) with which "
        f"'refold compare --on folds' calls a true difference better, for {pairs}:",
        "",
        *Table(columns=[Column(title=title) for title in titles], rows=rows).lines(),
        "",
        "new: the claim about another training set (--claim new-data). these: about these images alone "
        "(--claim this-data). A point is 0.01 of the score. 80 % power: four experiments in five find it.",
        f"Better asks that the difference exceeds {rope} points, so a true difference of {rope} points or "
        "less is almost never found. The power is the average over what the spread may be.",
        f"no: not with {REPEATS.said} repeats either. For new images that follows from the model of the "
        "correction, which assumes how the scores of overlapping training sets are correlated: no fact about "
        "these networks. All repeats share these images; only other images, such as an exam, add to them.",
    ]


def _by_difference(cells: Sequence[dict[str, Any]]) -> list[tuple[float, list[dict[str, Any]]]]:
    return [
        (difference, [cell for cell in cells if cell["difference"] == difference])
        for difference in DIFFERENCES
    ]


def _points(difference: float) -> str:
    value = 100 * difference
    return f"{value:g} point" + ("" if value == 1 else "s")  # a fraction has no ``counted``


def _repeats(repeats: int | None) -> str:
    return "no" if repeats is None else str(repeats)

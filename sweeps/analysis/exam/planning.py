"""How many refits the verdicts of a comparison on an exam need, from the refits that are recorded."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np

from sweeps.analysis.exam.comparison import Exam, images_of
from sweeps.analysis.exam.refits import recorded_refits, winners_of
from sweeps.analysis.statistics.exam import FEWEST_REFITS, LEVEL, components
from sweeps.analysis.statistics.exam_power import PairPower
from sweeps.analysis.words import listed, points
from tracking.records import FoldRecord, SweepRecord, TrialRecord
from tracking.reports.text_table import Column, Table
from trainer.errors import UsageError
from trainer.escaping import for_shell
from trainer.fits.seeds import derive
from trainer.limits import REFITS
from trainer.quantities import counted

#: The true differences that are planned for, as scores; equal networks are planned for as well.
DIFFERENCES = (0.01, 0.02, 0.05)

#: The power with which a verdict is to be reached: four experiments in five.
POWER = 0.8


def plan(record: SweepRecord, exam: Exam, architectures: Sequence[str] | None) -> dict[str, Any]:
    """Return the refits that each pair of winners needs for a verdict, as JSON data.

    Args:
        record: a finished sweep, with refits of its winners on the exam.
        exam: its exam.
        architectures: those whose winners are to be compared, at least 2; None for all.

    Raises:
        UsageError: if there are fewer than two winners, or one has fewer than 3 refits.
    """
    winners = winners_of(record, architectures)
    if len(winners) < 2:
        raise UsageError(
            f"{winners[0].name} is the only winner in {record.name!r}: at least 2 are needed to plan for"
        )
    fits = {winner.architecture: _complete(record, winner) for winner in winners}
    found = components(
        exam.labels.astype(np.int64),
        {name: np.stack([fit.for_metric() for fit in each]) for name, each in fits.items()},
        classes=len(record.dataset.classes),
        groups=None if exam.groups is None else exam.groups.astype(np.int64),
        metric=record.metric,
    )
    seed = derive(record.seed, "plan")
    pairs = [
        PairPower(found=found, one=one, other=other, rope=exam.rope, seed=seed)
        for one, other in combinations(range(len(found.names)), 2)
    ]
    return {
        "sweep": record.name,
        "on": "exam",
        "images": exam.record.samples,
        **({} if exam.record.groups is None else {"groups": exam.record.groups}),
        "rope": exam.rope,
        "level": LEVEL,
        "power": POWER,
        "architectures": [
            {"name": winner.architecture, "trial": winner.number, "refits": len(fits[winner.architecture])}
            for winner in winners
        ],
        "pairs": [_pair_json(pair) for pair in pairs],
    }


def _complete(record: SweepRecord, winner: TrialRecord) -> list[FoldRecord]:
    complete = [fit for fit in recorded_refits(record, winner) if fit.run.result.state == "complete"]
    if len(complete) < FEWEST_REFITS:
        name = for_shell(record.name)
        raise UsageError(
            f"{winner.name} has {counted(len(complete), 'refit')} on the exam, and {FEWEST_REFITS} are "
            f"needed to see how far its seeds spread: 'refold compare {name}' trains 5 of each winner, then "
            "plan again"
        )
    return complete


def _pair_json(pair: PairPower) -> dict[str, Any]:
    refits = int(min(pair.found.refits[pair.one], pair.found.refits[pair.other]))

    def cell(difference: float, verdict: Literal["better", "equivalent"]) -> dict[str, Any]:
        needed = pair.fewest(difference, verdict, POWER)
        return {
            "difference": difference,
            "verdict": verdict,
            "refits": needed,
            "power_now": pair.power(difference, refits, verdict),
        }

    return {
        "one": pair.found.names[pair.one],
        "other": pair.found.names[pair.other],
        "var_seed": pair.var_seed,
        "var_images": pair.var_images,
        "cells": [
            *(cell(difference, "better") for difference in DIFFERENCES),
            cell(0.0, "equivalent"),
        ],
    }


def lines(report: dict[str, Any]) -> list[str]:
    """Return the result of ``plan`` as lines to print."""
    had = listed([f"{each['name']}/{each['trial']} ({each['refits']})" for each in report["architectures"]])
    return [
        _answer(report),
        _next(report),
        "",
        f"Refits of each winner that reach a verdict with {100 * POWER:.0f} % power, with these "
        f"{images_of(report['images'], report.get('groups'))}:",
        "",
        *_table(report).lines(),
        "",
        f"better by N points: the verdict 'better' (the whole interval above {points(report['rope'])} "
        "points) if the true difference is N points. equivalent: that verdict if the two are equal. In "
        "brackets: the power with the refits that are recorded.",
        "no: not reachable with these images; endless refits would not reach it, because the images alone "
        "leave more open than that.",
        f"Planned from the recorded refits of {had}. They hardly tell how far seeds spread, so the power is "
        "the average over what the spread may be. All pairs count at once; an architecture that is left out "
        "(--architectures A,B) makes the others' intervals a little narrower.",
    ]


def _answer(report: dict[str, Any]) -> str:
    found: list[float] = []
    for place, difference in enumerate(DIFFERENCES):
        needed = [pair["cells"][place]["refits"] for pair in report["pairs"]]
        if all(each is not None and each <= REFITS.most for each in needed):
            return (
                f"{max(needed)} refits of each winner tell every true difference of {_points(difference)} "
                f"apart in four of five experiments.{_smaller(found)}"
            )
        found.append(difference)
    return (
        f"With these images not every true difference of {_points(DIFFERENCES[-1])} can be told apart, "
        "however many refits there are."
    )


def _smaller(differences: Sequence[float]) -> str:
    if not differences:
        return ""
    said = listed([_points(each) for each in differences])
    return f" {said[0].upper()}{said[1:]}: not for every pair with these images."


def _next(report: dict[str, Any]) -> str:
    name = for_shell(report["sweep"])
    return (
        f"Next: 'refold compare {name} --refits N' trains the refits that are missing. Fix N now: raising it "
        "because of an answer makes the answer less sure."
    )


def _table(report: dict[str, Any]) -> Table:
    titles = [f"better by {_points(difference)}" for difference in DIFFERENCES]
    columns = [Column(title="pair"), *(Column(title=title) for title in (*titles, "equivalent"))]
    rows = [
        [f"{pair['one']} - {pair['other']}", *(_cell(cell) for cell in pair["cells"])]
        for pair in report["pairs"]
    ]
    return Table(columns=columns, rows=rows)


def _cell(cell: dict[str, Any]) -> str:
    refits = cell["refits"]
    said = "no" if refits is None else f"over {REFITS.said}" if refits > REFITS.most else str(refits)
    return f"{said} ({100 * cell['power_now']:.0f} %)"


def _points(difference: float) -> str:
    value = 100 * difference
    return f"{value:g} point" + ("" if value == 1 else "s")

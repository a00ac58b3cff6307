"""The time left, from recorded times alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tracking.records import SweepRecord, TrialRecord
from tracking.reports.forecast import time_left

Make = Callable[..., SweepRecord]


def at(trial: TrialRecord, start: float, seconds: float) -> TrialRecord:
    """The trial with its folds one after the other from ``start``, each so long."""
    folds = tuple(
        replace(fold, run=replace(fold.run, timing=replace(
            fold.run.timing, started_at=start + place * seconds, ended_at=start + (place + 1) * seconds)))
        for place, fold in enumerate(trial.folds)
    )  # fmt: skip
    return replace(trial, folds=folds)


def test_trials_to_come_cost_what_those_of_their_architecture_did(sweep: Make, trial: Any) -> None:
    """Two workers side by side: baseline takes 30 s a trial, resnet 300 s, one trial of each is left."""
    record = replace(sweep(), trials=(at(trial("baseline", 0), 0, 10), at(trial("resnet", 0), 0, 100)))
    left = time_left(record)
    assert left is not None
    busy, spent = 300, 330
    assert left[0] == pytest.approx((30 + 300) / (spent / busy))
    assert left[1] == 300


def test_a_night_off_does_not_count(sweep: Make, trial: Any) -> None:
    """The sweep was interrupted for ten hours between two trials."""
    record = replace(sweep(), trials=(at(trial("baseline", 0), 0, 10), at(trial("baseline", 1), 36_000, 10)))
    left = time_left(record)
    assert left is not None
    assert left[0] == pytest.approx(60)  # two of resnet are left, nothing is known of them


def test_a_trial_under_way_costs_what_is_missing(sweep: Make, trial: Any) -> None:
    """One of three folds is done."""
    record = replace(
        sweep(), trials=(at(trial("baseline", 0), 0, 10), at(trial("baseline", 1, "running", 1), 30, 10)),
        architectures=("baseline",),
    )  # fmt: skip
    left = time_left(record)
    assert left is not None
    assert left[0] == pytest.approx(20)


def test_before_the_first_trial_has_ended_nothing_is_said(sweep: Make) -> None:
    """No guess without a measurement."""
    assert time_left(sweep({})) is None
    assert time_left(sweep({("baseline", 0): ("running", 2)})) is None

"""The class report: as scikit-learn would give it for the same predictions."""

import csv
import io
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import classification_report

from tracking.records import TrialRecord
from tracking.reports.class_report import class_report, report_csv, report_text

Make = Callable[..., TrialRecord]
NAMES = tuple("abcdefghij")


def test_the_report_is_scikit_learn_s(trial: Make) -> None:
    """Precision, recall, F1 and support of every class, macro average and accuracy agree."""
    given = trial("resnet", 2, folds=3)
    counts = np.array(given.confusion)
    true = np.repeat(np.arange(10), counts.sum(axis=1))
    predicted = np.concatenate([np.repeat(np.arange(10), row) for row in counts])
    expected = classification_report(true, predicted, target_names=NAMES, output_dict=True)
    rows = class_report(given, NAMES)
    for row in rows[:-1]:
        theirs = expected["macro avg" if row.label == "macro average" else row.label]
        assert row.precision == pytest.approx(theirs["precision"])
        assert row.recall == pytest.approx(theirs["recall"])
        assert row.f1 == pytest.approx(theirs["f1-score"])
        assert row.support == theirs["support"]
    assert rows[-1].label == "accuracy"
    assert rows[-1].f1 == pytest.approx(expected["accuracy"])
    assert rows[-2].f1 == given.f1


def test_the_csv_keeps_every_digit(trial: Make) -> None:
    """A program that reads it gets the same numbers, odd class names included."""
    names = ('a,"b', *NAMES[1:])
    rows = class_report(trial(), names)
    read = list(csv.DictReader(io.StringIO(report_csv(rows))))
    assert [row["class"] for row in read] == [row.label for row in rows]
    assert [float(row["f1"]) for row in read] == [row.f1 for row in rows]
    assert read[-1]["precision"] == ""


def test_the_table_is_aligned(trial: Make) -> None:
    """All lines are as long as the heading."""
    text = report_text(class_report(trial(), NAMES))
    assert {len(line) for line in text.splitlines()} == {len(text.splitlines()[0])}
    assert "macro average" in text


def test_a_trial_without_a_fold_has_an_empty_report(trial: Make) -> None:
    """Nothing predicted, nothing to report."""
    assert class_report(trial("vgg", 0, "running", 0), NAMES) == ()

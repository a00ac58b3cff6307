"""A trial's scores with intervals: those of its pooled held-out predictions, and groups count."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.trial_intervals import Case, coverage
from sweeps.analysis.statistics.clustered import scored
from sweeps.analysis.trial_scores import trial_scores
from tests.labelled_trainer import LabelledWorkers, record, record_sweep, sweep_of_table
from tests.made_up_records import make_sweep, make_trial
from tracking.ledger.ledger import Ledger
from tracking.records import SweepRecord, TrialRecord
from tracking.reports.out_of_fold import HeldOut, OutOfFold
from trainer.datasets import Dataset, open_stored
from trainer.metrics.confusion import accuracy, class_scores, macro_f1


def recorded(home: Path) -> tuple[SweepRecord, TrialRecord, Dataset, OutOfFold]:
    """Return a sweep, its first trial, its images, and the trial's predictions."""
    with Ledger.read(home) as ledger:
        record = ledger.sweep("made")
    data = open_stored(home / "datasets" / record.dataset.fingerprint)
    held_out = HeldOut(data).of(record.trials[0])
    assert held_out is not None
    return record, record.trials[0], data, held_out


@pytest.mark.parametrize("state", ["complete", "pruned", "running"])
def test_scores_are_those_of_the_confusion_matrix(state: str) -> None:
    """Of all folds, and of the only one of a trial that ended early or goes on; each in its interval."""
    record = make_sweep()
    trial = make_trial("resnet", 3, state, None if state == "complete" else 1)  # type: ignore[arg-type]
    found = trial_scores(trial, record.dataset, None)
    assert found is not None
    assert trial.confusion is not None
    assert found.f1.score == pytest.approx(macro_f1(trial.confusion))
    assert found.accuracy.score == pytest.approx(accuracy(trial.confusion))
    for ours, theirs in zip(found.classes, class_scores(trial.confusion), strict=True):
        for interval, score in ((ours.precision, theirs.precision), (ours.recall, theirs.recall)):
            assert interval.score == pytest.approx(score)
            assert interval.low <= score <= interval.high
        assert (ours.support, ours.groups) == (theirs.support, None)


def test_without_a_fold_there_are_none() -> None:
    """Nothing predicted, nothing scored."""
    assert trial_scores(make_trial("vgg", 0, "running", 0), make_sweep().dataset, None) is None


def test_without_groups_the_confusion_matrix_says_as_much_as_the_predictions(tmp_path: Path) -> None:
    """So the stored images may be gone."""
    home = record_sweep(tmp_path, LabelledWorkers({"lenet": 0.8}), "lenet")
    record, trial, _, held_out = recorded(home)
    expected = scored(held_out.true, held_out.predicted, classes=len(record.dataset.classes))
    assert trial_scores(trial, record.dataset, None) == expected
    assert trial_scores(trial, record.dataset, held_out) == expected


def test_groups_count_where_there_are_any(tmp_path: Path) -> None:
    """An interval that counts images would be another one, so without the images there is none."""
    home = record(sweep_of_table(tmp_path, "lenet"), LabelledWorkers({"lenet": 0.8}))
    sweep, trial, data, held_out = recorded(home)
    found = trial_scores(trial, sweep.dataset, held_out)
    assert found is not None
    assert data.groups is not None
    order = np.argsort(held_out.image)
    expected = scored(data.labels, held_out.predicted[order], classes=len(data.classes), groups=data.groups)
    assert found == expected
    assert found.units == sweep.dataset.groups == 40
    assert trial_scores(trial, sweep.dataset, None) is None
    fewer = replace(trial, folds=trial.folds[:1])
    some = HeldOut(data).of(fewer)
    assert some is not None
    assert trial_scores(trial, sweep.dataset, some) is None, "predictions of some folds are not the trial's"
    assert trial_scores(fewer, sweep.dataset, some) is not None


@pytest.mark.slow
def test_intervals_cover_the_networks_of_the_folds_on_new_images() -> None:
    """Of macro-F1, accuracy and each class, on average: 40 experiments of those in docs/statistics.md."""
    networks, _ = coverage(Case(units=300), 40)
    assert networks.shape == (17,)
    assert 0.9 <= networks.mean() < 1
    assert networks.min() > 0.8

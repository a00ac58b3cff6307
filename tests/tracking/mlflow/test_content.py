"""What a record becomes in MLflow, without MLflow."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.mlflow.content import dataset_fields, sweep_content, trial_content
from tracking.mlflow.points import MAX_KEYS, kept_metrics, settled_folds, trial_points
from tracking.records import SweepRecord, TrialRecord

Make = Callable[..., SweepRecord]
MakeTrial = Callable[..., TrialRecord]


@given(st.integers(min_value=1, max_value=200))
def test_a_run_never_has_more_than_sixty_keys(fits: int) -> None:
    """However many folds, and what is most useful is kept longest."""
    kept = kept_metrics(fits)
    assert len(kept) * fits + 3 <= MAX_KEYS
    all_of_them = ("heldout_f1", "stop_f1", "stop_loss", "loss", "stop_accuracy", "accuracy", "learning_rate")
    assert kept == all_of_them[: len(kept)]


@pytest.mark.parametrize(
    ("folds", "left_out"),
    [
        (5, None),
        (10, "accuracy"),
        (12, "stop_accuracy, accuracy"),
        (20, "stop_loss, loss, stop_accuracy, accuracy"),
    ],
)
def test_what_is_left_out_is_said(folds: int, left_out: str | None, sweep: Make, trial: MakeTrial) -> None:
    """A tag names the metrics that had no room, and the keys are counted on the run itself."""
    record = replace(sweep(folds=folds), trials=(trial(folds=folds),))
    content = trial_content(record, record.trials[0])
    assert len({point.key for point in content.points}) <= MAX_KEYS
    expected = None if left_out is None else f"{left_out}: at most 60 metric keys a run"
    assert content.tags.get("refold.left_out") == expected


def test_points_are_never_taken_back(sweep: Make, growth: Any) -> None:
    """MLflow cannot forget: what a record gives, every later record of the sweep gives too."""
    records = [sweep(states) for states in growth]
    for earlier, later in pairwise(records):
        assert set(sweep_content(earlier).points) <= set(sweep_content(later).points)
        trials = {(t.architecture, t.number): t for t in later.trials}
        for trial in earlier.trials:
            grown = trials[trial.architecture, trial.number]
            assert set(trial_points(trial, 3)) <= set(trial_points(grown, 3))
            given_params = trial_content(earlier, trial).params.items()
            assert given_params <= trial_content(later, grown).params.items()


def test_folds_after_a_gap_wait(trial: MakeTrial) -> None:
    """A fold that an earlier failure may still drop is not settled."""
    folds = trial(folds=4).folds
    running = replace(trial(folds=4), state="running", folds=(folds[0], folds[1], folds[3]))
    assert settled_folds(running) == folds[:2]


def test_a_later_repeat_has_keys_of_its_own(trial: MakeTrial, fold: Any) -> None:
    """The first repeat's keys stay as they are when others follow."""
    again = replace(trial(), folds=(*trial().folds, *(fold(fold=k, repeat=1) for k in range(3))))
    keys = {point.key for point in trial_points(again, 6)}
    assert {"stop_f1/fold_2", "stop_f1/repeat_1_fold_2", "heldout_f1/repeat_1_fold_0"} <= keys


def test_best_scores_wait_for_all_trials_of_a_number(sweep: Make) -> None:
    """A best score is given when no trial up to that number can change it any more."""
    states = {
        ("baseline", 0): ("complete", 3),
        ("resnet", 0): ("running", 1),
        ("baseline", 1): ("complete", 3),
    }
    points = [(point.key, point.step) for point in sweep_content(sweep(states)).points]
    assert points == [("best_of/baseline", 0), ("best_of/baseline", 1)]


def test_hyperparameters_cannot_collide_with_ours(sweep: Make) -> None:
    """A hyperparameter may be called seed, or have a name that MLflow would refuse."""
    record = sweep()
    odd = replace(record.trials[0], hyperparameters={"seed": 5, "folds": True, "grösse=1": "x", "a": 1e-4})
    params = trial_content(record, odd).params
    assert params["seed"] == "5"
    assert params["folds"] == "true"
    assert params["grösse_1"] == "x"
    assert params["a"] == "0.0001"
    assert params["seeds/trial"] == "1000"


def test_long_texts_are_cut_to_what_mlflow_takes(sweep: Make) -> None:
    """MLflow would refuse the whole batch."""
    record = sweep()
    long = replace(record.trials[0], hyperparameters={"text": "x" * 9000})
    assert len(trial_content(record, long).params["text"]) == 6000
    names = tuple(f"architecture-{index}" for index in range(2000))
    assert len(sweep_content(replace(record, architectures=names, trials=())).params["architectures"]) == 6000


def test_the_note_fits_and_cannot_break_its_table(sweep: Make, trial: MakeTrial) -> None:
    """Hundreds of trials with odd names give a note that MLflow takes, best first."""
    trials = tuple(trial("a|b\nc", number) for number in range(300))
    record = replace(sweep(), architectures=("a|b\nc",), trials_per_architecture=300, trials=trials)
    note = sweep_content(record).tags["mlflow.note.content"]
    assert len(note) < 8000
    rows = [line for line in note.splitlines() if line.startswith("| ") and "macro-F1" not in line]
    assert len(rows) == 21
    assert all(row.count("|") == 7 for row in rows)
    assert rows[1].startswith(f"| 1 | a&#124;b\\\\nc/{record.ranking[0].number} |")


def test_the_note_tells_how_far_the_sweep_has_come(sweep: Make, growth: Any) -> None:
    """Counts, failures with their reasons, and the next command."""
    note = sweep_content(sweep(growth[-1])).tags["mlflow.note.content"]
    assert "4 of 4 trials have ended (1 pruned, 1 failed)" in note
    assert "- resnet/0: the loss became NaN in epoch 4" in note
    assert "refold show digits" in note


def test_a_sweep_without_a_complete_trial_has_failed(sweep: Make) -> None:
    """Finished means that there is a best trial."""
    states = {(name, number): ("failed", 1) for name in ("baseline", "resnet") for number in range(2)}
    assert sweep_content(sweep(states)).status == "FAILED"
    assert sweep_content(sweep()).status == "FINISHED"
    assert sweep_content(sweep({})).status == "RUNNING"


def test_the_sweep_s_settings_are_parameters(sweep: Make) -> None:
    """The sweep file under dotted names, the dataset's fingerprint and the seed."""
    record = sweep()
    params = sweep_content(record).params
    assert params["cv/folds"] == "3"
    assert params["architectures/resnet/learning_rate/low"] == "0.0001"
    assert params["dataset/fingerprint"] == record.dataset.fingerprint
    assert params["seed"] == "1"


def test_the_dataset_s_digest_is_refold_s_own(sweep: Make) -> None:
    """36 characters of the fingerprint, the whole of it in the profile."""
    fields = dataset_fields(sweep().dataset)
    assert fields["digest"] == sweep().dataset.fingerprint[:36]
    assert json.loads(fields["profile"])["fingerprint"] == sweep().dataset.fingerprint


def test_the_trial_s_file_says_how_to_train_it_again(sweep: Make) -> None:
    """Seeds, keys and digests of each fit, as JSON."""
    record = sweep()
    trial = record.trials[0]
    content = json.loads(trial_content(record, trial).files["trial.json"]())
    assert content["hyperparameters"] == trial.hyperparameters
    for written, fold in zip(content["folds"], trial.folds, strict=True):
        assert written["key"] == fold.spec.key
        assert written["spec"]["seeds"]["order"] == fold.spec.seeds.order
        assert written["weights_sha256"] == fold.run.result.weights_sha256


def test_the_commit_is_told_where_it_is_known(sweep: Make) -> None:
    """MLflow links it; without one there is no such tag."""
    record = sweep()
    assert "mlflow.source.git.commit" not in sweep_content(record).tags
    known = replace(record, git_commit="abc")
    assert sweep_content(known).tags["mlflow.source.git.commit"] == "abc"

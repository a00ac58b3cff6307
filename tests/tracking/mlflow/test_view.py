"""The contract of the MLflow view, with a database and with a server: everything is there exactly once."""

import hashlib
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tracking.mlflow.content import sweep_identity, trial_content, trial_key
from tracking.mlflow.view import MlflowView
from tracking.records import SweepRecord

Make = Callable[..., SweepRecord]


@pytest.fixture(autouse=True)
def pictures_in_one_test(request: pytest.FixtureRequest) -> None:
    """One of these tests draws, the others do with names."""
    if "pictures" not in request.node.name:
        request.getfixturevalue("quick_pictures")


def finished(growth: tuple[Any, ...], sweep: Make) -> SweepRecord:
    """The last record of the growing sweep."""
    return sweep(growth[-1])


def test_every_trial_is_a_child_of_the_sweep(place: Any, sweep: Make) -> None:
    """A sweep is one run and each of its trials a child with a name that sorts."""
    record = sweep()
    place.view().write(record)
    contents = place.contents()
    parent = contents.pop(sweep_identity(record))
    assert parent["info"] == ("digits", "FINISHED", 1_789_999_995_000, 1_790_000_129_500)
    assert parent["tags"]["refold.kind"] == "sweep"
    assert {run["tags"]["mlflow.parentRunId"] for run in contents.values()} == {sweep_identity(record)}
    assert sorted(run["info"][0] for run in contents.values()) == [
        "baseline/0",
        "baseline/1",
        "resnet/0",
        "resnet/1",
    ]


def test_a_trial_holds_what_the_record_holds(place: Any, sweep: Make) -> None:
    """Every epoch of every fold, every hyperparameter, every seed and the scores are there, exactly."""
    record = sweep()
    place.view().write(record)
    trial = record.trials[3]
    run = place.contents()[trial_key(record, trial)]
    for fold in trial.folds:
        for metric in ("loss", "accuracy", "stop_loss", "stop_accuracy", "stop_f1"):
            expected = [
                (
                    epoch,
                    round(1000 * fold.run.timing.started_at + 2250 * epoch),
                    repr(getattr(values, metric)),
                )
                for epoch, values in enumerate(fold.run.result.epochs, start=1)
            ]
            assert run["metrics"].pop(f"{metric}/fold_{fold.spec.fold}") == expected
        ended = round(1000 * fold.run.timing.ended_at)
        assert run["metrics"].pop(f"heldout_f1/fold_{fold.spec.fold}") == [
            (3, ended, repr(fold.run.result.f1))
        ]
        seeds = run["params"][f"seeds/fold_{fold.spec.fold}"]
        assert f'"initialisation": {fold.spec.seeds.initialisation}' in seeds
        assert f'"dropout": {fold.spec.seeds.dropout}' in seeds
    scores = {"cv/f1": trial.f1, "cv/f1_mean": trial.f1_mean, "cv/f1_std": trial.f1_std}
    assert run["metrics"] == {key: [(0, 1_790_000_129_500, repr(value))] for key, value in scores.items()}
    assert (
        run["params"].items()
        >= {
            "batch_size": "32",
            "learning_rate": "0.002",
            "optimizer": "adam",
            "seeds/sweep": "1",
            "seeds/trial": "1001",
            "cv/folds": "3",
            "cv/patience": "5",
            "dataset/fingerprint": record.dataset.fingerprint,
            "architecture/digest": trial.folds[0].spec.architecture_digest,
        }.items()
    )
    assert run["datasets"] == [("digits", record.dataset.fingerprint[:36])]
    assert sorted(run["files"]) == [
        "class_report.csv",
        "class_report.txt",
        "confusion_matrix.png",
        "learning_curves.png",
        "trial.json",
    ]


def test_a_trial_is_found_by_score_and_the_sweep_is_not(place: Any, sweep: Make) -> None:
    """The sweep's own run has no cv/f1, or it would be on top of its own leaderboard."""
    record = sweep()
    place.view().write(record)
    experiment = place.client.get_experiment_by_name(place.experiment).experiment_id
    top = place.client.search_runs([experiment], order_by=["metrics.`cv/f1` DESC"], max_results=1)[0]
    best = record.ranking[0]
    assert top.data.tags["refold.key"] == trial_key(record, best)
    parent = place.contents()[sweep_identity(record)]
    assert not any(key.startswith("cv/") for key in parent["metrics"])
    assert parent["metrics"]["best/cv_f1"][-1][2] == repr(best.f1)
    assert parent["metrics"]["best/cv_f1_mean"][0][2] == repr(best.f1_mean)
    assert sorted(parent["files"]) == [
        "environment.json",
        "folds.png",
        "hyperparameters.png",
        "importance.png",
        "optimisation_history.png",
        "parallel_coordinates.png",
        "sweep.toml",
    ]


def test_pictures_are_artifacts(place: Any, sweep: Make) -> None:
    """What is drawn arrives as the PNG that it is."""
    record = sweep({("baseline", 0): ("complete", 3)})
    place.view().write(record)
    files = place.contents()[trial_key(record, record.trials[0])]["files"]
    drawn = trial_content(record, record.trials[0]).files
    for name in ("learning_curves.png", "confusion_matrix.png"):
        content = drawn[name]()
        assert content.startswith(b"\x89PNG")
        assert files[name] == hashlib.sha256(content).hexdigest()


def test_writing_again_changes_nothing(place: Any, sweep: Make, growth: Any) -> None:
    """Twice by one view, and once more by a view that knows nothing: the same, to the time stamp."""
    record = finished(growth, sweep)
    view = place.view()
    view.write(record)
    once = place.contents()
    view.write(record)
    assert place.contents() == once
    place.view().write(record)
    assert place.contents() == once


def test_a_lost_digest_makes_the_run_be_written_again(place: Any, sweep: Make) -> None:
    """A writer that died before the digest is made up for; what it had written is there once."""
    record = sweep()
    place.view().write(record)
    once = place.contents()
    for run in place.runs().values():
        place.client.delete_tag(run.info.run_id, "refold.digest")
    place.view().write(record)
    assert place.contents() == once


@pytest.mark.slow
def test_growing_step_by_step_ends_as_written_at_once(place: Any, sweep: Make, growth: Any) -> None:
    """A sweep written after every change, by old and new processes, ends as one written at the end."""
    view = place.view()
    for step, states in enumerate(growth):
        view.write(sweep(states))
        if step % 2:
            view = place.view()
    grown = place.contents()
    other = replace(place, experiment=f"{place.experiment} at once")
    other.view().write(finished(growth, sweep))
    assert grown == other.contents()


def test_a_running_trial_grows_fold_by_fold(place: Any, sweep: Make) -> None:
    """The run is there before its first fold; a fold appears when all before it are in."""
    record = sweep({("baseline", 0): ("running", 3)})
    trial = record.trials[0]
    view = place.view()

    def keys(folds: tuple[Any, ...]) -> set[str]:
        view.write(replace(record, trials=(replace(trial, folds=folds),)))
        run = place.contents()[trial_key(record, trial)]
        assert run["info"][1] == "RUNNING"
        assert not run["files"]
        return {key for key in run["metrics"] if key.startswith("stop_f1/")}

    assert keys(()) == set()
    assert keys(trial.folds[1:]) == set()
    assert keys(trial.folds[:1]) == {"stop_f1/fold_0"}
    assert keys((trial.folds[0], trial.folds[2])) == {"stop_f1/fold_0"}
    assert keys(trial.folds) == {"stop_f1/fold_0", "stop_f1/fold_1", "stop_f1/fold_2"}


def test_states_become_mlflow_s(place: Any, sweep: Make, growth: Any) -> None:
    """Complete is finished, pruned is killed, failed says why, and a pruned trial has no score."""
    record = finished(growth, sweep)
    place.view().write(record)
    contents = place.contents()
    runs = {(t.architecture, t.number): contents[trial_key(record, t)] for t in record.trials}
    assert runs["baseline", 0]["info"][1] == "FINISHED"
    assert runs["resnet", 1]["info"][1] == "KILLED"
    assert "cv/f1" not in runs["resnet", 1]["metrics"]
    failed = runs["resnet", 0]
    assert failed["info"][1] == "FAILED"
    assert failed["tags"]["refold.reason"] == "the loss became NaN in epoch 4"
    assert "the loss became NaN in epoch 4" in failed["tags"]["mlflow.note.content"]
    assert math.isnan(float(failed["metrics"]["loss/fold_2"][-1][2]))
    assert "learning_curves.png" in failed["files"]


def test_a_finished_sweep_that_goes_on_runs_again(place: Any, sweep: Make) -> None:
    """More trials are asked for under the same key: back to running, and on to finished."""
    record = sweep()
    larger = replace(record, trials_per_architecture=3)
    view = place.view()
    view.write(record)
    view.write(larger)
    assert place.contents()[sweep_identity(record)]["info"][1] == "RUNNING"
    place.view().write(record)
    assert place.contents()[sweep_identity(record)]["info"][1] == "FINISHED"


def test_what_a_killed_coordinator_left_behind_is_marked(place: Any, sweep: Make, growth: Any) -> None:
    """Still running in MLflow although nobody runs it: killed, and running again when it goes on."""
    record = sweep(growth[2])
    place.view().write(record)
    keys = [sweep_identity(record), *(trial_key(record, trial) for trial in record.trials)]
    assert {place.contents()[key]["info"][1] for key in keys} == {"RUNNING"}
    place.view().write(record, live=False)
    left = place.contents()
    assert {left[key]["info"][1] for key in keys} == {"KILLED"}
    assert {left[key]["tags"]["refold.state"] for key in keys} == {"interrupted"}
    assert "Interrupted" in left[keys[0]]["tags"]["mlflow.note.content"]
    view = place.view()
    view.write(record)
    assert {place.contents()[key]["info"][1] for key in keys} == {"RUNNING"}
    view.write(finished(growth, sweep))
    other = replace(place, experiment=f"{place.experiment} at once")
    other.view().write(finished(growth, sweep))
    assert place.contents() == other.contents()


@pytest.mark.slow
@pytest.mark.usefixtures("gc_in_process")
def test_deleting_and_writing_rebuilds_what_somebody_changed(place: Any, sweep: Make) -> None:
    """As ``refold sync --rebuild`` does: points, tags, names and files that are not the ledger's are gone."""
    record = sweep(name=place.experiment)
    view = place.view()
    view.write(record)
    once = place.contents()
    for run in place.runs().values():
        place.client.log_metric(run.info.run_id, "cv/f1", 1.0, timestamp=1, step=0)
        place.client.set_tag(run.info.run_id, "mlflow.note.content", "mine")
        place.client.update_run(run.info.run_id, status="FAILED", name="best ever")
    assert place.contents() != once
    view.delete(record)
    place.view().write(record, live=False)
    assert place.contents() == once


def test_a_second_run_for_one_trial_is_removed(place: Any, sweep: Make) -> None:
    """Where a lost answer left two runs for a trial and two for the sweep, one of each stays."""
    record = sweep()
    place.view().write(record)
    once = place.contents()
    experiment = place.client.get_experiment_by_name(place.experiment).experiment_id
    for run in list(place.runs().values())[:3]:
        tags = {key: value for key, value in run.data.tags.items() if key != "refold.digest"}
        place.client.create_run(experiment, start_time=run.info.start_time, tags=tags)
    place.view().write(record)
    assert place.contents() == once


def test_a_lost_answer_while_writing_leaves_no_second_run(
    place: Any, sweep: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server creates a run, the answer is lost and the client asks again: at the end it is there once."""
    client = type(place.client)
    create = client.create_run

    def twice(self: Any, *args: Any, **kwargs: Any) -> Any:
        create(self, *args, **kwargs)
        return create(self, *args, **kwargs)

    record = sweep()
    monkeypatch.setattr(client, "create_run", twice)
    place.view().write(record)
    monkeypatch.undo()
    assert set(place.contents()) == {sweep_identity(record), *(trial_key(record, t) for t in record.trials)}


def test_runs_deleted_meanwhile_come_back(place: Any, sweep: Make) -> None:
    """Runs that somebody deleted in MLflow are written anew."""
    record = sweep()
    view = place.view()
    view.write(record)
    once = place.contents()
    for run in place.runs().values():
        place.client.delete_run(run.info.run_id)
    place.view().write(record)
    assert place.contents() == once


def test_two_sweeps_of_one_key_stay_apart(place: Any, sweep: Make) -> None:
    """The same sweep run by two people against one experiment: each has runs of their own."""
    mine, yours = sweep(), sweep(created_at=1_790_000_500.0)
    place.view().write(mine)
    place.view().write(yours)
    assert len(place.runs()) == 10


@pytest.mark.usefixtures("gc_in_process")
def test_delete_removes_the_sweep_and_nothing_else(place: Any, sweep: Make) -> None:
    """The other sweep of the experiment, and a run of somebody's, keep everything."""
    mine, yours = sweep(name=place.experiment), sweep(name="yours")
    view = place.view()
    view.write(mine)
    experiment = place.client.get_experiment_by_name(place.experiment).experiment_id
    view.write(yours)
    place.client.create_run(experiment, run_name="somebody's")
    before = place.contents()
    assert view.locate(mine).trial_runs == 4
    assert view.locate(mine).emptied == ()
    found = view.delete(mine)
    assert (found.sweep_runs, found.trial_runs, found.experiments) == (1, 4, (place.experiment,))
    assert place.contents() == {
        key: run for key, run in before.items() if run["tags"].get("refold.sweep") != place.experiment
    }
    assert view.locate(mine).sweep_runs == 0


@pytest.mark.usefixtures("gc_in_process")
def test_delete_frees_the_name_of_its_experiment(place: Any, sweep: Make) -> None:
    """An experiment that refold made goes with its last sweep, and the same sweep can be written again."""
    record = sweep(name=place.experiment)
    view = place.view()
    view.write(record)
    once = place.contents()
    assert view.delete(record).emptied == (place.experiment,)
    assert place.client.get_experiment_by_name(place.experiment) is None
    view.write(record)
    assert place.contents() == once


@pytest.mark.usefixtures("gc_in_process")
def test_delete_leaves_an_experiment_that_it_did_not_make(
    place: Any, sweep: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody's experiment stays, even without a run in it; our files in its own folder go."""
    monkeypatch.chdir(tmp_path)  # MLflow makes the experiment's folder of artifacts where it stands
    record = sweep(name=place.experiment)
    place.client.create_experiment(place.experiment)
    view = place.view()
    view.write(record)
    assert view.delete(record).emptied == ()
    assert place.client.get_experiment_by_name(place.experiment).lifecycle_stage == "active"
    assert place.runs() == {}
    assert [path for path in (tmp_path / "mlruns").rglob("*") if path.is_file()] == []


def test_an_experiment_in_the_bin_is_taken_out_again(place: Any, sweep: Make) -> None:
    """An experiment of ours that was deleted in MLflow is restored, with its runs."""
    record = sweep()
    place.view().write(record)
    once = place.contents()
    place.client.delete_experiment(place.client.get_experiment_by_name(place.experiment).experiment_id)
    place.view().write(record)
    assert place.contents() == once


def test_the_digest_tag_is_the_content_s(place: Any, sweep: Make) -> None:
    """What was written last says what was written."""
    record = sweep()
    place.view().write(record)
    trial = record.trials[0]
    tags = place.contents()[trial_key(record, trial)]["tags"]
    assert tags["refold.digest"] == trial_content(record, trial).digest


@pytest.mark.usefixtures("gc_in_process")
def test_removing_from_a_copied_home_spares_the_original(
    database: str, tmp_path: Path, sweep: Callable[..., SweepRecord]
) -> None:
    """MLflow stores absolute paths: a copy's database names the original's files, which are not its own."""
    record, original, copy = sweep(), tmp_path / "original", tmp_path / "copy"
    MlflowView(database, original, "made-up").write(record)
    shutil.copytree(original, copy)
    copied = tmp_path / "copied.db"
    shutil.copy(database.removeprefix("sqlite:///"), copied)
    files = sorted(path for path in original.rglob("*") if path.is_file())
    assert files
    MlflowView(f"sqlite:///{copied}", copy, "made-up").delete(record)
    assert sorted(path for path in original.rglob("*") if path.is_file()) == files
    assert not [path for path in copy.rglob("*") if path.is_file()]

"""What is removed from a database is gone for good, and what others have in MLflow's bin stays there."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracking.errors import ViewUnavailable
from tracking.mlflow import purge
from tracking.mlflow.view import MlflowView, _mlflow
from tracking.records import SweepRecord

Make = Callable[..., SweepRecord]

pytestmark = pytest.mark.usefixtures("quick_pictures")


def model_of(view: MlflowView, record: SweepRecord, folder: Path) -> None:
    """Log and register a model of the sweep's first trial."""
    folder.mkdir(exist_ok=True)
    (folder / "model.keras").write_bytes(b"weights")
    view.add_model(record, record.trials[0], folder, title="a model", tags={"refold.how": "refit"})


def rows(database: str) -> dict[str, set[str]]:
    """Return what MLflow's tables hold, deleted or not, but for its own default experiment."""
    with sqlite3.connect(database.removeprefix("sqlite:///")) as connection:
        read = {
            "runs": "SELECT name FROM runs",
            "experiments": "SELECT name FROM experiments WHERE name != 'Default'",
            "models": "SELECT name FROM logged_models",
        }
        return {what: {name for (name,) in connection.execute(sql)} for what, sql in read.items()}


def fill_bin(database: str, folder: Path) -> None:
    """Put somebody's run, model and experiment into the bin."""
    client = _mlflow().MlflowClient(tracking_uri=database)
    kept = client.create_experiment("theirs", folder.as_uri())
    client.delete_run(client.create_run(kept, run_name="their run").info.run_id)
    client.delete_logged_model(client.create_logged_model(kept, "their-model").model_id)
    client.delete_experiment(client.create_experiment("their old one", folder.as_uri()))


THEIRS = {"runs": {"their run"}, "experiments": {"theirs", "their old one"}, "models": {"their-model"}}


@pytest.mark.slow
def test_a_sweep_goes_for_good_and_nobody_else_s_bin_is_emptied(
    database: str, tmp_path: Path, sweep: Make
) -> None:
    """No row of it is left, with its model and its experiment; MLflow's own command would empty the bin."""
    record = sweep()
    view = MlflowView(database, tmp_path / "artifacts", "made-up")
    view.write(record)
    model_of(view, record, tmp_path / "model")
    fill_bin(database, tmp_path / "theirs")
    assert len(rows(database)["runs"]) == 6
    view.delete(record)
    assert rows(database) == THEIRS
    assert not list((tmp_path / "artifacts").rglob("*"))


@pytest.mark.usefixtures("gc_in_process")
def test_a_sweep_in_somebody_s_experiment_goes_for_good(database: str, tmp_path: Path, sweep: Make) -> None:
    """The experiment stays, with what is in its bin."""
    fill_bin(database, tmp_path / "theirs")
    view = MlflowView(database, None, "theirs")
    view.write(sweep())
    view.delete(sweep())
    assert rows(database) == THEIRS


@pytest.mark.usefixtures("gc_in_process")
def test_a_removal_that_was_cut_off_is_completed(
    database: str, tmp_path: Path, sweep: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was only marked as deleted is found in the bin, by the next removal."""
    view = MlflowView(database, tmp_path / "artifacts", "made-up")
    view.write(sweep())

    def fail(*_: Any, **__: Any) -> None:
        raise ViewUnavailable("cut off")

    with monkeypatch.context() as context:
        context.setattr(purge, "purge", fail)
        with pytest.raises(ViewUnavailable, match="cut off"):
            view.delete(sweep())
    assert view.locate(sweep()).trial_runs == 4
    view.delete(sweep())
    assert rows(database) == {"runs": set(), "experiments": set(), "models": set()}


@pytest.mark.slow
def test_what_mlflow_s_command_says_is_passed_on(database: str, tmp_path: Path) -> None:
    """One line, without what is secret."""
    with pytest.raises(ViewUnavailable, match="No Experiment with id=99 exists") as caught:
        purge.run_gc(f"{database}?key=s3cret", tmp_path, runs=["0000"], models=["m-0"], experiments=["99"])
    assert "\n" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.usefixtures("gc_in_process")
def test_a_copied_home_only_marks_where_the_original_s_files_would_go(
    database: str, tmp_path: Path, sweep: Make
) -> None:
    """And says so; a home that was moved removes for good."""
    record, original, copy = sweep(), tmp_path / "original", tmp_path / "copy"
    MlflowView(database, original, "made-up").write(record)
    shutil.copytree(original, copy)
    copied = f"sqlite:///{tmp_path / 'copied.db'}"
    shutil.copy(database.removeprefix("sqlite:///"), tmp_path / "copied.db")
    view = MlflowView(copied, copy, "made-up")
    assert "only marked as deleted" in str(view.locate(record))
    view.delete(record)
    client = _mlflow().MlflowClient(tracking_uri=copied)
    assert client.get_experiment_by_name("made-up") is None
    assert len(rows(copied)["runs"]) == 5
    assert not [path for path in copy.rglob("*") if path.is_file()]
    moved = original.rename(tmp_path / "moved")
    MlflowView(database, moved, "made-up").delete(record)
    assert rows(database) == {"runs": set(), "experiments": set(), "models": set()}
    assert not list(moved.rglob("*"))


def point_elsewhere(database: str, folder: Path) -> None:
    """Change MLflow's record as the sender of a home can: artifacts are in a folder of the receiver's."""
    with sqlite3.connect(database.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE runs SET artifact_uri = ?", (folder.as_uri(),))
        connection.execute("UPDATE logged_models SET artifact_location = ?", (folder.as_uri(),))


def forget_who_made_it(database: str, folder: Path) -> None:
    """And the experiment is somebody's, with its folder there too."""
    point_elsewhere(database, folder)
    with sqlite3.connect(database.removeprefix("sqlite:///")) as connection:
        connection.execute("DELETE FROM experiment_tags WHERE key = 'refold.experiment'")
        connection.execute(
            "UPDATE experiments SET artifact_location = ? WHERE name != 'Default'", (folder.as_uri(),)
        )


def lead_out(database: str, folder: Path) -> None:
    """The last parts of the path are those that are looked up in the home."""
    with sqlite3.connect(database.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE runs SET artifact_uri = ?", (f"/nowhere/../{folder.name}/docs",))


@pytest.mark.slow
@pytest.mark.usefixtures("gc_in_process")
@pytest.mark.parametrize("forge", [point_elsewhere, forget_who_made_it, lead_out])
def test_files_go_only_from_the_home_if_mlflow_s_record_may_be_somebody_else_s(
    database: str, tmp_path: Path, sweep: Make, forge: Callable[[str, Path], None]
) -> None:
    """Wherever MLflow says that they are; the runs are gone from MLflow's pages all the same."""
    record = sweep()
    view = MlflowView(database, tmp_path / "artifacts", "made-up", trusted=False)
    view.write(record)
    model_of(view, record, tmp_path / "model")
    victim = tmp_path / "victim"
    (victim / "docs").mkdir(parents=True)
    (victim / "docs" / "thesis.tex").write_text("years of work")
    forge(database, victim)
    MlflowView(database, tmp_path / "artifacts", "made-up", trusted=False).delete(record)
    assert (victim / "docs" / "thesis.tex").exists()
    client = _mlflow().MlflowClient(tracking_uri=database)
    experiments = [each.experiment_id for each in client.search_experiments()]
    assert client.search_runs(experiments) == []


@pytest.mark.usefixtures("gc_in_process")
def test_a_folder_that_leads_elsewhere_is_not_the_home_s(database: str, tmp_path: Path, sweep: Make) -> None:
    """The sender's ``artifacts`` may be a link to a folder of the receiver's."""
    record, root = sweep(), tmp_path / "artifacts"
    MlflowView(database, root, "made-up", trusted=False).write(record)
    root.rename(tmp_path / "victim")
    root.symlink_to(tmp_path / "victim")
    before = {path for path in (tmp_path / "victim").rglob("*") if path.is_file()}
    MlflowView(database, root, "made-up", trusted=False).delete(record)
    assert before
    assert {path for path in (tmp_path / "victim").rglob("*") if path.is_file()} == before


@pytest.mark.usefixtures("gc_in_process")
def test_what_is_in_the_home_goes_for_good_there_too(database: str, tmp_path: Path, sweep: Make) -> None:
    """A home of an earlier version, or one that was received: its own files are deleted as ever."""
    record = sweep()
    view = MlflowView(database, tmp_path / "artifacts", "made-up", trusted=False)
    view.write(record)
    model_of(view, record, tmp_path / "model")
    view.delete(record)
    assert rows(database) == {"runs": set(), "experiments": set(), "models": set()}
    assert not list((tmp_path / "artifacts").rglob("*"))

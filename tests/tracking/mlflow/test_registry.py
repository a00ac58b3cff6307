"""Models in MLflow, with a database and with a server: logged, registered, crowned, taken out again."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracking.errors import ViewUnavailable
from tracking.mlflow.content import trial_key
from tracking.mlflow.view import MlflowView
from tracking.records import SweepRecord

Make = Callable[..., SweepRecord]


pytestmark = pytest.mark.usefixtures("quick_pictures", "gc_in_process")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What MLflow takes for a model; only its files matter."""
    (tmp_path / "model" / "data").mkdir(parents=True)
    (tmp_path / "model" / "MLmodel").write_text("flavors: {}\nmodel_uuid: none\n")
    (tmp_path / "model" / "data" / "model.keras").write_text("weights")
    return tmp_path / "model"


def add(view: MlflowView, record: SweepRecord, folder: Path, **tags: str) -> Any:
    """Log and register a model of the sweep's first trial."""
    return view.add_model(record, record.trials[0], folder, title="lenet-refit: 1/2", tags=tags)


def champion(place: Any, record: SweepRecord) -> str:
    """Return the version that is pointed to."""
    return str(place.client.get_model_version_by_alias(record.name, "champion").version)


def test_a_model_is_registered_and_crowned(place: Any, sweep: Make, folder: Path) -> None:
    """Under the sweep's name, from its trial's run, with all files; it is the champion only when told so."""
    record, view = sweep(name=place.experiment), place.view()
    one = add(view, record, folder, **{"refold.how": "refit"})
    assert (one.name, one.version, one.uri) == (record.name, "1", f"models:/{record.name}/1")
    assert place.client.get_registered_model(record.name).aliases == {}
    view.promote(one)
    two = add(view, record, folder)
    assert two.version == "2"
    assert champion(place, record) == "1"
    view.promote(two)
    found = place.client.get_model_version_by_alias(record.name, "champion")
    assert champion(place, record) == "2"
    assert place.client.get_run(found.run_id).data.tags["refold.key"] == trial_key(record, record.trials[0])
    version = place.client.get_model_version(record.name, "1")
    assert version.tags["refold.how"] == "refit"
    files = place.client.list_logged_model_artifacts(one.model_id)
    assert sorted(file.path for file in files) == ["MLmodel", "data"]


def test_a_withdrawn_model_leaves_nothing(place: Any, sweep: Make, folder: Path) -> None:
    """Neither a version nor a registered model; one that others use stays."""
    record, view = sweep(name=place.experiment), place.view()
    view.withdraw(add(view, record, folder))
    name = f"name = '{record.name}'"
    assert place.client.search_registered_models(name) == []
    experiment = place.client.get_experiment_by_name(place.experiment).experiment_id
    assert place.client.search_logged_models([experiment]) == []
    kept = add(view, record, folder)
    view.promote(kept)
    view.withdraw(add(view, record, folder))
    assert [str(found.version) for found in place.client.search_model_versions(name)] == [kept.version]


@pytest.mark.slow
def test_what_a_killed_export_has_left_goes_with_the_next(place: Any, sweep: Make, folder: Path) -> None:
    """A version that was never made the champion, and a model that was never registered."""
    record, view = sweep(name=place.experiment), place.view()
    view.promote(add(view, record, folder))
    add(view, record, folder)  # here the export was killed
    place.client.delete_model_version(record.name, add(place.view(), record, folder).version)
    last = add(place.view(), record, folder)
    view.promote(last)
    versions = place.client.search_model_versions(f"name = '{record.name}'")
    assert sorted(str(version.version) for version in versions) == ["1", last.version]
    assert champion(place, record) == last.version
    experiment = place.client.get_experiment_by_name(place.experiment).experiment_id
    assert len(place.client.search_logged_models([experiment])) == 2


def test_models_go_with_their_sweep_and_no_others(place: Any, sweep: Make, folder: Path) -> None:
    """Another sweep of the same name keeps its version, and somebody's registered model stays."""
    mine, yours = sweep(name=place.experiment), sweep(name=place.experiment, created_at=1_790_000_500.0)
    view = place.view()
    add(view, mine, folder)
    for _ in range(2):
        view.promote(add(view, yours, folder))
    assert (view.locate(mine).models, view.locate(yours).models) == (1, 2)
    assert "1 exported model in the experiment" in str(view.locate(mine))
    view.delete(mine)
    versions = place.client.search_model_versions(f"name = '{mine.name}'")
    assert sorted(str(version.version) for version in versions) == ["2", "3"]
    assert champion(place, mine) == "3"
    assert view.delete(yours).emptied == (place.experiment,)
    assert place.client.search_registered_models(f"name = '{mine.name}'") == []


def test_somebodys_registered_model_is_not_removed(place: Any, sweep: Make, folder: Path) -> None:
    """A version of ours is added to it, and no more than that is taken away."""
    record, view = sweep(name=place.experiment), place.view()
    place.client.create_registered_model(record.name)
    add(view, record, folder)
    view.delete(record)
    assert place.client.get_registered_model(record.name).name == record.name


def test_a_registry_that_refuses_leaves_no_model(
    place: Any, sweep: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was uploaded before it is taken out again."""
    record, view = sweep(name=place.experiment), place.view()
    view.write(record)
    client = type(place.client)

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError("the registry is away")

    with monkeypatch.context() as context:
        context.setattr(client, "create_model_version", refuse)
        with pytest.raises(ViewUnavailable, match="the registry is away"):
            add(view, record, folder)
    experiment = place.client.get_experiment_by_name(place.experiment).experiment_id
    assert place.client.search_logged_models([experiment]) == []
    assert place.client.search_registered_models(f"name = '{record.name}'") == []


def test_artifacts_are_deleted_and_a_copied_home_spares_its_original(
    database: str, tmp_path: Path, sweep: Make, folder: Path
) -> None:
    """MLflow stores absolute paths, also of models."""
    record, original, copy = sweep(), tmp_path / "original", tmp_path / "copy"
    view = MlflowView(database, original, "made-up")
    add(view, record, folder)
    shutil.copytree(original, copy)
    copied = tmp_path / "copied.db"
    shutil.copy(database.removeprefix("sqlite:///"), copied)
    MlflowView(f"sqlite:///{copied}", copy, "made-up").delete(record)
    assert [path.name for path in original.rglob("model.keras")] == ["model.keras"]
    assert not [path for path in copy.rglob("*") if path.is_file()]
    view.delete(record)
    assert not list(original.rglob("*"))

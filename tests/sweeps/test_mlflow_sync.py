"""``refold sync --rebuild`` writes MLflow's record again, whatever has become of the database in the home."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sweeps import mlflow_sync
from sweeps.api import sweep as api
from sweeps.export.mlflow_model import register_again
from sweeps.home import Home
from sweeps.mlflow_record import mlflow_view, serve
from sweeps.mlflow_sync import sync
from tests import exported_model
from tests.closed_formula import InlineWorkers, Saying, plan, prepared, starter
from tests.mlflow_server import Place, expected_contents
from tracking.errors import StoreUnusable, ViewUnavailable
from tracking.ledger.ledger import Ledger
from tracking.mlflow import store
from tracking.mlflow.damage import fault_of
from tracking.mlflow.recorder import Recorder
from tracking.mlflow.view import _mlflow
from tracking.reports.out_of_fold import HeldOut
from trainer.datasets import open_stored

pytestmark = pytest.mark.usefixtures("quick_pictures", "gc_in_process")

SWEEPS = ("first", "second")


@pytest.fixture(autouse=True)
def _in_the_home(monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> None:
    """MLflow's record is in the home, and a new database is a copy: making one takes seconds."""

    def create(_mlflow: Any, path: Path, _artifacts: Path) -> None:
        shutil.copy(empty_database, path)

    monkeypatch.setattr(store, "_create_sqlite", create)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(api, "Recorder", partial(Recorder, pause=0.05, longest_pause=0.3))


def run(home: Home, name: str) -> list[str]:
    """Run a small sweep; return what was said."""
    saying, start = Saying(), starter(InlineWorkers(1))
    made = prepared(plan(architectures=1, trials=2, seed=SWEEPS.index(name)), name)
    api.run_recorded(made, home, None, start_workers=start, workers=1, progress=saying)
    return saying.said


def contents(home: Home) -> dict[str, Any]:
    """Return all that MLflow has of both sweeps."""
    uri = home.own_tracking_uri
    places = {name: Place(uri, home.artifacts, name, database=uri, files=home.path) for name in SWEEPS}
    return {name: place.contents() for name, place in places.items()}


@pytest.fixture(scope="module")
def kept(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two sweeps, and beside it a copy of what it was before anything happened to it."""
    folder = tmp_path_factory.mktemp("recovery")
    home = Home(folder / "home")
    home.path.mkdir()
    shutil.copy(empty_database, home.database)
    return folder


@pytest.fixture
def home(kept: Path) -> Iterator[Home]:
    """The home, undisturbed."""
    home, copy = Home(kept / "home"), kept / "copy"
    if not copy.exists():  # here, because pictures are drawn quickly only within a test
        for name in SWEEPS:
            run(home, name)
        shutil.copytree(home.path, copy)
    else:
        shutil.rmtree(home.path)
        shutil.copytree(copy, home.path)
    mlflow_view(home, home.own_tracking_uri, "").begin_anew()  # its connections are to the file of before
    yield home
    mlflow_view(home, home.own_tracking_uri, "").begin_anew()


def executed(home: Home, *statements: str) -> None:
    """Change the database."""
    with closing(sqlite3.connect(home.database)) as database, database:
        database.execute("PRAGMA foreign_keys = OFF")
        for statement in statements:
            database.execute(statement)


def overwrite(home: Home, place: float, what: bytes) -> None:
    """Write into the middle of the file."""
    with home.database.open("r+b") as file:
        file.seek(int(home.database.stat().st_size * place) // 4096 * 4096)
        file.write(what)


def cut(home: Home) -> None:
    """Leave half of the file."""
    content = home.database.read_bytes()
    home.database.write_bytes(content[: len(content) // 2])


def another_program(home: Home) -> None:
    """Put another program's database in its place."""
    home.database.unlink()
    executed(home, "CREATE TABLE songs (title TEXT)", "INSERT INTO songs VALUES ('x')")


def text(home: Home) -> None:
    """Put a text in its place."""
    home.database.write_text("hello")


def a_folder(home: Home) -> None:
    """Put a folder in its place."""
    home.database.unlink()
    home.database.mkdir()
    (home.database / "file").write_text("x")


#: What has become of the database, and what is said of it; "" if MLflow itself reads it.
DAMAGED: dict[str, tuple[Callable[[Home], None], str]] = {
    "garbage in the middle": (lambda home: overwrite(home, 0.5, b"\xa5" * 40960), "is damaged"),
    "garbage in the first page": (lambda home: overwrite(home, 0, b"SQLite format 3\0" + b"\x5a" * 900), ""),
    "truncated": (cut, "is damaged"),
    "text": (text, "is not an SQLite database"),
    "another program's": (another_program, "is another program's database"),
    "a folder": (a_folder, "is not a file"),
    "a newer MLflow's": (
        lambda home: executed(home, "UPDATE alembic_version SET version_num = 'ffffffffffff'"),
        "",
    ),
    "an older MLflow's": (
        lambda home: executed(home, "UPDATE alembic_version SET version_num = '451aebb31d03'"),
        "",
    ),
    "a table is gone": (lambda home: executed(home, "DROP TABLE metrics"), ""),
    "a column is gone": (lambda home: executed(home, "ALTER TABLE runs RENAME COLUMN status TO stat"), ""),
    "not text": (lambda home: executed(home, "UPDATE tags SET value = CAST(x'ff' AS TEXT)"), ""),
}


def aside(home: Home) -> list[Path]:
    """Return the folders in which something was kept."""
    return sorted(home.path.glob("mlflow-old-*"))


def content_of(path: Path) -> bytes:
    """Return a file's content, or that of the one file in a folder."""
    return (path / "file").read_bytes() if path.is_dir() else path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_database_is_kept_aside_and_written_again(home: Home, kind: str) -> None:
    """Without --rebuild one line names the command; with it all is there as before, and the old file too."""
    before = contents(home)
    mlflow_view(home, home.own_tracking_uri, "").begin_anew()
    damage, fault = DAMAGED[kind]
    damage(home)
    spoilt = content_of(home.database)
    assert (fault_of(home.database) or "").startswith(fault)
    if kind != "not text":  # the runs are not found, and written a second time
        with pytest.raises(StoreUnusable) as refused:
            sync(home)
        assert f"'refold sync --rebuild --home {home.path}' keeps the file aside" in str(refused.value)
        assert "\n" not in str(refused.value)
    if fault:
        with pytest.raises(StoreUnusable, match=f"the file {fault}.*; 'refold sync --rebuild"):
            serve(home, port=0)
    said: list[str] = []
    sync(home, "first", rebuild=True, say=said.append)
    (folder,) = aside(home)
    assert [line for line in said if line.startswith("MLflow's database ")] == [
        line for line in said if f"are kept in {folder}; delete that if you need nothing of it" in line
    ]
    assert contents(home) == before  # of the other sweep as well: it was one database
    assert content_of(folder / "mlflow.db") == spoilt
    assert (folder / "artifacts").is_dir()
    said.clear()
    sync(home, rebuild=True, say=said.append)
    assert said[0].startswith("removed from MLflow: 1 run of the sweep and 2 of its trials")
    assert contents(home) == before
    assert aside(home) == [folder]


@pytest.mark.parametrize(
    "lost",
    [
        "database",
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in ("database and artifacts", "artifacts", "content")
        ),
    ],
)
def test_what_was_deleted_is_written_again(home: Home, lost: str) -> None:
    """The database, the files of the runs, or both; an empty file is a deleted one."""
    before = contents(home)
    mlflow_view(home, home.own_tracking_uri, "").begin_anew()
    if "artifacts" in lost:
        shutil.rmtree(home.artifacts)
    if "database" in lost:
        home.database.unlink()
        with pytest.raises(ViewUnavailable, match=r"mlflow\.db is gone: 'refold sync --rebuild"):
            serve(home, port=0)
    if lost == "content":
        home.database.write_bytes(b"")
    sync(home, rebuild=True)
    assert contents(home) == before
    assert [list(folder.iterdir()) for folder in aside(home)] == (
        [[aside(home)[0] / "artifacts"]] if lost == "database" else []
    )


@pytest.mark.slow
def test_the_journal_of_a_deleted_database_spoils_no_new_one(home: Home) -> None:
    """SQLite would play it back into the file that takes the old one's place."""
    before = contents(home)
    mlflow_view(home, home.own_tracking_uri, "").begin_anew()
    with closing(sqlite3.connect(home.database, isolation_level=None)) as database:
        database.execute("PRAGMA cache_spill = 1")
        database.execute("PRAGMA cache_size = 1")
        database.execute("BEGIN")
        database.execute("UPDATE tags SET value = value || 'x'")
        journal = home.database.with_name("mlflow.db-journal").read_bytes()
        database.execute("ROLLBACK")
    assert len(journal) > 512
    home.database.unlink()
    home.database.with_name("mlflow.db-journal").write_bytes(journal)
    sync(home)
    assert contents(home) == before


@pytest.mark.slow
def test_a_locked_database_is_left_alone(home: Home) -> None:
    """It is in use: nothing is moved, and the line says why."""
    before = contents(home)
    mlflow_view(home, home.own_tracking_uri, "").begin_anew()
    with closing(sqlite3.connect(home.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ViewUnavailable, match="database is locked") as refused:
            sync(home, rebuild=True)
        assert not isinstance(refused.value, StoreUnusable)
    assert aside(home) == []
    sync(home)
    assert contents(home) == before


def test_a_damaged_database_elsewhere_moves_nothing_in_the_home(home: Home, tmp_path: Path) -> None:
    """It is not refold's to move: the line says so, and the other sweep's record is as it was."""
    before = contents(home)
    elsewhere = tmp_path / "elsewhere.db"
    sync(home, "first", tracking_uri=f"sqlite:///{elsewhere}")
    mlflow_view(home, f"sqlite:///{elsewhere}", "").begin_anew()
    elsewhere.write_text("hello")
    with pytest.raises(StoreUnusable, match=r"^first: MLflow at sqlite:///.*elsewhere\.db: [^;]*$"):
        sync(home, rebuild=True)
    assert aside(home) == []
    assert elsewhere.read_text() == "hello"
    assert contents(home)["second"] == before["second"]


def test_a_second_damage_in_the_same_second_overwrites_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each folder that takes a database is a new one."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Stopped":
            return cls(2026, 11, 25, 23, 30, tzinfo=tz)

    monkeypatch.setattr(mlflow_sync, "datetime", Stopped)
    for text in ("one", "two"):
        home.database.write_text(text)
        with pytest.raises(StoreUnusable, match=r"^first, second: MLflow at [^;]*; [^;]*$"):
            sync(home)
        sync(home, rebuild=True)
    name = "mlflow-old-2026-11-25-233000"
    assert [path.name for path in aside(home)] == [name, f"{name}-2"]
    assert [(path / "mlflow.db").read_text() for path in aside(home)] == ["one", "two"]


def test_a_sweep_goes_on_and_names_the_command(home: Home) -> None:
    """All of it is in the ledger; the last line is the command that brings MLflow's record back."""
    before = contents(home)
    mlflow_view(home, home.own_tracking_uri, "").begin_anew()
    with Ledger.open(home.path) as ledger:
        ledger.remove_sweep("second")
    home.database.write_text("hello")
    said = run(home, "second")
    command = f"refold sync --rebuild --home {home.path}"
    unusable = f"MLflow at {home.own_tracking_uri}: file is not a database; '{command}' keeps"
    assert any(line.startswith(unusable) for line in said)
    assert said[-1] == f"MLflow does not have all of it yet; to complete it: {command}"
    sync(home, rebuild=True)
    with Ledger.read(home.path) as ledger:
        record = ledger.sweep("second")
    held_out = HeldOut(open_stored(home.path / "datasets" / record.dataset.fingerprint))
    assert contents(home) == {"first": before["first"], "second": expected_contents(record, held_out)}


def export(home: Home, trial: int, weights: str) -> None:
    """Register a made-up model of the first sweep, as ``refold export --format mlflow`` does."""
    folder = home.path / "draft"
    folder.mkdir()
    (folder / "MLmodel").write_text(f"metadata:\n  weights_sha256: {weights}\n")
    (folder / "model.keras").write_text(weights)
    size = sum(path.stat().st_size for path in folder.iterdir())
    formats = {"mlflow": exported_model.report("mlflow", size)}
    about = exported_model.about(
        sweep="first", architecture="alpha", trial=trial, weights_sha256=weights, formats=formats
    )
    with Ledger.open(home.path) as ledger:
        record = ledger.sweep("first")
        view = mlflow_view(home, home.own_tracking_uri, "first")
        register_again(record, about, folder, view)
        ledger.add_export("first", {**about.to_json(), "folder": str(home.path / "m")}, 1.0 + trial)
    shutil.rmtree(folder)


def models(home: Home) -> list[dict[str, Any]]:
    """Return the registered versions, with their tags, aliases and files."""
    client = _mlflow().MlflowClient(tracking_uri=home.own_tracking_uri)
    found = []
    for version in client.search_model_versions("name = 'first'", order_by=["version_number ASC"]):
        folder = Path(version.source.removeprefix("file://"))
        trial = client.get_run(version.run_id).data.tags["refold.trial"]
        files = {path.name: path.read_text() for path in folder.iterdir()}
        full = client.get_model_version("first", version.version)
        found.append(
            {"version": version.version, "tags": dict(version.tags), "trial": trial, "files": files}
            | {"aliases": list(full.aliases)}
        )
    return found


@pytest.mark.slow
def test_exported_models_are_registered_again(home: Home) -> None:
    """From their files, in the order of the exports; the last one is the champion. A second time nothing."""
    export(home, 0, "a" * 64)
    export(home, 1, "b" * 64)
    before = models(home)
    assert [each["aliases"] for each in before] == [[], ["champion"]]
    mlflow_view(home, home.own_tracking_uri, "").begin_anew()
    home.database.write_text("hello")
    said: list[str] = []
    sync(home, rebuild=True, say=said.append)
    assert [line for line in said if "models:" in line] == [
        "registered again in MLflow: models:/first/1",
        "registered again in MLflow: models:/first/2",
    ]
    assert models(home) == before
    said.clear()
    sync(home, rebuild=True, say=said.append)
    assert not [line for line in said if "models:" in line]


def test_a_model_whose_files_are_gone_is_named(home: Home) -> None:
    """With the command that makes it again; files of another size are not taken for it."""
    export(home, 0, "a" * 64)
    mlflow_view(home, home.own_tracking_uri, "").begin_anew()
    home.database.unlink()
    (keras,) = home.artifacts.rglob("model.keras")
    keras.write_text("shorter")
    said: list[str] = []
    sync(home, rebuild=True, say=said.append)
    assert "the files of models:/s/1 are gone: 'refold export first --format mlflow' makes them again" in said
    assert models(home) == []


def test_files_of_another_database_stay(home: Home) -> None:
    """PostgreSQL keeps files of runs in the home too; a rebuild moves the home's database alone."""
    with Ledger.open(home.path) as ledger:
        entry = ledger.entry("second")
        assert entry is not None
        details = replace(entry.details, tracking="postgresql://db.example/mlflow")
        ledger.update_sweep("second", entry.trials, entry.toml, details)
    files = sorted(home.artifacts.rglob("*"))
    text(home)
    sync(home, "first", rebuild=True)
    assert set(files) <= set(home.artifacts.rglob("*"))
    assert [[each.name for each in folder.iterdir()] for folder in aside(home)] == [["mlflow.db"]]

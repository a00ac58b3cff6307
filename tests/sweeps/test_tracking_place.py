"""Where MLflow's record is: what is kept of it, that no secret is, and what decides when places differ."""

from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.execution.loop import enter
from sweeps.home import Home
from sweeps.tracking_place import completing, kept_place, place_of
from tests.closed_formula import in_memory_ledger, plan, prepared
from tracking.ledger.entry import SweepEntry
from tracking.mlflow.uri import check_uri, without_masked
from trainer.errors import UsageError

SERVER, OTHER = "http://mlflow:5000", "http://other:5000"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    return Home(tmp_path / "home")


def entry(tracking: str | None) -> SweepEntry:
    """Return what the ledger keeps of a sweep whose record is there."""
    ledger = in_memory_ledger()
    enter(replace(prepared(plan()), tracking=tracking), ledger)
    found = ledger.entry("made-up")
    assert found is not None
    assert found.details.tracking == tracking
    return found


@pytest.mark.parametrize(
    ("tracking", "option", "variable", "expected"),
    [
        (None, None, None, "own"),
        (None, None, OTHER, OTHER),
        (None, SERVER, OTHER, SERVER),
        ("home", None, None, "own"),
        ("home", None, OTHER, "own"),
        ("home", SERVER, OTHER, SERVER),
        (SERVER, None, None, SERVER),
        (SERVER, None, OTHER, SERVER),
        (SERVER, OTHER, None, OTHER),
    ],
)
def test_the_option_comes_first_then_what_was_kept(
    home: Home, tracking: str | None, option: str | None, variable: str | None, expected: str
) -> None:
    """The variable and the home decide where nothing was kept; a variable that is passed over is named."""
    environment = {"MLFLOW_TRACKING_URI": variable} if variable else {}
    place = place_of(home, entry(tracking), option, environment)
    assert place.uri == (home.own_tracking_uri if expected == "own" else expected)
    passed_over = bool(variable) and not option and tracking is not None
    assert len(place.notes) == passed_over
    if passed_over:
        assert OTHER in place.notes[0]
        assert "and stays there" in place.notes[0]
        assert "\n" not in place.notes[0]


def test_a_new_sweep_goes_where_the_variable_says(home: Home) -> None:
    """As before there was anything to keep."""
    assert place_of(home, None, None, {"MLFLOW_TRACKING_URI": OTHER}).uri == OTHER
    assert place_of(home, None, None, {}).uri == home.own_tracking_uri


@pytest.mark.parametrize(
    ("uri", "kept", "used"),
    [
        ("http://me:s3cret@host:5000/x", "http://me:***@host:5000/x", "http://host:5000/x"),
        ("https://s3cret@host", "https://***@host", "https://host"),
        ("https://host?token=s3cret", "https://host?token=***", "https://host"),
        ("postgresql://me:s3@cret@host/db", "postgresql://me:***@host/db", "postgresql://me@host/db"),
        (
            "postgresql://me@host/db?sslmode=require&password=s3cret&sslpassword=s3cret",
            "postgresql://me@host/db?sslmode=require&password=***&sslpassword=***",
            "postgresql://me@host/db?sslmode=require",
        ),
        (
            "mssql+pyodbc://?odbc_connect=DRIVER%3Dx%3BPWD%3Ds3cret",
            "mssql+pyodbc://?odbc_connect=***",
            "mssql+pyodbc://",
        ),
        ("postgresql://me@host/db", "postgresql://me@host/db", "postgresql://me@host/db"),
        ("sqlite:////data/a@b:c/mlflow.db", "sqlite:////data/a@b:c/mlflow.db", None),
        ("databricks://profile", "databricks://profile", None),
    ],
)
def test_no_secret_is_kept(home: Home, uri: str, kept: str, used: str | None) -> None:
    """Passwords, tokens and parameters that are not known to be harmless are left out, and only they."""
    assert kept_place(home, uri) == kept
    assert without_masked(kept) == (used or uri)
    assert place_of(home, entry(kept), None, {}).uri == (used or uri)


@pytest.mark.parametrize("uri", ["postgresql://me:12/s3cret@host/db", "http://me:1?s3cret@host"])
def test_a_password_that_breaks_the_uri_is_refused_and_not_printed(uri: str) -> None:
    """SQLAlchemy would take it for a password, others for a port and a path."""
    with pytest.raises(UsageError, match="%2F") as caught:
        check_uri(uri)
    assert "s3cret" not in str(caught.value)


def test_a_password_that_is_not_kept_is_asked_for_once(home: Home) -> None:
    """Unless the variable has it, or MLflow's own variables do."""
    uri = "http://me:s3cret@host:5000"
    recorded = entry(kept_place(home, uri))
    (note,) = place_of(home, recorded, None, {}).notes
    for how in ("--tracking-uri", "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_PASSWORD"):
        assert how in note
    assert place_of(home, recorded, None, {"MLFLOW_TRACKING_PASSWORD": "s3cret"}).notes == ()
    same = place_of(home, recorded, None, {"MLFLOW_TRACKING_URI": uri})
    assert (same.uri, same.notes) == (uri, ())
    assert "--tracking-uri" in completing(home, "x", uri, {})
    assert completing(home, "x", uri, {"MLFLOW_TRACKING_URI": uri}) == f"refold sync x --home {home.path}"


def test_a_file_is_kept_where_it_is_and_the_home_s_own_wherever_the_home_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path means the same from any folder; a home that was moved goes on with its own file."""
    monkeypatch.chdir(tmp_path)
    home = Home(tmp_path / "home")
    assert kept_place(home, "sqlite:///s?mode=rw") == f"sqlite:///{tmp_path}/s?mode=rw"
    for own in (home.own_tracking_uri, "sqlite:///home/mlflow.db", "sqlite:///home/../home/mlflow.db"):
        assert kept_place(home, own) == "home"
    moved = Home(tmp_path / "moved")
    assert place_of(moved, entry("home"), None, {}).uri == f"sqlite:///{tmp_path}/moved/mlflow.db"


def test_a_command_names_the_home_only_if_it_would_not_be_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default and REFOLD_HOME need no option; a folder with a space is quoted."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REFOLD_HOME", raising=False)
    assert completing(Home.chosen(None), "x", SERVER, {}) == "refold sync x"
    assert completing(Home.chosen("my runs"), "x", SERVER, {}) == f"refold sync x --home '{tmp_path}/my runs'"
    monkeypatch.setenv("REFOLD_HOME", "my runs")
    assert completing(Home.chosen("my runs"), "x", SERVER, {}) == "refold sync x"

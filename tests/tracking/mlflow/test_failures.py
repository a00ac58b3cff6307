"""Whatever goes wrong with a server or a database is one line that says what to do."""

import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tracking.errors import ViewUnavailable
from tracking.mlflow.reasons import reason
from tracking.mlflow.uri import check_uri, shown
from tracking.mlflow.view import MlflowView
from tracking.records import SweepRecord
from trainer.errors import UsageError

Make = Callable[..., SweepRecord]


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """A server that answers everything alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815  # http.server's name

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def failure(uri: str, record: SweepRecord, root: Path | None = None) -> str:
    """The line that writing ends with."""
    with pytest.raises(ViewUnavailable) as caught:
        MlflowView(uri, root, "digits").write(record)
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 600
    return line


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, b"oops", "it answers with status 500"),
        (503, b"<html>away</html>", "it answers with status 503"),
        (401, b"You are not authenticated.", "MLFLOW_TRACKING_USERNAME"),
        (403, b"Permission denied", "MLFLOW_TRACKING_USERNAME"),
        (403, b"Invalid Host header - possible DNS rebinding attack detected", "--allowed-hosts"),
        (404, b"<html>nothing here</html>", "it answers with status 404"),
        (200, b"<html>another program</html>", "not in a valid JSON format"),
    ],
)
def test_a_server_s_refusal_is_named(status: int, body: bytes, expected: str, sweep: Make) -> None:
    """What a server answers is told in one line, with the remedy where there is one."""
    with answering(status, body) as uri:
        line = failure(uri, sweep())
        assert expected in line
        assert line.startswith(f"MLflow at {uri}: ")


def test_a_server_that_is_away_is_told_at_once(sweep: Make) -> None:
    """No four minutes of retries: connection refused, said so."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    assert failure(f"http://127.0.0.1:{port}", sweep()).endswith("connection refused")


def test_a_server_that_says_nothing_is_given_up(sweep: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes requests and never answers does not hold the writer for ever."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        assert "does not answer in time" in failure(f"http://127.0.0.1:{silent.getsockname()[1]}", sweep())


def test_a_password_is_never_shown(sweep: Make) -> None:
    """A URI with a password appears without it."""
    with answering(500, b"") as uri:
        line = failure(uri.replace("http://", "http://me:secret@"), sweep())
    assert "secret" not in line
    assert "me:***@" in line


def test_an_older_database_is_refused_with_the_command_that_migrates_it(database: str, sweep: Make) -> None:
    """It is neither migrated without being asked nor written to."""
    path = Path(database.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0a8213491aaa'")
        connection.execute("DROP TABLE webhook_events")
        connection.commit()
    before = path.read_bytes()
    assert f"mlflow db upgrade {database}" in failure(database, sweep())
    assert path.read_bytes() == before


def test_a_newer_database_is_refused(database: str, sweep: Make) -> None:
    """Migrating would not help; the line says so."""
    with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
        connection.commit()
    assert "newer MLflow" in failure(database, sweep())


def test_a_file_that_is_no_database_is_refused(tmp_path: Path, sweep: Make) -> None:
    """Somebody's file stays as it is."""
    (tmp_path / "notes.txt").write_text("not a database at all, " * 50)
    assert "not a database" in failure(f"sqlite:///{tmp_path / 'notes.txt'}", sweep())
    assert (tmp_path / "notes.txt").read_text().startswith("not a database")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, sweep: Make) -> None:
    """The folder would have to be made where a file is."""
    (tmp_path / "file").write_text("")
    line = failure(f"sqlite:///{tmp_path / 'file' / 'mlflow.db'}", sweep())
    assert str(tmp_path / "file") in line


def test_a_foreign_experiment_in_the_bin_is_left_there(place: Any, sweep: Make) -> None:
    """Only its owner takes it out; the line says how."""
    place.client.create_experiment(place.experiment)
    experiment = place.client.get_experiment_by_name(place.experiment)
    place.client.delete_experiment(experiment.experiment_id)
    with pytest.raises(ViewUnavailable, match=rf"mlflow experiments restore -x {experiment.experiment_id}"):
        place.view().write(sweep())


def test_mlflow_is_imported_when_it_is_used() -> None:
    """Importing the view, checking a URI and making a view cost no seconds."""
    program = (
        "import sys, tracking.mlflow.view as m, tracking.mlflow.recorder, tracking.mlflow.ui\n"
        "m.MlflowView('sqlite:////nowhere/x.db', None, 'e')\n"
        "print([name for name in ('mlflow', 'matplotlib', 'sqlalchemy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_new_database_is_made_quietly_and_in_one_step(tmp_path: Path) -> None:
    """A new process makes it, prints nothing of MLflow's, leaves nothing else, and telemetry is off."""
    program = (
        "import sys\n"
        "from tracking.mlflow.view import MlflowView\n"
        "try:\n"
        "    MlflowView(sys.argv[1], None, 'e').locate(None)\n"
        "except AttributeError:\n"  # there is no record to locate, but the database was opened
        "    pass\n"
        "from mlflow.telemetry.utils import is_telemetry_disabled\n"
        "print(is_telemetry_disabled())\n"
    )
    uri = f"sqlite:///{tmp_path / 'home of mine' / 'mlflow.db'}"
    done = subprocess.run([sys.executable, "-c", program, uri], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("True\n", "")
    assert [path.name for path in (tmp_path / "home of mine").iterdir()] == ["mlflow.db"]


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:5000",
        "https://me:word@mlflow.example.org/prefix",
        "sqlite:////home/me/mlflow.db",
        "sqlite:///mlflow.db",
        "postgresql://me@host/mlflow",
        "postgresql+psycopg2://me:word@host:5432/mlflow",
        "databricks",
        "databricks://profile",
    ],
)
def test_a_good_uri_passes(uri: str) -> None:
    """Servers and databases are accepted without asking them."""
    check_uri(uri)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("", "is a folder"),
        ("./mlruns", "is a folder"),
        ("file:///home/me/mlruns", "is a folder"),
        ("htp://host:5000", "unknown 'htp'"),
        ("http://", "names no host"),
        ("http://host:port", "does not parse"),
        ("http://[::1", "does not parse"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite://mlflow.db", "names no file"),
    ],
)
def test_a_bad_uri_is_refused_before_anything_starts(uri: str, expected: str) -> None:
    """One line that says what is wrong and what a good one looks like."""
    with pytest.raises(UsageError, match=expected) as caught:
        MlflowView(uri, None, "digits")
    assert "\n" not in str(caught.value)
    assert "sqlite:////folder/mlflow.db" in str(caught.value)


def test_only_the_password_is_hidden() -> None:
    """A URI is printed as it is but for its password."""
    assert shown("postgresql://me:word@host/mlflow") == "postgresql://me:***@host/mlflow"
    assert shown("sqlite:///a.db") == "sqlite:///a.db"
    assert shown("http://[::1") == "http://[::1"


def test_a_reason_is_one_line_whatever_is_raised() -> None:
    """Long texts with line breaks and loops among causes are brought to one short line."""
    first, second = ValueError("a\nb\x1b[31m" + "x" * 1000), RuntimeError()
    first.__cause__, second.__cause__ = second, first
    assert reason(first).startswith("a b")
    assert len(reason(first)) <= 240
    assert reason(RuntimeError()) == "RuntimeError"

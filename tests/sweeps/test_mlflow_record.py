"""The record finds its way back: every command writes to, and removes from, where a sweep's record is."""

import io
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from rich.console import Console

from sweeps.analysis.context import AnalysisContext
from sweeps.analysis.folds.experiment import compare
from sweeps.api import record
from sweeps.api import sweep as api
from sweeps.export import recorded_sweep
from sweeps.export.request import ExportRequest
from sweeps.home import Home
from sweeps.mlflow_record import serve
from sweeps.mlflow_sync import sync
from sweeps.outcome import Outcome
from sweeps.removal import removal_of, remove
from tests.closed_formula import InlineWorkers, Saying, plan, prepared, starter
from tests.labelled_trainer import LabelledWorkers, record_sweep
from tests.mlflow_server import MlflowServer
from tracking.errors import ViewUnavailable
from tracking.ledger.ledger import Ledger
from tracking.mlflow.recorder import Recorder
from tracking.mlflow.view import _mlflow
from trainer.errors import UsageError

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("quick_pictures")]

PLAN = plan(architectures=1, trials=2)
#: The sweep's run and its trials'.
RUNS = 3


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> MlflowServer:
    """A server that is not there yet."""
    return MlflowServer("sqlite:///mlflow.db", tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def ran_while_away(away: MlflowServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, list[str]]:
    """A home with a sweep whose server was away, and what was said meanwhile."""
    home = Home(tmp_path_factory.mktemp("my runs"))
    return home, run(home, "away", away.uri)


@pytest.fixture(scope="module")
def server(
    away: MlflowServer,
    ran_while_away: tuple[Home, list[str]],
    empty_database: Path,
) -> Iterator[MlflowServer]:
    """The same server, for all tests of this module: each has an experiment of its own."""
    folder = away.files.parent
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    away.database = f"sqlite:///{folder / 'mlflow.db'}"
    with away.running():
        yield away


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(api, "Recorder", partial(Recorder, pause=0.05, longest_pause=0.3))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    return Home(tmp_path / "home")


def with_database(home: Home, empty_database: Path) -> Home:
    """Put an MLflow database into a home: making one takes seconds."""
    home.path.mkdir()
    shutil.copy(empty_database, home.path / "mlflow.db")
    return home


def run(home: Home, name: str, option: str | None = None) -> list[str]:
    """Run a small sweep; return what was said."""
    saying = Saying()
    start = starter(InlineWorkers(1))
    api.run_recorded(prepared(PLAN, name), home, option, start_workers=start, workers=1, progress=saying)
    return saying.said


def kept(home: Home, name: str) -> str | None:
    """Return what the ledger keeps of where the record is."""
    with Ledger.read(home.path) as ledger:
        entry = ledger.entry(name)
    assert entry is not None
    return entry.details.tracking


def refold(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as a person would."""
    command = [sys.executable, "-m", "refold", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.slow
def test_the_command_that_a_run_names_completes_the_record_where_it_belongs(
    ran_while_away: tuple[Home, list[str]], server: MlflowServer, tmp_path: Path
) -> None:
    """The server was away; what was printed, typed in another folder, writes to it and not to the home."""
    home, said = ran_while_away
    (line,) = (line for line in said if "to complete it" in line)
    _, *arguments = shlex.split(line.partition("to complete it: ")[2])
    assert arguments == ["sync", "away", "--home", str(home.path)]
    done = refold(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"MLflow has all of away: 2 trials, at {server.uri}" in done.stderr
    assert len(server.place("away").runs()) == RUNS
    assert not (home.path / "mlflow.db").exists()


def test_show_says_where_the_record_is(ran_while_away: tuple[Home, list[str]], away: MlflowServer) -> None:
    """To people and to programs."""
    home, _ = ran_while_away
    where = ["--home", str(home.path)]
    assert f"MLflow's record is at {away.uri}" in refold("show", "away", *where, cwd=home.path).stdout
    shown = json.loads(refold("show", "away", "--json", *where, cwd=home.path).stdout)
    assert shown["tracking_uri"] == away.uri


def test_a_password_is_in_no_file_of_the_home_and_in_nothing_that_is_said(
    home: Home, server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is found without it where none is asked for, and with it where the variable has it."""
    uri = server.uri.replace("http://", "http://me:s3cret-w0rd@")
    said = run(home, "secret", uri)
    assert kept(home, "secret") == uri.replace("s3cret-w0rd", "***")
    home.path.joinpath("said").write_text("\n".join(said))
    (home.path / "shown").write_text(refold("show", "secret", "--home", str(home.path), cwd=home.path).stdout)
    files = [path for path in home.path.rglob("*") if path.is_file()]
    assert {"ledger.sqlite", "said", "shown"} <= {path.name for path in files}
    assert not [path for path in files if b"s3cret-w0rd" in path.read_bytes()]
    lines: list[str] = []
    sync(home, "secret", say=lines.append)
    assert "MLFLOW_TRACKING_PASSWORD" in lines[0]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    sync(home, "secret", say=lines.append)
    assert len(lines) == 3
    assert "s3cret-w0rd" not in "".join(lines)


def test_mlflow_s_own_variables_give_the_password(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server is sent what MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD say."""
    asked: list[str | None] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Authorization"))
            self.send_error(403)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Server) as listening:
        Thread(target=listening.serve_forever, daemon=True).start()
        uri = f"http://me:s3cret@127.0.0.1:{listening.server_port}"
        run(home, "asked", uri)
        assert set(asked) == {"Basic bWU6czNjcmV0"}  # me:s3cret
        asked.clear()
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "you")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "word")
        with pytest.raises(ViewUnavailable, match="asked: MLflow at"):
            sync(home, "asked")
        listening.shutdown()
    assert set(asked) == {"Basic eW91OndvcmQ="}  # you:word


def test_running_again_goes_on_where_the_record_is(
    home: Home,
    server: MlflowServer,
    tmp_path: Path,
    empty_database: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the option; a variable that names another place is passed over by name; an option moves it."""
    run(home, "again", server.uri)
    remove_runs(server, "again")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    said = run(home, "again")
    assert len(server.place("again").runs()) == RUNS
    assert "MLFLOW_TRACKING_URI names http://127.0.0.1:9" in said[0]
    elsewhere = with_database(Home(tmp_path / "elsewhere"), empty_database)
    moved = elsewhere.own_tracking_uri
    said = run(home, "again", moved)
    assert said[0] == f"MLflow's record of again was at {server.uri}; from now on it is at {moved}"
    assert kept(home, "again") == moved
    (found,) = _mlflow().MlflowClient(tracking_uri=moved).search_experiments(filter_string="name = 'again'")
    assert len(_mlflow().MlflowClient(tracking_uri=moved).search_runs([found.experiment_id])) == RUNS


def remove_runs(server: MlflowServer, experiment: str) -> None:
    """Delete the runs of an experiment, as somebody might."""
    for each in server.place(experiment).runs().values():
        server.place(experiment).client.delete_run(each.info.run_id)


def test_rm_removes_where_the_record_is(home: Home, server: MlflowServer) -> None:
    """And says where that is; another sweep there keeps all of it."""
    run(home, "goes", server.uri)
    run(home, "stays", server.uri)
    removal = removal_of(home, "goes")
    assert f"and from MLflow, at {server.uri}: 1 run of the sweep and 2 of its trials" in removal.lines()[-1]
    remove(removal)
    assert server.place("goes").runs() == {}
    assert len(server.place("stays").runs()) == RUNS
    with Ledger.read(home.path) as ledger:
        assert ledger.sweep_names() == ["stays"]


def test_rm_asks_mlflow_nothing_that_it_leaves_alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --keep-mlflow it does not matter whether MLflow is there, nor what the variable says."""
    run(home, "made", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "htp://no")
    removal = removal_of(home, "made", mlflow=False)
    assert removal.lines()[0] == "removes the sweep made: 2 trials, 6 fits"
    assert not any("MLflow" in line for line in removal.lines())
    remove(removal)
    with Ledger.read(home.path) as ledger:
        assert ledger.sweep_names() == []


def test_sync_with_a_place_keeps_it_and_compare_writes_there(tmp_path: Path, server: MlflowServer) -> None:
    """For a sweep of which nothing was kept, as earlier versions recorded it."""
    workers = LabelledWorkers({"lenet": 0.97, "baseline": 0.7})
    home = Home(record_sweep(tmp_path, workers, "lenet", "baseline"))
    assert kept(home, "made") is None
    sync(home, "made", tracking_uri=server.uri)
    assert kept(home, "made") == server.uri
    before = len(server.place("made").runs())

    @contextmanager
    def start() -> Iterator[LabelledWorkers]:
        yield workers

    compare(
        AnalysisContext(home=home, workers=1, console=Console(file=io.StringIO()), start_workers=start),
        "made",
    )
    assert len(server.place("made").runs()) == before + 2
    assert not (home.path / "mlflow.db").exists()


def test_export_registers_where_the_record_is(
    home: Home, server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model's place is the record's, unless told otherwise."""
    run(home, "exported", server.uri)
    asked: list[ExportRequest] = []

    def refuse(request: ExportRequest) -> None:
        asked.append(request)
        raise UsageError("enough")

    monkeypatch.setattr(recorded_sweep, "export", refuse)
    for option in (None, "http://127.0.0.1:9"):
        with pytest.raises(UsageError, match="enough"):
            Outcome.of(home, "exported").export(formats=["mlflow"], tracking_uri=option)
    assert [request.tracking_uri for request in asked] == [server.uri, "http://127.0.0.1:9"]


def test_a_run_s_id_is_looked_up_in_every_place_of_the_home(
    home: Home, server: MlflowServer, empty_database: Path
) -> None:
    """One sweep's record is in the home, the other's on a server; an unknown id is neither's."""
    with_database(home, empty_database)
    run(home, "here")
    run(home, "there", server.uri)
    assert (kept(home, "here"), kept(home, "there")) == ("home", server.uri)
    runs = server.place("there").runs().values()
    (trial,) = (each for each in runs if each.data.tags.get("refold.trial") == "1")
    assert record.named(home, trial.info.run_id, None, None) == ("there", "alpha", 1)
    with pytest.raises(UsageError, match="neither a sweep nor a run"):
        record.named(home, "0" * 32, None, None)


@pytest.mark.slow
def test_ui_says_where_else_the_home_s_records_are(
    home: Home, server: MlflowServer, empty_database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last sweep's is shown; for the others there is a command."""
    with_database(home, empty_database)
    run(home, "first")
    run(home, "last", server.uri)
    said: list[str] = []
    serve(home, port=0, say=said.append)
    assert said[0].startswith("this is MLflow's record of last; ")
    assert said[1:] == [f"  refold ui first --home {home.path}  ({home.own_tracking_uri})"]
    assert f"MLflow's UI: {server.uri}" in capsys.readouterr().out
    said.clear()
    serve(home, "last", port=0, say=said.append)
    assert said == []
    with pytest.raises(UsageError, match=r"no sweep is called 'none' in .*: there is: first, last"):
        serve(home, "none", port=0)


def test_a_server_that_is_away_holds_up_no_other_sweep(home: Home, server: MlflowServer) -> None:
    """'refold sync' of a whole home completes what it can, and then says what it could not."""
    run(home, "gone", "http://127.0.0.1:9")
    run(home, "fine", server.uri)
    remove_runs(server, "fine")
    said: list[str] = []
    with pytest.raises(ViewUnavailable, match=r"gone: MLflow at http://127\.0\.0\.1:9"):
        sync(home, say=said.append)
    assert said == [f"MLflow has all of fine: 2 trials, at {server.uri}"]
    assert len(server.place("fine").runs()) == RUNS

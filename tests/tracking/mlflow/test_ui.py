"""MLflow's own UI: started on loopback, ended without leaving anything behind."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tests.cluster import Process, free_port
from tracking.errors import ViewUnavailable
from tracking.mlflow.ui import serve_ui
from trainer.errors import UsageError
from trainer.runtime.scratch import remove_abandoned


def test_a_taken_port_is_refused_with_a_free_one() -> None:
    """One line that names the port and another that can be used; nothing was started."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"port {port} of 127.0.0.1 .*port (\d+) is free: --port \1"):
            serve_ui("sqlite:////nowhere/mlflow.db", port)


def test_a_host_that_is_not_this_machine_is_refused() -> None:
    """Binding fails before MLflow is started."""
    with pytest.raises(UsageError, match=r"192\.0\.2\.1"):
        serve_ui("sqlite:////nowhere/mlflow.db", 0, "192.0.2.1")


def test_a_bad_uri_is_refused() -> None:
    """Before anything starts."""
    with pytest.raises(UsageError, match="unknown 'htp'"):
        serve_ui("htp://host", 0)


def test_a_server_has_a_ui_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address is said and opened; no second server is started."""
    said: list[str] = []
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    serve_ui("http://me:word@127.0.0.1:9", 0, open_browser=True, say=said.append)
    assert said == ["MLflow's UI: http://me:***@127.0.0.1:9"]
    assert opened == ["http://me:word@127.0.0.1:9"]


@pytest.mark.server
def test_a_ui_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The server's last words, in one line."""
    (tmp_path / "no.db").write_text("not a database at all, " * 50)
    said: list[str] = []
    with pytest.raises(ViewUnavailable, match="does not start") as caught:
        serve_ui(f"sqlite:///{tmp_path / 'no.db'}", 0, say=said.append)
    assert "\n" not in str(caught.value)


@pytest.mark.server
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_the_ui_answers_and_ends_without_orphans(number: signal.Signals, database: str) -> None:
    """It answers where it says, ends with status 0 on Ctrl-C and SIGTERM, and no process of it is left."""
    program = "import sys; from tracking.mlflow.ui import serve_ui; serve_ui(sys.argv[1], 0)"
    with subprocess.Popen(
        [sys.executable, "-c", program, database], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = ""
        for line in process.stdout:
            if "Ctrl-C" in line:
                address = line.split()[2]
                break
        with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310  # always http
            assert b"MLflow" in answer.read()
        servers = with_argument(database)
        assert servers
        process.send_signal(number)
        try:
            assert process.wait(40) == 0
        finally:
            process.kill()  # a failure must not wait for it
    deadline = time.monotonic() + 10
    while with_argument(database) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert with_argument(database) == []


@pytest.mark.slow
@pytest.mark.server
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_what_the_ui_has_started_ends_with_it(tmp_path: Path, number: signal.Signals, database: str) -> None:
    """However it ends, within ten seconds: nobody listens, no process is left, and no temporary file."""
    port = free_port()
    command = ["-m", "refold", "ui", "--tracking-uri", database, "--port", str(port)]
    (tmp_path / "temporary").mkdir()
    environment = {"TMPDIR": str(tmp_path / "temporary")}
    ui = Process(command, tmp_path / "log", environment=environment).start().await_word("Ctrl-C ends it")
    assert ui.process is not None
    started = psutil.Process(ui.process.pid).children(recursive=True)
    assert len(started) >= 3
    ui.end(number)
    _, left = psutil.wait_procs(started, timeout=10)
    assert left == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    remove_abandoned(tmp_path / "temporary")  # as the next command does that needs such a folder
    assert list((tmp_path / "temporary").iterdir()) == []


def with_argument(text: str) -> list[int]:
    """Processes, other than this one, that name the text on their command line or in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            if text.encode() in words and entry.name != str(os.getpid()):
                found.append(int(entry.name))
        except OSError:
            continue
    return found

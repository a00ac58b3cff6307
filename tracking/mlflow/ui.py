"""Serves MLflow's own UI in a process that ends with Ctrl-C."""

import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tracking.errors import ViewUnavailable
from tracking.mlflow.reasons import one_line
from tracking.mlflow.uri import absolute, check_uri, is_server, shown, sqlite_file
from trainer.errors import UsageError
from trainer.escaping import for_terminal
from trainer.runtime.lifeline import started
from trainer.runtime.output import last_line
from trainer.runtime.permissions import mask_of
from trainer.runtime.python_process import import_environment, module_command
from trainer.runtime.scratch import scratch_folder

DEFAULT_PORT = 5000
#: Without this MLflow opens its pages for language agents.
_START_PAGE = "#/experiments?workflowType=machine_learning"
#: Seconds within which a server must answer; a new database takes ten.
_START = 120.0
#: Seconds within which a server must end by itself.
_END = 5.0
_ENVIRONMENT = {
    # Without the job queue, which nothing here uses: it takes eight processes and 750 MB.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def serve_ui(
    tracking_uri: str,
    port: int = DEFAULT_PORT,
    host: str = "127.0.0.1",
    *,
    open_browser: bool = False,
    say: Callable[[str], None] | None = None,
) -> None:
    """Serve MLflow's UI until Ctrl-C or SIGTERM. Of a server only the URI is printed: it has its own UI.

    Args:
        tracking_uri: of the database or server.
        port: to listen on; 0 for any free one.
        host: to listen on.
        open_browser: whether to open the address in a browser when the server answers.
        say: called with each line for the user; None to print them.

    Raises:
        UsageError: if the port is in use or the URI can never work.
        ViewUnavailable: if the server does not start, or ends by itself.
    """
    tell = say or _print
    check_uri(tracking_uri)
    if is_server(tracking_uri):
        tell(f"MLflow's UI: {shown(tracking_uri)}")
        if open_browser:
            webbrowser.open(tracking_uri)
        return
    chosen = _port(host, port)
    address = f"http://{host}:{chosen}/{_START_PAGE}"
    with _until_stopped(), _server(tracking_uri, chosen, host) as (server, log):
        tell(f"Starting MLflow's UI for {shown(tracking_uri)} ...")
        _wait_until_healthy(server, log, f"http://{_reachable(host)}:{chosen}/health")
        tell(f"MLflow's UI: {address}   (Ctrl-C ends it)")
        if open_browser:
            webbrowser.open(address)
        server.wait()
        raise ViewUnavailable(f"MLflow's UI ended by itself: {_last_line(log)}")


def _print(line: str) -> None:
    sys.stdout.write(f"{for_terminal(line)}\n")
    sys.stdout.flush()


def _port(host: str, port: int) -> int:
    """Return the port to use, if it is free."""
    try:
        return _try_port(host, port)
    except OSError as error:
        free = _try_port("127.0.0.1", 0)
        raise UsageError(
            f"cannot listen on port {port} of {host} ({one_line(error.strerror or str(error)).lower()}); "
            f"port {free} is free: --port {free}"
        ) from None


def _try_port(host: str, port: int) -> int:
    """Return the port if it is free; a free port for 0.

    Raises:
        OSError: if it is not free.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        return int(probe.getsockname()[1])


def _reachable(host: str) -> str:
    """Return an address at which a server that listens on ``host`` answers."""
    return "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104  # it is compared, not bound


@contextmanager
def _until_stopped() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the block quietly."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, stop) if main else None
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        if main:
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _server(uri: str, port: int, host: str) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """Run ``mlflow server``, which ends with all of its processes when the block or this process ends."""
    options = ["--host", host, "--port", str(port), "--workers", "1", *_artifacts(uri)]
    command = module_command("mlflow", "server", "--backend-store-uri", absolute(uri), *options)
    environment = import_environment() | _ENVIRONMENT
    # It creates folders in its current folder, and uvicorn imports from there: so that is a temporary one.
    with (
        scratch_folder() as folder,
        (folder / "log").open("wb") as log,
        started(
            command,
            environment=environment,
            log=log,
            folder=folder,
            answers=False,
            patience=_END,
            umask=_umask(uri),
        ) as server,
    ):
        yield server, folder / "log"


def _wait_until_healthy(server: "subprocess.Popen[str]", log: Path, url: str) -> None:
    """Return when the server answers."""
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise ViewUnavailable(f"MLflow's UI does not start: {_last_line(log)}")
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  # always http, on this host
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise ViewUnavailable(f"MLflow's UI does not answer after {_START:.0f} s: {_last_line(log)}")


def _last_line(log: Path) -> str:
    """Return the last line that the server printed."""
    return one_line(last_line(log.read_text(encoding="utf-8", errors="replace"))) or "it said nothing"


def _umask(uri: str) -> int:
    """Return the umask for what people add in the UI: as the folder of the database says."""
    path = sqlite_file(uri)
    return mask_of(path.parent) if path is not None and path.parent.is_dir() else -1


def _artifacts(uri: str) -> list[str]:
    """Return options for the place of artifacts that people add in the UI; refold's own are elsewhere."""
    path = sqlite_file(uri)
    return [] if path is None else ["--artifacts-destination", str(path.parent / "mlartifacts")]

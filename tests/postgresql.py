"""A real PostgreSQL server for tests: in a folder of its own, gone afterwards."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest


def _program(name: str) -> str | None:
    """Return where a program of PostgreSQL is; Debian does not put them on the path."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(versions[-1]) if versions else None)


class PostgreSQL:
    """A running server."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder, port
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def start(self) -> None:
        """Start it, also again after ``kill``."""
        command = [str(_program("postgres")), "-D", str(self._folder / "data"), "-p", str(self._port)]
        command += ["-k", str(self._folder), "-c", "listen_addresses=127.0.0.1"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, **_user()
            )
        for _ in range(300):
            try:
                self._connect("postgres").close()
            except psycopg2.OperationalError:
                assert self._process.poll() is None, (self._folder / "log").read_text()
                time.sleep(0.1)
            else:
                return
        raise AssertionError((self._folder / "log").read_text())

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it, by default as a power cut would."""
        assert self._process is not None
        os.killpg(self._process.pid, number)
        self._process.wait(30)

    def database(self) -> str:
        """Return the URI of an empty database."""
        self._databases += 1
        name = f"test{self._databases}"
        connection = self._connect("postgres")
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {name}")
        connection.close()
        return f"postgresql+psycopg2://refold@127.0.0.1:{self._port}/{name}"

    def _connect(self, database: str) -> Any:
        return psycopg2.connect(host="127.0.0.1", port=self._port, user="refold", dbname=database)


@contextmanager
def postgresql_server() -> Iterator[PostgreSQL]:
    """Start a server and end it; a test that needs it is skipped where PostgreSQL is not installed."""
    initdb = _program("initdb")
    if initdb is None:
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="refold-postgresql-"))  # pytest's folders are closed to other users
    try:
        if _user():
            shutil.chown(folder, _user()["user"])
        command = [initdb, "-D", str(folder / "data"), "-U", "refold", "-A", "trust", "-E", "UTF8"]
        subprocess.run(command, check=True, capture_output=True, **_user())
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        server = PostgreSQL(folder, port)
        server.start()
        try:
            yield server
        finally:
            server.kill(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> dict[str, Any]:
    """Return as whom the server runs: PostgreSQL refuses root."""
    if os.getuid():
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    name = "postgres" if "postgres" in names else "nobody"
    return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}

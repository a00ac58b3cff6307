"""Whatever is killed or cut off, and in whatever order: one digest, and the record is complete."""

import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from sweeps.api import sweep as api
from sweeps.cluster.certificates import make_certificates
from sweeps.execution.loop import run_sweep
from sweeps.execution.progress import Silent
from sweeps.home import Home
from tests.closed_formula import InlineWorkers, starter
from tests.cluster import FORMULA, Cluster, Process, await_true
from tests.command import refold
from tests.compose import network
from tests.mlflow_server import MlflowServer, assert_complete, recorded
from tests.postgresql import PostgreSQL, postgresql_server
from tracking.ledger.ledger import Ledger

pytestmark = [pytest.mark.campaign, pytest.mark.server, pytest.mark.timeout(1800)]

#: Six trials of each of two architectures, three folds each.
SWEEP = """
name = "made-up"
trials = 6
dataset = "two-classes.npz"
[cv]
folds = 3
epochs = 3
[architectures.lenet]
[architectures.baseline]
"""

ROUNDS = 8


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the sweep file and certificates."""
    (tmp_path / "sweep.toml").write_text(SWEEP)
    images = np.arange(60 * 64, dtype=np.uint8).reshape(60, 8, 8)  # the formula knows two classes
    np.savez(tmp_path / "two-classes.npz", images=images, labels=np.arange(60) % 2)
    make_certificates(tmp_path / "certificates")
    return tmp_path


def local_digest(folder: Path) -> str:
    """Return what the sweep comes to on one machine, where fits are the same formula."""
    home = folder / "alone"
    home.mkdir()
    prepared = api.ready(folder / "sweep.toml")
    with Ledger.open(home) as ledger:
        record = run_sweep(
            prepared, home, ledger, start_workers=starter(InlineWorkers(2)), workers=2, progress=Silent()
        )
    return record.digest


@pytest.fixture
def postgresql_of_ones_own() -> Iterator[PostgreSQL]:
    """A server that may be killed."""
    with postgresql_server() as server:
        yield server


def test_kills_of_everything_in_any_order_and_together(
    folder: Path, postgresql_of_ones_own: PostgreSQL
) -> None:
    """A worker, all of them, scheduler, coordinator, PostgreSQL, MLflow: kill -9, then start it again."""
    rng = random.Random(os.environ.get("REFOLD_KILL_SEED", "1"))
    database, home = postgresql_of_ones_own, Home(folder / "refold-runs")
    mlflow = MlflowServer(database.database(), folder)
    cluster = Cluster(folder, folder / "certificates", seconds=0.5)
    command = ["-m", "refold", "run", "sweep.toml", "--tracking-uri", mlflow.uri]
    command += ["--cluster", cluster.address, *cluster.options, "--cluster-wait", "120"]
    coordinator = Process(command, folder / "coordinator.log")
    things: dict[str, Callable[[], Process | PostgreSQL | MlflowServer]] = {
        "worker": lambda: cluster.workers[0],
        "other workers": lambda: cluster.workers[1],
        "scheduler": lambda: cluster.scheduler,
        "coordinator": lambda: coordinator,
        "postgresql": lambda: database,
        "mlflow": lambda: mlflow,
    }
    with mlflow.running(), cluster.running(1, 2):
        coordinator.start()
        done: list[list[str]] = []
        while len(done) < ROUNDS:
            time.sleep(rng.uniform(0.5, 5))
            chosen = rng.sample(sorted(things), k=rng.choice([1, 1, 2, 3, 6]))
            for name in chosen:
                _kill(things[name]())
                time.sleep(rng.choice([0, 0, 1]))
            rng.shuffle(chosen)
            chosen.sort(key=lambda name: name == "mlflow")  # it does not start without its database
            for name in chosen:
                _start(things[name]())
            done.append(chosen)
            if not coordinator.running:  # it ended before it was killed: the record has to be whole already
                break
        if not coordinator.running:
            coordinator.start()
        assert coordinator.process is not None
        assert coordinator.process.wait(600) == 0, coordinator.said
        mlflow.wait()
        synced = refold("sync", "made-up", "--tracking-uri", mlflow.uri, cwd=folder)
        assert synced.returncode == 0, synced.stderr
        assert recorded(home).digest == local_digest(folder)
        assert_complete(mlflow.place("made-up"), home)


def _kill(thing: "Process | PostgreSQL | MlflowServer") -> None:
    if isinstance(thing, Process):
        thing.end()
    else:
        thing.kill()


def _start(thing: "Process | PostgreSQL | MlflowServer") -> None:
    if isinstance(thing, MlflowServer):
        thing.start(wait=False)
    else:
        thing.start()


@contextmanager
def hosts(count: int) -> Iterator[tuple[str, Sequence[str]]]:
    """Make a network of a hub, at 10.77.0.1, and of so many hosts behind a cable each."""
    with network([]) as hub:
        _ip(hub, "addr", "add", "10.77.0.1/32", "dev", "lo")
        _ip(hub, "link", "set", "lo", "up")
        with _spokes(hub, count) as names:
            yield hub, names


@contextmanager
def _spokes(hub: str, count: int) -> Iterator[list[str]]:
    if not count:
        yield []
        return
    with network([]) as host, _spokes(hub, count - 1) as others:
        number, cable = count, f"refold{count}"
        subprocess.run(
            ["ip", "link", "add", cable, "netns", hub, "type", "veth", "peer", "eth0", "netns", host],
            check=True,
        )
        for namespace, device, end in ((hub, cable, 1), (host, "eth0", 2)):
            _ip(namespace, "addr", "add", f"10.77.{number}.{end}/24", "dev", device)
            _ip(namespace, "link", "set", device, "up")
        _ip(host, "route", "add", "10.77.0.0/16", "via", f"10.77.{number}.1")
        yield [*others, host]


def _ip(namespace: str, *words: str) -> None:
    subprocess.run(["ip", "-n", namespace, *words], check=True)


def inside(namespace: str, *command: str, log: Path, **environment: str) -> Process:
    """Return a command of this Python in a network namespace, where lost peers are noticed within seconds."""
    impatient: Mapping[str, str] = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s", **environment}
    return Process(command, log, within=["ip", "netns", "exec", namespace], environment=impatient)


def test_a_host_that_is_cut_off_and_healed(folder: Path) -> None:
    """Three hosts: its fit begins again on another one, and it joins again by itself."""
    url, tls = "tls://10.77.0.1:8786", ["--certificates", str(folder / "certificates")]
    with hosts(2) as (hub, (near, far)):
        scheduler = inside(
            hub,
            "-m",
            "refold",
            "scheduler",
            "--host",
            "10.77.0.1",
            *tls,
            log=folder / "scheduler.log",
        )
        workers = [
            inside(
                host, "-m", FORMULA, "worker", url, "--nworkers", "1", "--folder", str(folder / host), *tls,
                log=folder / f"{host}.log", SECONDS="0.7",
            )
            for host in (near, far)
        ]  # fmt: skip
        coordinator = inside(
            hub, "-m", "refold", "run", "sweep.toml", "--cluster", url, *tls, "--workers", "2",
            log=folder / "coordinator.log",
        )  # fmt: skip
        processes = [scheduler, *workers, coordinator]
        try:
            scheduler.start().await_word("scheduler at tls://10.77.0.1")
            for process in (*workers, coordinator):
                process.start()
            coordinator.await_word(" 1/36")
            _ip(hub, "link", "set", "refold2", "down")
            coordinator.await_word("1 worker gone (tls://10.77.2.2")
            assert "1 left; 1 of the fits under way begin again elsewhere" in coordinator.said
            _ip(hub, "link", "set", "refold2", "up")
            # A route through a cable goes with it.
            await_true(lambda: workers[1].said.count("1 worker at") == 2, 120, workers[1].said)
            assert coordinator.process is not None
            assert coordinator.process.wait(300) == 0, coordinator.said
        finally:
            for process in processes:
                if process.process is not None:
                    process.end()
    assert "warning" not in coordinator.said
    assert recorded(Home(folder / "refold-runs")).digest == local_digest(folder)

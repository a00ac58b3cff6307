"""A cluster from the command line: what a user types, and what wrong input gets."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from sweeps.cluster import certificates as made
from sweeps.cluster.address import await_scheduler, is_loopback, read_address
from sweeps.cluster.certificates import Certificates, make_certificates
from sweeps.cluster.worker_setup import WorkerOptions, equip
from sweeps.diagnostics.machine import visible_gpus
from tests.cluster import Cluster, await_true, free_port
from tests.command import SWEEP, here, one_line, refold
from trainer.errors import UsageError
from trainer.runtime.determinism import training_environment


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of certificates."""
    return make_certificates(tmp_path_factory.mktemp("certificates")).folder


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[Cluster]:
    """A scheduler with TLS and no workers."""
    with Cluster(tmp_path_factory.mktemp("encrypted"), certificates).running() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler without TLS and without workers."""
    with Cluster(tmp_path_factory.mktemp("plain")).running() as cluster:
        yield cluster


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a sweep file."""
    (tmp_path / "sweep.toml").write_text(SWEEP)
    return tmp_path


@pytest.mark.slow
def test_nothing_is_at_the_address(folder: Path) -> None:
    """The line says how long it waited and what to start; nothing has changed."""
    address = f"tcp://127.0.0.1:{free_port()}"
    line = one_line(refold("run", "sweep.toml", "--cluster", address, "--cluster-wait", "1", cwd=folder))
    assert f"no scheduler answers at {address} (waited 1 s" in line
    assert "refold scheduler --host 127.0.0.1 --port" in line
    line = one_line(refold("worker", address, "--cluster-wait", "1", cwd=folder))
    assert "no scheduler answers" in line
    assert not (folder / "refold-runs").exists()


@pytest.mark.slow
def test_no_worker_comes(folder: Path, plain: Cluster) -> None:
    """The line says how many were expected and how they are started."""
    arguments = ("run", "sweep.toml", "--cluster", plain.address, "--cluster-wait", "1", "--workers", "3")
    line = one_line(refold(*arguments, cwd=folder))
    assert f"no workers of 3 expected at {plain.address} after 1 s" in line
    assert f"refold worker {plain.address}" in line
    assert not (folder / "refold-runs").exists()


def test_certificates_that_do_not_match(folder: Path, encrypted: Cluster) -> None:
    """Another authority's, for a coordinator and for a worker."""
    make_certificates(folder / "other")
    for arguments in (["run", "sweep.toml", "--cluster", encrypted.address], ["worker", encrypted.address]):
        line = one_line(refold(*arguments, "--certificates", "other", "--cluster-wait", "5", cwd=folder))
        assert f"do not match those of the scheduler at {encrypted.address}" in line
        assert "both need a copy of the same folder" in line


@pytest.mark.slow
def test_tls_on_one_side_only(folder: Path, encrypted: Cluster, plain: Cluster, certificates: Path) -> None:
    """Either way round it is said which to try."""
    there = encrypted.address.replace("tls", "tcp")
    line = one_line(refold("run", "sweep.toml", "--cluster", there, "--cluster-wait", "1", cwd=folder))
    assert "is no scheduler that speaks tcp: try tls://" in line
    there = plain.address.replace("tcp", "tls")
    line = one_line(
        refold("run", "sweep.toml", "--cluster", there, "--certificates", str(certificates), cwd=folder)
    )
    assert "does not speak TLS: try tcp://" in line


@pytest.mark.parametrize(
    ("address", "certificates", "words"),
    [
        ("http://x:1", None, "'http://x:1' is no scheduler's address: it looks like tcp://"),
        ("tcp://x:99999", None, "is no scheduler's address"),
        ("none.json", None, "there is no scheduler file none.json"),
        ("tls://x:1", None, "needs certificates: give their folder with --certificates DIR"),
        ("tls://x:1", "none", "no certificates in .*none: ca.pem is missing"),
        ("tcp://x:1", "none", "--certificates is for TLS"),
    ],
)
def test_wrong_addresses_get_a_line(address: str, certificates: str | None, words: str) -> None:
    """What is wrong and what to write instead."""
    with pytest.raises(UsageError, match=words):
        read_address(address, certificates)


@pytest.mark.parametrize("verb", ["scheduler", "ui"])
@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_a_port_that_is_none_gets_a_line(verb: str, port: str, folder: Path) -> None:
    """The system would take 99999 modulo 65536."""
    line = one_line(here(verb, f"--port={port}", cwd=folder))
    assert f"{port!r} is not a port: a whole number from 0 to 65535" in line


def test_wrong_options_get_a_line(folder: Path) -> None:
    """As do a sweep file in the place of a scheduler file, and GPUs where nobody has any."""
    assert "sweep.toml is no scheduler file" in one_line(
        here("run", "sweep.toml", "--cluster", "sweep.toml", cwd=folder)
    )
    assert "--mixed is for a cluster" in one_line(here("run", "sweep.toml", "--mixed", cwd=folder))
    (folder / "gpu.toml").write_text('device = "gpu"\n' + SWEEP)
    assert "give --cluster ADDRESS" in one_line(here("run", "gpu.toml", cwd=folder))


@pytest.mark.slow
def test_a_home_on_two_coordinators(folder: Path) -> None:
    """The second one is told who is at it."""
    with Cluster(folder, seconds=600).running(1) as cluster:
        command = [sys.executable, "-m", "refold", "run", "sweep.toml", "--cluster", cluster.address]
        with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL) as first:
            await_true((folder / "refold-runs" / "ledger.sqlite").exists, 60, "the ledger")
            line = one_line(refold("run", "sweep.toml", "--cluster", cluster.address, cwd=folder))
            assert f"held by process {first.pid} on {socket.gethostname()}" in line
            first.send_signal(signal.SIGINT)
            assert first.wait(60) == 130


class TestCertificates:
    """What ``refold certificates`` makes."""

    def test_they_are_made_once(self, tmp_path: Path) -> None:
        """Others would be locked out; --if-missing keeps them. Nobody else may read the key."""
        done = refold("certificates", "c", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "refold worker tls://HOST:8786 --certificates c" in done.stdout
        assert sorted(file.name for file in (tmp_path / "c").iterdir()) == ["ca.pem", "cert.pem", "key.pem"]
        assert (tmp_path / "c" / "key.pem").stat().st_mode & 0o077 == 0
        before = (tmp_path / "c" / "key.pem").read_bytes()
        assert "is there already" in one_line(refold("certificates", "c", cwd=tmp_path))
        assert refold("certificates", "c", "--if-missing", cwd=tmp_path).returncode == 0
        assert (tmp_path / "c" / "key.pem").read_bytes() == before
        (tmp_path / "file").write_text("")
        assert "cannot be written" in one_line(refold("certificates", "file/c", cwd=tmp_path))

    def test_damaged_and_outdated_ones_are_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With what to do."""
        make_certificates(tmp_path / "damaged").authority.write_text("nothing")
        with pytest.raises(UsageError, match=r"damaged cannot be used"):
            Certificates(tmp_path / "damaged").checked()

        class Past(datetime):
            @classmethod
            def now(cls, tz: object = None) -> "datetime":  # type: ignore[override]  # noqa: ARG003
                return datetime(2020, 1, 1, tzinfo=UTC)

        monkeypatch.setattr(made, "datetime", Past)
        make_certificates(tmp_path / "old", days=3)
        monkeypatch.undo()
        with pytest.raises(UsageError, match=r"expired on 2020-01-03"):
            Certificates(tmp_path / "old").checked()

    def test_both_sides_are_checked(self, tmp_path: Path) -> None:
        """A client without a certificate gets nothing from a server that has one, and the reverse."""
        there = make_certificates(tmp_path / "c")
        with socket.create_server(("127.0.0.1", 0)) as server:

            def serve() -> None:
                connection, _ = server.accept()
                with connection:
                    try:
                        there.context(server=True).wrap_socket(connection, server_side=True).send(b"!")
                    except ssl.SSLError:
                        return

            threading.Thread(target=serve, daemon=True).start()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.load_verify_locations(there.authority)
            with (
                socket.create_connection(server.getsockname()) as connection,
                pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"),
                context.wrap_socket(connection) as encrypted,
            ):
                encrypted.recv(1)


class TestAddresses:
    """How a scheduler's address may be written."""

    def test_a_scheduler_file_is_followed(self, tmp_path: Path) -> None:
        """As is a bare host, which is TLS where there are certificates."""
        file = tmp_path / "scheduler.json"
        file.write_text(json.dumps({"address": "tcp://10.0.0.5:1234"}))
        assert read_address(str(file), None).url == "tcp://10.0.0.5:1234"
        assert read_address("host", None).url == "tcp://host:8786"
        make_certificates(tmp_path / "c")
        assert read_address("host:1", str(tmp_path / "c")).url == "tls://host:1"
        assert read_address("tcp://[::1]:1", None).url == "tcp://[::1]:1"

    def test_an_address_that_others_reach_and_nobody_guards_is_warned_of(self, tmp_path: Path) -> None:
        """Loopback and TLS are not."""
        assert "neither loopback nor TLS" in str(read_address("tcp://10.0.0.5:1", None).warning)
        assert read_address("tcp://127.0.0.1:1", None).warning is None
        assert read_address("tcp://localhost:1", None).warning is None
        make_certificates(tmp_path / "c")
        assert read_address("tls://10.0.0.5:1", str(tmp_path / "c")).warning is None
        assert is_loopback("127.3.4.5")
        assert not is_loopback("0.0.0.0")  # noqa: S104 - what must not pass for loopback

    def test_a_host_that_is_no_scheduler_is_not_waited_for(self) -> None:
        """Something that hangs up at once, like a web server on the port."""
        with socket.create_server(("127.0.0.1", 0)) as server:

            def hang_up() -> None:
                server.accept()[0].close()

            threading.Thread(target=hang_up, daemon=True).start()
            url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
            with pytest.raises(UsageError, match="is no scheduler that speaks tcp"):
                await_scheduler(read_address(url, None), 60)


class TestListening:
    """What can be reached from elsewhere."""

    def test_scheduler_and_workers_listen_on_one_address(self, tmp_path: Path, certificates: Path) -> None:
        """Loopback here; their web servers always."""
        with Cluster(tmp_path, certificates).running(2) as cluster:
            processes = [cluster.scheduler, *cluster.workers]
            for process in processes:
                assert process.process is not None
                listening = [
                    connection.laddr.ip
                    for each in [psutil.Process(process.process.pid)]
                    for connection in each.net_connections("inet")
                    if connection.status == psutil.CONN_LISTEN
                ]
                assert set(listening) == {"127.0.0.1"}

    def test_a_scheduler_on_all_interfaces_without_tls_warns(self, tmp_path: Path) -> None:
        """When it is asked to be; and says so where its port is taken."""
        with Cluster(tmp_path).running() as cluster:
            port = cluster.address.rpartition(":")[2]
            line = one_line(refold("scheduler", "--port", port, cwd=tmp_path))
            assert f"no scheduler can listen at tcp://127.0.0.1:{port}" in line
        open_to_all = Cluster(tmp_path / "open")
        (tmp_path / "open").mkdir()
        open_to_all.scheduler.command += ["--host", "0.0.0.0"]  # noqa: S104 - it is the point
        with open_to_all.running():
            assert "neither loopback nor TLS" in open_to_all.scheduler.said
            assert open_to_all.scheduler.end(signal.SIGTERM) == 0

    def test_a_signal_ends_workers_and_scheduler(self, tmp_path: Path) -> None:
        """Orderly, with exit code 0, whatever they are at."""
        with Cluster(tmp_path, seconds=600).running(2) as cluster:
            assert cluster.workers[0].end(signal.SIGTERM) == 0
            assert cluster.scheduler.end(signal.SIGINT) == 0


class TestEquipment:
    """What workers are given."""

    def test_one_a_core_or_one_a_gpu(self, tmp_path: Path) -> None:
        """A worker sees its own GPU and no other."""
        assert len(equip(WorkerOptions(folder=tmp_path), [])) == len(os.sched_getaffinity(0))
        assert len(equip(WorkerOptions(folder=tmp_path, count=7), [])) == 7
        two = [("0", "H100"), ("1", "A100")]
        given = equip(WorkerOptions(folder=tmp_path, per_gpu=2), two)
        devices = [each.process.keywords["device"] for each in given]  # type: ignore[attr-defined]
        assert [device.visible for device in devices] == ["0", "1", "0", "1"]
        assert [each.description["gpu"] for each in given] == ["H100", "A100", "H100", "A100"]
        assert all(each.description["device"] == "gpu" for each in given)
        environment = training_environment(devices[1])
        assert environment["CUDA_VISIBLE_DEVICES"] == "1"
        assert environment["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
        assert environment["REFOLD_DEVICE"] == "gpu"
        assert len(equip(WorkerOptions(folder=tmp_path, cpu=True, count=3), two)) == 3
        assert training_environment()["CUDA_VISIBLE_DEVICES"] == "-1"

    def test_a_batch_system_may_have_chosen_gpus(self) -> None:
        """By what it has set."""
        names = ["H100", "H100", "A100"]
        assert visible_gpus({}, names) == [("0", "H100"), ("1", "H100"), ("2", "A100")]
        assert visible_gpus({"CUDA_VISIBLE_DEVICES": "2,0"}, names) == [("2", "A100"), ("0", "H100")]
        assert visible_gpus({"CUDA_VISIBLE_DEVICES": ""}, names) == []
        assert visible_gpus({"CUDA_VISIBLE_DEVICES": "GPU-1f"}, names) == [("GPU-1f", "H100")]
        assert visible_gpus({"CUDA_VISIBLE_DEVICES": "0"}, ["an AMD GPU"]) == []

    def test_what_the_machine_does_not_have_is_refused(self, tmp_path: Path) -> None:
        """With the option that asks for it."""
        for wish, words in (
            (WorkerOptions(folder=tmp_path, per_gpu=2), "--per-gpu: no GPU is found here"),
            (WorkerOptions(folder=tmp_path, data=tmp_path / "none"), "--data: there is no folder"),
            (WorkerOptions(folder=Path("/proc/none")), "cannot be written"),
        ):
            with pytest.raises(UsageError, match=words):
                equip(wish, [])
        with pytest.raises(UsageError, match="there are 1 GPUs here for 2 workers each"):
            equip(WorkerOptions(folder=tmp_path, per_gpu=2, count=3), [("0", "H100")])

"""Sweeps on a cluster of real processes: who may join, what data reaches them, what a loss costs."""

import re
import shutil
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from sweeps.cluster import compatibility
from sweeps.cluster.address import read_address
from sweeps.cluster.certificates import make_certificates
from sweeps.cluster.coordinator import DaskWorkers, cluster_workers
from sweeps.definition.prepare import Prepared, on_other_machines
from sweeps.definition.spec import Limits, Prune
from sweeps.execution import stragglers
from sweeps.execution.events import EpochEnded
from sweeps.execution.loop import run_sweep
from sweeps.execution.progress import Silent
from tests.closed_formula import InlineWorkers, Saying, plan, prepared, run_of, starter
from tests.cluster import Cluster, await_true, collect
from tests.processor import python_path
from tests.small_fits import job
from tracking.ledger.ledger import Ledger
from tracking.records import SweepRecord
from trainer.datasets import DatasetSource, load, store
from trainer.errors import UsageError
from trainer.fits.results import StopCause


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of certificates."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small stored dataset."""
    return store(load(DatasetSource(source="digits", samples=200)).search, tmp_path_factory.mktemp("home"))


@pytest.fixture
def sweep() -> Prepared:
    """A sweep of 2 architectures x 6 trials x 3 folds on made-up data."""
    made = prepared(plan(trials=6))
    return replace(made, plan=replace(made.plan, dataset=made.dataset.fingerprint))


def run(sweep: Prepared, home: Path, workers: Any, progress: Any = None) -> SweepRecord:
    """Run a sweep with workers that are there."""
    home.mkdir(exist_ok=True)
    with Ledger.open(home) as ledger:
        return run_sweep(
            sweep, home, ledger, start_workers=starter(workers), workers=3, progress=progress or Silent()
        )


@pytest.fixture
def digest(sweep: Prepared, tmp_path: Path) -> str:
    """What the sweep comes to on one machine."""
    return run(sweep, tmp_path / "alone", InlineWorkers(2)).digest


def join(cluster: Cluster, certificates: Path | None = None, **more: Any) -> Any:
    """Join a cluster as its coordinator."""
    address = read_address(cluster.address, None if certificates is None else str(certificates))
    return cluster_workers(address, **more)


def test_a_sweep_on_three_workers_one_late_one_killed_has_the_same_digest(
    sweep: Prepared, digest: str, certificates: Path, tmp_path: Path
) -> None:
    """With TLS; the data is sent to each folder once."""
    told = Saying()
    with (
        Cluster(tmp_path, certificates, seconds=0.1).running(1, 1) as cluster,
        join(cluster, certificates, expected=2, say=told.say) as workers,
    ):

        def join_late() -> None:
            cluster.start_worker()
            workers.await_members(3, 60)

        disturb = Disturbed(workers, {5: join_late, 12: cluster.workers[0].end})
        record = run(sweep, tmp_path / "home", disturb, told)
    assert record.finished
    assert record.digest == digest
    assert any("1 worker gone" in line and "begin again elsewhere" in line for line in told.said)
    assert not any("warning" in line for line in told.said)
    for number in range(3):
        (own,) = (tmp_path / f"worker-{number}" / "datasets").iterdir()
        assert own.name == sweep.dataset.fingerprint


class Disturbed:
    """Workers to whom something happens when so many fits have ended.

    Args:
        workers: the real ones.
        events: what happens, by number of fits.
    """

    def __init__(self, workers: DaskWorkers, events: dict[int, Any]) -> None:
        self._workers, self._events, self._ended = workers, dict(events), 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._workers, name)

    def finished(self, timeout: float) -> Any:
        """See ``Workers``."""
        ended = self._workers.finished(timeout)
        self._ended += len(ended)
        for number in [number for number in self._events if number <= self._ended]:
            self._events.pop(number)()
        return ended


@pytest.mark.slow
def test_a_killed_scheduler_is_waited_for_and_costs_the_fits_under_way(
    sweep: Prepared, digest: str, tmp_path: Path
) -> None:
    """Workers come back by themselves; the digest is the same."""
    told = Saying()
    with (
        Cluster(tmp_path, seconds=0.1).running(2) as cluster,
        join(cluster, expected=2, say=told.say) as workers,
    ):

        def restart() -> None:
            cluster.scheduler.end()
            cluster.scheduler.start()

        record = run(sweep, tmp_path / "home", Disturbed(workers, {4: restart, 15: restart}))
    assert record.digest == digest
    assert sum("the scheduler is back" in line for line in told.said) == 2


@pytest.mark.slow
def test_all_workers_killed_are_waited_for(sweep: Prepared, digest: str, tmp_path: Path) -> None:
    """New ones take over; the user is told that nobody is there, and how to start some."""
    cluster, told = Cluster(tmp_path, seconds=0.1), Saying()

    def say(line: str) -> None:
        told.say(line)
        if line.startswith(f"no worker is left at {cluster.address}, waiting for one"):
            cluster.start_worker(2, wait=False)

    with cluster.running(1, 1), join(cluster, expected=2, say=say) as workers:

        def kill_all() -> None:
            for worker in cluster.workers:
                worker.end()

        record = run(sweep, tmp_path / "home", Disturbed(workers, {7: kill_all}))
    assert record.digest == digest
    assert len(cluster.workers) == 3


@pytest.mark.slow
def test_a_worker_that_dies_with_its_result_costs_its_fit(stored: Path, tmp_path: Path) -> None:
    """Killed as it announces its last epoch: the result may be there already, and gone with it."""
    cluster = Cluster(tmp_path, seconds=0.3)
    jobs = [job(stored, fold) for fold in range(3)]
    last = {each.spec.key: len(run_of(each.spec).result.epochs) for each in jobs}
    killed: list[int] = []

    def kill(event: EpochEnded) -> None:
        if event.epoch == last[event.key] and len(killed) < 2:
            killed.append(event.epoch)
            address, pids = event.worker, {}
            for process in cluster.workers:
                if process.running and process.process is not None:
                    for connection in psutil.Process(process.process.pid).net_connections("inet"):
                        pids[connection.laddr.port] = process
            pids[int(address.rpartition(":")[2])].end()

    with cluster.running(1, 1, 1), join(cluster, expected=3, on_epoch=kill) as workers:
        for each in jobs:
            workers.submit(each, workers.idle()[0])
        ended = collect(workers, 3)
    assert len(killed) == 2
    assert {done.spec.key: done_run.result for done, done_run in ended} == {
        each.spec.key: run_of(each.spec).result for each in jobs
    }


def test_two_coordinators_share_a_cluster(sweep: Prepared, digest: str, tmp_path: Path) -> None:
    """Each gets its own results, also for fits that both ask for."""
    with (
        Cluster(tmp_path, seconds=0.02).running(2) as cluster,
        join(cluster, expected=2) as first,
        join(cluster, expected=2) as second,
    ):
        stored = store(sweep.dataset, tmp_path / "home")
        jobs = [replace(job(stored, fold), seconds=60) for fold in range(4)]
        for workers in (first, second):
            for each in jobs[:2]:
                workers.submit(each, workers.idle()[0])
        for workers in (first, second):
            ended = collect(workers, 2)
            assert {done.spec.key for done, _ in ended} == {each.spec.key for each in jobs[:2]}
            assert all(done.result == run_of(asked.spec).result for asked, done in ended)


@pytest.mark.slow
def test_a_fit_that_takes_too_long_is_stopped_and_recorded(sweep: Prepared, tmp_path: Path) -> None:
    """As failed, with the limit and what to do; its worker goes on with the next."""
    limited = replace(sweep, spec=replace(sweep.spec, limits=Limits(fit_minutes=0.5 / 60)))
    with Cluster(tmp_path, seconds=60).running(1) as cluster:
        cluster.start_worker(1, environment={"SECONDS": "0"})
        with join(cluster, expected=2) as workers:
            record = run(limited, tmp_path / "home", workers)
    reasons = {trial.reason for trial in record.trials if trial.state == "failed"}
    assert any(
        (reason or "").startswith("was stopped after 0.00833333 min (limits.fit") for reason in reasons
    )
    stopped = [f.run.stopped_for for trial in record.trials for f in trial.folds if f.run.stopped_for]
    assert set(stopped) == {StopCause.TIME}
    assert record.finished


@pytest.mark.slow
def test_a_straggler_is_visible(sweep: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it runs: with its worker, and what its like took."""
    monkeypatch.setattr(stragglers, "SECONDS", 1.0)
    told = Saying()
    unpruned = plan(trials=1, folds=5, prune=Prune(enabled=False))
    # Without dropout no fit of the formula fails, so all of them run whoever gets which.
    lasting = tuple(
        replace(each, space={name: range_ for name, range_ in each.space.items() if name != "dropout"})
        for each in unpruned.architectures
    )
    short = replace(sweep, plan=replace(unpruned, dataset=sweep.plan.dataset, architectures=lasting))
    with Cluster(tmp_path, seconds=6).running(1) as cluster:
        cluster.start_worker(1, environment={"SECONDS": "0"})
        with join(cluster, expected=2) as workers:
            run(short, tmp_path / "home", workers, told)
    lines = [line for line in told.said if "is a straggler" in line]
    assert lines
    assert re.search(rf"on worker \d on {socket.gethostname()} so far", lines[0])


@pytest.mark.slow
def test_a_fit_that_nobody_waits_for_ends_with_its_next_epoch(stored: Path, tmp_path: Path) -> None:
    """Its coordinator is gone: the worker is free for others long before the fit would have ended."""
    longest = max((job(stored, fold) for fold in range(4)), key=lambda j: len(run_of(j.spec).result.epochs))
    assert len(run_of(longest.spec).result.epochs) >= 3
    with Cluster(tmp_path, seconds=20).running(1) as cluster:
        with join(cluster) as first:
            first.submit(longest, first.idle()[0])
            await_true(lambda: first.finished(0.1) == [] and first.begun == 1, 30, "the fit to begin")
            begin = time.monotonic()
        with join(cluster) as second:
            limited = replace(job(stored, 1), seconds=0.1)
            second.submit(limited, second.idle()[0])
            ((_, stopped),) = collect(second, 1, seconds=60)
    assert stopped.result.state == "failed"
    assert time.monotonic() - begin < 20


class TestJoining:
    """Who may join."""

    def test_the_same_software_on_the_same_kind_may(self) -> None:
        """Hosts differ, of course."""
        here = compatibility.describe()
        assert compatibility.verdict(here, {**here, "host": "elsewhere"}, mixed=False) == (None, None)

    @pytest.mark.parametrize(
        "name", ["code", "tensorflow", "keras", "numpy", "python", "distributed", "refold"]
    )
    def test_other_software_is_refused_by_name(self, name: str) -> None:
        """Whether kinds may be mixed or not."""
        here = compatibility.describe()
        for mixed in (False, True):
            reason, _ = compatibility.verdict(here, {**here, name: "0.0"}, mixed=mixed)
            assert reason is not None
            assert "0.0 there" in reason
            assert "install the same release" in reason
            assert (name if name != "code" else "refold's code") in reason

    @pytest.mark.parametrize("name", ["processor", "gpu"])
    def test_another_kind_is_refused_unless_mixed(self, name: str) -> None:
        """With --mixed it is let in and said."""
        here = compatibility.describe()
        there = {**here, name: "another"}
        reason, _ = compatibility.verdict(here, there, mixed=False)
        assert reason is not None
        assert "--mixed admits it" in reason
        reason, remark = compatibility.verdict(here, there, mixed=True)
        assert reason is None
        assert remark is not None
        assert "another there" in remark

    def test_a_worker_on_another_device_is_refused(self) -> None:
        """A GPU's bits are not a processor's, mixed or not."""
        here = compatibility.describe()
        reason, _ = compatibility.verdict(here, {**here, "device": "gpu", "gpu": "H100"}, mixed=True)
        assert reason == "device gpu there, cpu here (the sweep file's 'device')"

    def test_the_digest_is_over_all_of_the_code(self, tmp_path: Path, monkeypatch: Any) -> None:
        """One changed character changes it."""
        before = compatibility.code_digest.__wrapped__()
        import tracking

        copy = tmp_path / "tracking"
        shutil.copytree(Path(str(tracking.__file__)).parent, copy)
        monkeypatch.setattr(tracking, "__file__", str(copy / "__init__.py"))
        assert compatibility.code_digest.__wrapped__() == before
        (copy / "records.py").write_text((copy / "records.py").read_text() + "#")
        assert compatibility.code_digest.__wrapped__() != before

    def test_mixed_kinds_make_other_fits(self, sweep: Prepared) -> None:
        """So that none of them ever passes for one of this machine's."""
        mixed = on_other_machines(sweep, mixed=True, gpu="")
        assert dict(mixed.plan.platform)["processor"] == "mixed"
        gpu = on_other_machines(sweep, mixed=False, gpu="H100")
        assert dict(gpu.plan.platform)["gpu"] == "H100"

    @pytest.mark.slow
    def test_a_worker_of_another_release_is_refused_when_it_joins(
        self, certificates: Path, tmp_path: Path
    ) -> None:
        """Its code is asked for: here a worker whose copy of refold differs in a comment."""
        root = Path(compatibility.__file__).parents[2]
        other = tmp_path / "other"
        for package in ("sweeps", "tracking", "trainer", "tests"):
            shutil.copytree(root / package, other / package, ignore=shutil.ignore_patterns("__pycache__"))
        with (other / "trainer" / "fits" / "seeds.py").open("a") as file:
            file.write("# changed\n")
        with Cluster(tmp_path, certificates).running(1) as cluster:
            stranger = cluster.start_worker(wait=False, environment={"PYTHONPATH": python_path(other)})
            stranger.await_word("worker")
            told: list[str] = []
            expecting_two = join(cluster, certificates, expected=2, patience=5, say=told.append)
            with (
                pytest.raises(UsageError, match=r"1 worker of 2 expected .*refold's code has the digest"),
                expecting_two,
            ):
                pass
        assert sum("is not used: refold's code has the digest" in line for line in told) == 1


class TestData:
    """How data reaches workers."""

    def test_a_shared_folder_is_used(self, stored: Path, tmp_path: Path) -> None:
        """Nothing is sent: the worker's own folder stays empty."""
        with Cluster(tmp_path).running() as cluster:
            cluster.start_worker(1, "--data", str(stored.parent))
            with join(cluster) as workers:
                workers.submit(job(stored), workers.idle()[0])
                assert len(collect(workers, 1)) == 1
        assert list((tmp_path / "worker-0" / "datasets").iterdir()) == []

    def test_a_damaged_copy_is_not_used(self, stored: Path, tmp_path: Path) -> None:
        """Its fingerprint is worked out; the right data is sent in its place."""
        own = tmp_path / "worker-0" / "datasets" / stored.name
        shutil.copytree(stored, own)
        images = np.load(own / "images.npy")
        images[3, 3, 3, 0] += 1
        np.save(own / "images.npy", images)
        with Cluster(tmp_path).running(1) as cluster, join(cluster) as workers:
            workers.submit(job(stored), workers.idle()[0])
            assert len(collect(workers, 1)) == 1
        assert (np.load(own / "images.npy") == np.load(stored / "images.npy")).all()

    def test_a_worker_that_cannot_take_the_data_is_refused(self, stored: Path, tmp_path: Path) -> None:
        """Where nobody else is there the sweep ends with a line that says so."""
        with Cluster(tmp_path).running(1) as cluster, join(cluster) as workers:
            shutil.rmtree(tmp_path / "worker-0" / "datasets")
            (tmp_path / "worker-0" / "datasets").write_text("no folder")
            workers.submit(job(stored), workers.idle()[0])
            with pytest.raises(UsageError, match=r"it has no dataset .* make room there, or start it with"):
                collect(workers, 1, seconds=30)

"""Workers: one contract, kept by Dask with real training, by a cluster, and by the stand-in of tests."""

import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from distributed import Future

from sweeps.cluster.address import read_address
from sweeps.cluster.coordinator import cluster_workers, local_workers
from sweeps.execution.workers import Workers, WorkersFailed
from tests.closed_formula import InlineWorkers
from tests.cluster import Cluster, await_true, collect
from tests.processes import training_processes
from tests.processor import python_path
from tests.small_fits import job
from trainer.datasets import DatasetSource, load, store
from trainer.fits.results import FitRun, StopCause
from trainer.fits.specs import Stopping
from trainer.process.jobs import Job
from trainer.user_code import UserSource

Start = Callable[[int], AbstractContextManager[Workers]]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small stored dataset."""
    return store(
        load(DatasetSource(source="digits", samples=200)).search, tmp_path_factory.mktemp("datasets")
    )


@pytest.fixture
def mine() -> Callable[[], set[int]]:
    """The training processes that the test has started; other files' fixtures keep one of theirs."""
    before = training_processes(os.getpid())
    return lambda: training_processes(os.getpid()) - before


@pytest.fixture(params=["inline", pytest.param("dask", marks=pytest.mark.training), "cluster"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Each implementation in turn."""

    @contextmanager
    def inline(count: int) -> Iterator[Workers]:
        yield InlineWorkers(count)

    @contextmanager
    def cluster(count: int) -> Iterator[Workers]:
        with (
            Cluster(tmp_path).running(*[1] * count) as there,
            cluster_workers(read_address(there.address, None), expected=count) as workers,
        ):
            yield workers

    def local(count: int) -> AbstractContextManager[Workers]:
        return local_workers(count, tmp_path / "log")

    return {"inline": inline, "dask": local, "cluster": cluster}[request.param]


def test_every_job_ends_once_with_its_own_result(start: Start, stored: Path) -> None:
    """More jobs than workers, given out as workers become idle."""
    jobs = [job(stored, fold) for fold in range(4)]
    with start(2) as workers:
        assert len(workers.idle()) == 2
        ended: list[tuple[Job, FitRun]] = []
        waiting = list(jobs)
        while len(ended) < len(jobs):
            for name in workers.idle():
                if waiting:
                    workers.submit(waiting.pop(0), name)
            ended += workers.finished(0.5)
        assert workers.finished(0.01) == []
    assert sorted(done.spec.fold for done, _ in ended if done.spec.fold is not None) == [0, 1, 2, 3]
    assert all(done.spec.key == run.result.key for done, run in ended)


def test_a_busy_worker_is_not_idle(start: Start, stored: Path) -> None:
    """It is again once its job was collected."""
    with start(1) as workers:
        (name,) = workers.idle()
        workers.submit(job(stored), name)
        assert workers.idle() == []
        assert len(collect(workers, 1)) == 1
        assert list(workers.idle()) == [name]


def test_a_result_that_gets_lost_on_its_way_is_fetched_again(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a very busy machine Dask's waiting was cancelled, and all that it said of it was this error."""
    fetch, lost = Future.result, iter([True])

    def result(self: Future[FitRun], timeout: float | None = None) -> FitRun:
        if next(lost, False):
            raise UnboundLocalError("cannot access local variable 'result'")
        run: FitRun = fetch(self, timeout)
        return run

    monkeypatch.setattr(Future, "result", result)
    with (
        Cluster(tmp_path).running(1) as there,
        cluster_workers(read_address(there.address, None)) as workers,
    ):
        workers.submit(job(stored), workers.idle()[0])
        ((_, run),) = collect(workers, 1)
    assert run.result.key == job(stored).spec.key
    assert next(lost, None) is None


@pytest.mark.slow
@pytest.mark.training
def test_a_fit_whose_process_is_killed_runs_again(
    stored: Path, tmp_path: Path, mine: Callable[[], set[int]]
) -> None:
    """With the result it would have had anyway."""
    pids: set[int] = set()

    def kill_first(_event: object) -> None:
        for pid in mine() - pids:
            pids.add(pid)
            if len(pids) == 1:
                os.kill(pid, signal.SIGKILL)

    with local_workers(1, tmp_path / "log", kill_first) as workers:
        workers.submit(job(stored, epochs=5), workers.idle()[0])
        ((_, killed),) = collect(workers, 1)
        workers.submit(job(stored, epochs=5), workers.idle()[0])
        ((_, undisturbed),) = collect(workers, 1)
    assert len(pids) == 2
    assert killed.result == undisturbed.result


@pytest.mark.slow
@pytest.mark.training
def test_a_fit_that_kills_every_process_ends_the_sweep(
    stored: Path, tmp_path: Path, mine: Callable[[], set[int]]
) -> None:
    """After three deaths it is named, with the signal and what may help; nothing waits for ever."""

    def kill(_event: object) -> None:
        for pid in mine():
            os.kill(pid, signal.SIGKILL)

    with local_workers(1, tmp_path / "log", kill) as workers:
        endless = job(stored, epochs=100_000)
        patient = replace(endless.spec, stopping=Stopping(patience=100_000))
        workers.submit(replace(endless, spec=patient), workers.idle()[0])
        with pytest.raises(
            WorkersFailed, match=r"baseline fold 0 .* tried 3 times; .* signal 9; .*\(worker 1\)"
        ):
            collect(workers, 1)


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """A PYTHONPATH on which TensorFlow is broken."""
    package = tmp_path / "broken" / "tensorflow"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('made up')\n")
    return python_path(package.parent)


@pytest.mark.training
def test_training_that_cannot_start_ends_the_sweep_at_once(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """With what it printed; each worker has tried once."""
    monkeypatch.setenv("PYTHONPATH", broken)
    with local_workers(2, tmp_path / "log") as workers:
        for fold, name in enumerate(workers.idle()):
            workers.submit(job(stored, fold), name)
        with pytest.raises(WorkersFailed) as raised:
            collect(workers, 1)
    assert str(raised.value) == (
        f"the training process cannot start: ImportError: made up "
        f"({tmp_path / 'broken' / 'tensorflow' / '__init__.py'} line 1)"
    )
    assert (tmp_path / "log").read_text().count("ImportError: made up") <= 2


@pytest.mark.slow
@pytest.mark.training
def test_a_machine_that_cannot_train_is_done_without(stored: Path, tmp_path: Path, broken: str) -> None:
    """Its worker is named with its host; others take its fits, and without others the sweep ends."""
    said: list[str] = []
    cluster = Cluster(tmp_path, seconds=None)
    with cluster.running():
        cluster.start_worker(environment={"PYTHONPATH": broken})
        address, host = read_address(cluster.address, None), socket.gethostname()
        with cluster_workers(address) as workers:
            workers.submit(job(stored), workers.idle()[0])
            with pytest.raises(WorkersFailed, match=f"worker 1 on {host}: the training .* made up"):
                collect(workers, 1)
        cluster.start_worker()
        with cluster_workers(address, expected=2, say=said.append) as workers:
            for fold, name in enumerate(workers.idle()):
                workers.submit(job(stored, fold), name)
            assert len(collect(workers, 2)) == 2
    (line,) = [line for line in said if "is not used" in line]
    assert re.match(rf"worker \d on {host} is not used: the training process cannot start: .* made up", line)


@pytest.mark.training
def test_nothing_listens_beyond_this_machine(tmp_path: Path) -> None:
    """Dask's web servers are bound to loopback; by default they would be on all interfaces."""
    with local_workers(1, tmp_path / "log"):
        listening = [c for c in psutil.Process().net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert {connection.laddr.ip for connection in listening} <= {"127.0.0.1", "::1"}


@pytest.mark.training
def test_nothing_is_left_behind(stored: Path, tmp_path: Path, mine: Callable[[], set[int]]) -> None:
    """Leaving in the middle of a fit ends the processes."""
    with local_workers(2, tmp_path / "log") as workers:
        workers.submit(job(stored, epochs=1000), workers.idle()[0])
        await_true(lambda: len(mine()) == 2, 120, "two training processes")
    assert mine() == set()


HUGE = """
import keras

def huge(hyperparameters, input_shape, classes):
    x = inputs = keras.Input(input_shape)
    x = keras.layers.Dense(2**36)(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))
"""


@pytest.mark.slow
@pytest.mark.training
def test_a_fit_that_is_too_large_is_tried_three_times_and_fails(stored: Path, tmp_path: Path) -> None:
    """Its reason says what it asked for and what to change; the worker goes on with the next fit."""
    source = UserSource(spec="huge.py:huge", files=(("huge.py", HUGE),))
    asked = replace(job(stored).spec, architecture="huge", architecture_digest=source.digest)
    with local_workers(1, tmp_path / "log") as workers:
        workers.submit(replace(job(stored), spec=asked, source=source), workers.idle()[0])
        ((_, failed),) = collect(workers, 1)
        workers.submit(job(stored), workers.idle()[0])
        ((_, after),) = collect(workers, 1)
    assert failed.result.state == "failed"
    reason = failed.result.reason or ""
    assert reason.startswith("ran out of memory 3 times (")
    assert "held up to" in reason
    assert reason.endswith("use fewer workers, a smaller batch_size or a smaller network")
    assert failed.stopped_for is StopCause.MEMORY
    assert failed.environment == after.environment
    assert after.result.state == "complete"

"""Signals to any process of a cluster, the coordinator's included: one digest, a complete record."""

import subprocess
from pathlib import Path

import pytest

from sweeps.home import Home
from tests.cluster import Cluster, Process
from tests.command import Command, write_two_classes
from tests.disturbance import Disturbance, assert_in_mlflow, complete, leftovers, recorded, rows, seed

pytestmark = [pytest.mark.campaign, pytest.mark.server, pytest.mark.timeout(3600)]

COUNT = 12

SWEEP = """
name = "tiny"
trials = 6
dataset = "two-classes.npz"
[cv]
folds = 2
epochs = 3
[architectures.lenet]
dropout = 0.1
[architectures.baseline]
dropout = 0.1
"""


def test_any_signal_to_any_process(tmp_path: Path) -> None:
    """Scheduler, workers, their training processes, coordinator: what ended is started again."""
    write_two_classes(tmp_path)
    (tmp_path / "sweep.toml").write_text(SWEEP)
    alone = Command("tests.formula_command", SECONDS="0")
    done = alone("run", "sweep.toml", "--home", "reference", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    reference = tmp_path / "reference"
    disturbance = Disturbance(f"{seed()} cluster", COUNT)
    cluster = Cluster(tmp_path, seconds=0.5)
    with cluster.running():
        for _ in range(2):
            cluster.start_worker(2, environment={"PROCESSES": "1"})
        number = 0
        while not disturbance.over:
            number += 1
            home = tmp_path / f"home-{number}"
            words = ["-m", "refold", "run", "sweep.toml", "--cluster", cluster.address]
            words += ["--cluster-wait", "120", "--home", home.name]
            finish(Process(words, tmp_path / "coordinator.log"), cluster, disturbance)
            assert recorded(home, "tiny").digest == recorded(reference, "tiny").digest
            assert rows(home) == rows(reference)
            complete(alone, home)
            assert_in_mlflow(Home(home), "tiny")
            assert leftovers(home) == []
    disturbance.assert_nothing_left()


def finish(coordinator: Process, cluster: Cluster, disturbance: Disturbance) -> None:
    """Run the coordinator until it ends well, and start whatever does not survive a disturbance."""
    coordinator.start()
    while True:
        if not coordinator.running:
            assert coordinator.process is not None
            if coordinator.process.returncode == 0:
                return
            coordinator.start()
        others = [cluster.scheduler, *cluster.workers]
        for each in others:
            if not each.running:
                each.start()
        assert coordinator.process is not None
        try:
            coordinator.process.wait(disturbance.pause(2, 7))
        except subprocess.TimeoutExpired:
            if not disturbance.over:
                roots = [each.process.pid for each in (*others, coordinator) if each.process is not None]
                disturbance.disturb(roots)

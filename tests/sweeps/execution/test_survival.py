"""Real training, real SIGKILLs: one digest, whatever is killed and when, however many workers there are."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import SWEEP, refold, shown
from tests.processes import training_processes

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3600)]

KILLS = 20


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object]:
    """A folder with the sweep file, and the digest of running it undisturbed."""
    folder = tmp_path_factory.mktemp("survival")
    (folder / "sweep.toml").write_text(SWEEP)
    done = refold("run", "sweep.toml", "--workers", "2", "--home", "reference", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, shown(folder, "reference")["digest"]


@pytest.mark.parametrize("workers", [1, 3, 4])
def test_the_number_of_workers_does_not_matter(reference: tuple[Path, object], workers: int) -> None:
    """Neither do the working directory, locale, time zone and settings of the user's shell."""
    folder, digest = reference
    elsewhere = folder / f"else where {workers}"
    elsewhere.mkdir()
    done = refold(
        "run", str(folder / "sweep.toml"), "--workers", str(workers), cwd=elsewhere,
        LC_ALL="C", TZ="Pacific/Auckland", USER="somebody", PYTHONHASHSEED=str(workers),
        OMP_NUM_THREADS="3", TF_NUM_INTRAOP_THREADS="2", TF_ENABLE_ONEDNN_OPTS="0",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert shown(elsewhere)["digest"] == digest


def test_other_sweeps_before_do_not_matter(reference: tuple[Path, object]) -> None:
    """The same home, the same workers' code, another sweep first: the same digest."""
    folder, digest = reference
    (folder / "other.toml").write_text(
        SWEEP.replace('"tiny"', '"other"').replace("trials = 2", "trials = 1\nseed = 9")
    )
    for name in ("other.toml", "sweep.toml"):
        assert refold("run", name, "--home", "busy", cwd=folder).returncode == 0
    assert shown(folder, "busy")["digest"] == digest


def test_twenty_kills_at_random_moments(reference: tuple[Path, object]) -> None:
    """Training processes, the coordinator, or both, again and again: the sweep ends with the same digest."""
    folder, digest = reference
    rng = random.Random(os.environ.get("REFOLD_KILL_SEED", "1"))
    kills = home = 0
    while kills < KILLS:
        home += 1
        kills += _run_and_kill(folder, f"killed-{home}", rng, KILLS - kills)
        done = refold("run", "sweep.toml", "--home", f"killed-{home}", cwd=folder)
        assert done.returncode == 0, done.stderr
        assert shown(folder, f"killed-{home}")["digest"] == digest


def _run_and_kill(folder: Path, home: str, rng: random.Random, most: int) -> int:
    """Run the sweep and kill something now and then until it ends; return the number of kills."""
    kills = 0
    while kills < most:
        command = [
            sys.executable, "-m", "refold", "run", "sweep.toml", "--quiet", "--home", home,
            "--workers", str(rng.randint(1, 3)),
        ]  # fmt: skip
        with subprocess.Popen(
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as run:
            while run.poll() is None and kills < most:
                try:
                    run.wait(rng.uniform(2, 14))
                except subprocess.TimeoutExpired:
                    kills += _kill(rng.choice(["worker", "coordinator", "both"]), run)
            run.kill()
        if run.returncode == 0:
            return kills
        time.sleep(0.5)
    return kills


def _kill(what: str, run: subprocess.Popen[bytes]) -> int:
    """Kill with signal 9; return how many processes were hit."""
    hit = 0
    workers = sorted(training_processes(run.pid))
    if what in ("worker", "both") and workers:
        os.kill(workers[0], signal.SIGKILL)
        hit += 1
    if what in ("coordinator", "both"):
        run.send_signal(signal.SIGKILL)
        run.wait()
        hit += 1
    return hit

"""A full disk: the sweep stops before it would lose a fit, says what is needed, and goes on afterwards."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeps.execution.loop import run_sweep
from sweeps.execution.progress import Silent
from tests.closed_formula import InlineWorkers, in_memory_ledger, plan, prepared, starter
from tracking.errors import DiskFull
from tracking.ledger import disk_space
from tracking.ledger.ledger import Ledger
from tracking.records import SweepRecord
from trainer.fits.results import FitRun
from trainer.process.jobs import Job


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    command = ["mount", "-t", "tmpfs", "-o", "size=40m", "refold-test", str(tmp_path)]
    if os.getuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can only be mounted by root")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def fill(disk: Path, leave: int) -> None:
    """Leave so many bytes of the disk."""
    filler = disk / "filler"
    filler.unlink(missing_ok=True)
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free - leave))


class Filling(InlineWorkers):
    """Something else fills the disk while the sixth fit and those beside it train."""

    disk: Path
    leave: int

    def finished(self, timeout: float) -> list[tuple[Job, FitRun]]:
        """See ``Workers``."""
        if len(self.trained) == 5:
            fill(self.disk, self.leave)
        return list(super().finished(timeout))


def run(home: Path, workers: InlineWorkers) -> SweepRecord:
    """Run the sweep in a home, or what is missing of it."""
    with Ledger.open(home) as ledger:
        return run_sweep(
            prepared(plan()), home, ledger, start_workers=starter(workers), workers=3, progress=Silent()
        )


def undisturbed(tmp_path: Path) -> str:
    """The digest of the sweep when nothing happens."""
    ledger = in_memory_ledger()
    start = starter(InlineWorkers(1))
    made = prepared(plan())
    return run_sweep(made, tmp_path, ledger, start_workers=start, workers=1, progress=Silent()).digest


@pytest.mark.parametrize("leave", [10 << 20, 0], ids=["little is left", "nothing is left"])
def test_a_disk_that_fills_up_costs_no_fit(disk: Path, leave: int) -> None:
    """What was under way is recorded, also where not a byte is left; then there is room, and it goes on."""
    digest = undisturbed(disk)
    workers = Filling(3)
    workers.disk, workers.leave = disk, leave
    with pytest.raises(
        DiskFull, match=r"disk of .* is (nearly )?full: \d+\.\d MB .*needed.*run the same command"
    ):
        run(disk / "home", workers)
    with Ledger.read(disk / "home") as ledger:
        assert all(ledger.run_of(key) for key in workers.trained)
        assert len(workers.trained) > 5
    (disk / "filler").unlink()
    again = InlineWorkers(3)
    assert run(disk / "home", again).digest == digest
    assert not set(again.trained) & set(workers.trained)


def test_a_disk_that_is_full_from_the_start_begins_nothing(disk: Path) -> None:
    """Not a fit is trained that could not be recorded."""
    run_sweep_home = disk / "home"
    with Ledger.open(run_sweep_home):
        pass
    fill(disk, 8 << 20)
    workers = InlineWorkers(3)
    with pytest.raises(DiskFull, match="nearly full"):
        run(run_sweep_home, workers)
    assert workers.trained == []


def test_a_home_has_a_reserve(tmp_path: Path) -> None:
    """It is there while the ledger is open for writing, and taken once."""
    for _ in range(2):
        with Ledger.open(tmp_path):
            assert (tmp_path / "ledger.reserve").stat().st_size == disk_space.RESERVE
            assert (tmp_path / "ledger.reserve").stat().st_blocks * 512 >= disk_space.RESERVE

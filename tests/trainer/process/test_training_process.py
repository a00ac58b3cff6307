"""The training process: born with the right environment, gone when nobody needs it."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.processor import python_path
from tests.small_fits import spec
from trainer.process.jobs import Job
from trainer.process.training_process import CannotRun, CannotStart, ProcessDied, TrainingProcess
from trainer.runtime import determinism
from trainer.runtime.scratch import PREFIX

pytestmark = pytest.mark.training


def silent(_number: int, _epoch: object, _seconds: float) -> None:
    """Hear nothing."""


def until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_a_killed_process_is_told_apart_from_a_failed_fit(stored_digits: Path, tmp_path: Path) -> None:
    """The signal is named, and the process counts as gone."""
    process = TrainingProcess(tmp_path / "log")
    long = replace(spec(stored_digits), epochs=10_000, stopping=None)

    def kill(_number: int, _epoch: object, _seconds: float) -> None:
        os.kill(process.pid, signal.SIGKILL)

    with pytest.raises(ProcessDied, match="killed by signal 9; it printed nothing"):
        process.run(Job(spec=long, dataset=str(stored_digits)), kill)
    assert not process.alive
    process.close()


@pytest.mark.slow
def test_what_tensorflow_leaves_in_the_temporary_folder_is_removed(
    stored_digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes a file for each function that it compiles, in the temporary folder of its process."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    process = TrainingProcess(tmp_path / "log")
    process.run(Job(spec=spec(stored_digits), dataset=str(stored_digits)), silent)
    assert list(tmp_path.glob(f"{PREFIX}*/__autograph_generated_file*.py"))
    process.close()
    assert [file.name for file in tmp_path.iterdir()] == ["log"]


def test_a_process_that_cannot_start_says_why_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored_digits: Path
) -> None:
    """With its own last words, whatever others write to the log, and where the rest of them is."""
    broken = tmp_path / "broken" / "tensorflow"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('libcuda.so.9: no such file\\nAdvice.')\n")
    monkeypatch.setenv("PYTHONPATH", python_path(broken.parent))
    process = TrainingProcess(tmp_path / "log")
    until(lambda: not process.alive)
    with (tmp_path / "log").open("a") as others:
        others.write("RuntimeError: of another process\n")
    with pytest.raises(CannotStart) as raised:
        process.run(Job(spec=spec(stored_digits), dataset=str(stored_digits)), silent)
    process.close()
    assert str(raised.value) == (
        "the training process cannot start: ImportError: libcuda.so.9: no such file "
        f"({broken / '__init__.py'} line 1)"
    )
    assert "Traceback" in (tmp_path / "log").read_text()


def test_one_that_is_killed_before_it_is_ready_may_be_tried_again(
    tmp_path: Path, stored_digits: Path
) -> None:
    """A signal from outside says nothing of what the next one can do."""
    process = TrainingProcess(tmp_path / "log")
    process.kill()
    with pytest.raises(ProcessDied, match="killed by signal 9"):
        process.run(Job(spec=spec(stored_digits), dataset=str(stored_digits)), silent)
    process.close()


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    """A coordinator that is killed leaves no training behind."""
    script = (
        "import sys, time; from pathlib import Path\n"
        "from trainer.process.training_process import TrainingProcess\n"
        "print(TrainingProcess(Path(sys.argv[1])).pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert until(lambda: not Path(f"/proc/{child}").exists() or "Z" in status(child))


def status(pid: int) -> str:
    """Return the state letter of a process."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_job_that_no_process_can_run_is_refused(
    training_process: TrainingProcess, stored_digits: Path
) -> None:
    """Another precision, thread count or device than this kind of process has is an error, not a result."""
    for change in ({"threads": 2}, {"precision": "bfloat16"}, {"device": "gpu"}):
        job = Job(spec=replace(spec(stored_digits), **change), dataset=str(stored_digits))
        with pytest.raises(CannotRun, match=f"asks for {next(iter(change))}"):
            training_process.run(job, silent)


def test_the_environment_outside_does_not_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thread counts and switches that decide bits are ours, whatever the user's shell says."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("PYTHONHASHSEED", "99")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    monkeypatch.setenv("HOME", "/somewhere")
    environment = determinism.training_environment()
    assert environment["OMP_NUM_THREADS"] == "1"
    assert environment["PYTHONHASHSEED"] == "0"
    assert "ONEDNN_MAX_CPU_ISA" not in environment
    assert environment["HOME"] == "/somewhere"


def test_a_process_born_otherwise_refuses_to_train(monkeypatch: pytest.MonkeyPatch) -> None:
    """prepare() checks before it imports anything."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with pytest.raises(RuntimeError, match="OMP_NUM_THREADS"):
        determinism.prepare()

"""The gate for users' code: nothing is imported whose text is not what was recorded, nor in a coordinator."""

import subprocess
import sys
from pathlib import Path

import pytest

from trainer.errors import Mismatch
from trainer.runtime.determinism import training_environment
from trainer.user_code import UserSource, import_from_folder, import_recorded


def leaving_a_mark(mark: Path) -> UserSource:
    """Return code that writes a file when it is imported."""
    text = f"open({str(mark)!r}, 'w').close()\n"
    return UserSource(spec="my_models.py:Net", files=(("my_models.py", text),))


@pytest.fixture
def in_training_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test's process pass for one that was started for training."""
    monkeypatch.setenv("REFOLD_DEVICE", "cpu")


@pytest.mark.usefixtures("in_training_process")
def test_a_text_with_another_digest_is_refused_before_it_is_imported(tmp_path: Path) -> None:
    """In one line that names it; with its own digest it is imported."""
    source = leaving_a_mark(tmp_path / "mark")
    with pytest.raises(
        Mismatch, match=r"the recorded code of mine \(my_models\.py:Net\) is not what"
    ) as caught:
        import_recorded(source, name="mine", digest="0" * 64)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "mark").exists()
    import_recorded(source, name="mine", digest=source.digest).load("my_models.py")
    assert (tmp_path / "mark").exists()


def test_no_users_code_runs_in_a_process_that_was_not_started_for_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither recorded texts nor the files of a folder."""
    monkeypatch.delenv("REFOLD_DEVICE", raising=False)
    source = leaving_a_mark(tmp_path / "mark")
    with pytest.raises(RuntimeError, match="only in a process of its own"):
        import_recorded(source, name="mine", digest=source.digest)
    with pytest.raises(RuntimeError, match="only in a process of its own"):
        import_from_folder(tmp_path)
    assert not (tmp_path / "mark").exists()


def test_a_process_started_for_training_may_run_it(tmp_path: Path) -> None:
    """The environment that every such process is started with is what the gate asks for."""
    (tmp_path / "my_models.py").write_text("print('imported')\n")
    program = (
        "import sys; from pathlib import Path; from trainer.user_code import import_from_folder; "
        "import_from_folder(Path(sys.argv[1])).load('my_models.py')"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, env=training_environment(), capture_output=True, text=True, check=True)
    assert done.stdout == "imported\n"

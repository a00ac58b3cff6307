"""Temporary folders: private, removed however their process ends, and never while it uses them."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from trainer.runtime import scratch
from trainer.runtime.scratch import PREFIX, Scratch, remove_abandoned, scratch_folder

#: Makes a folder with a file in it, says where, and waits.
HOLDER = (
    "import sys, time; from pathlib import Path; from trainer.runtime.scratch import Scratch\n"
    "scratch = Scratch(Path(sys.argv[1])); (scratch.path / 'file').touch(); print(scratch.path, flush=True)\n"
    "time.sleep(600)\n"
)


def folders(parent: Path) -> list[Path]:
    """Return the scratch folders in a folder."""
    return list(parent.glob(f"{PREFIX}*"))


def test_it_is_there_for_the_block_and_private(tmp_path: Path) -> None:
    """Nobody else may look into it; afterwards it is gone with its content."""
    with scratch_folder(tmp_path) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "file").touch()
    assert folders(tmp_path) == []


def test_it_goes_with_its_object(tmp_path: Path) -> None:
    """Whoever forgets to remove it."""
    scratch = Scratch(tmp_path)
    assert folders(tmp_path) == [scratch.path]
    del scratch
    assert folders(tmp_path) == []


def test_the_next_removes_what_a_killed_process_has_left(tmp_path: Path) -> None:
    """But nothing while its process lives, and nothing of another name."""
    (tmp_path / f"{PREFIX[:-1]}").mkdir()
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        held = Path(holder.stdout.readline().strip())
        remove_abandoned(tmp_path)
        assert (held / "file").exists()
        holder.send_signal(signal.SIGKILL)
    assert held.exists()
    with scratch_folder(tmp_path) as folder:
        assert folders(tmp_path) == [folder]
    assert (tmp_path / f"{PREFIX[:-1]}").exists()


def test_a_link_is_left_alone(tmp_path: Path) -> None:
    """In a folder that everybody may write to, a name may be somebody else's trap."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(victim)
    remove_abandoned(tmp_path)
    assert victim.exists()
    assert (tmp_path / f"{PREFIX}link").is_symlink()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_other_accounts_folders_are_left_alone(tmp_path: Path) -> None:
    """Even if this account could remove them."""
    other = tmp_path / f"{PREFIX}other"
    other.mkdir()
    os.chown(other, 12345, 12345)
    remove_abandoned(tmp_path)
    assert other.exists()


def test_many_at_once_take_nothing_from_each_other(tmp_path: Path) -> None:
    """A folder is not taken for abandoned between its making and its lock."""
    missing = []

    def make() -> None:
        for _ in range(50):
            with scratch_folder(tmp_path) as folder:
                (folder / "file").touch()
                if not (folder / "file").exists():
                    missing.append(folder)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missing == []
    assert folders(tmp_path) == []


def test_without_locks_one_folder_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems of clusters have none; then a killed process leaves its folder, and no others."""
    monkeypatch.setattr(scratch, "_locked", lambda _path: None)
    with scratch_folder(tmp_path) as folder:
        assert folders(tmp_path) == [folder]
    assert folders(tmp_path) == []

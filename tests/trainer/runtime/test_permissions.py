"""Who may read what refold writes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainer.runtime.permissions import as_folder_says, as_users_say, make_private, mask_of, open_up


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """As most systems set it: everybody may read."""
    before = os.umask(0o022)
    yield
    assert os.umask(before) == 0o022


def mode(path: Path) -> int:
    """Return a file's permissions."""
    return path.stat().st_mode & 0o777


def touched(path: Path) -> int:
    """Create a file and return its permissions."""
    path.touch()
    return mode(path)


def test_a_new_folder_is_private(tmp_path: Path) -> None:
    """One that is there stays as it is."""
    make_private(tmp_path / "new" / "home")
    assert mode(tmp_path / "new" / "home") == 0o700
    assert mode(tmp_path / "new") == 0o755
    (tmp_path / "there").mkdir()
    make_private(tmp_path / "there")
    assert mode(tmp_path / "there") == 0o755


@pytest.mark.parametrize(
    ("folder", "file", "inner"),
    [
        (0o700, 0o600, 0o700),
        (0o755, 0o640, 0o750),
        (0o770, 0o660, 0o770),
        (0o2770, 0o660, 0o770),
        (0o777, 0o660, 0o770),
    ],
)
def test_files_follow_the_folders_group_and_nobody_else(
    tmp_path: Path, folder: int, file: int, inner: int
) -> None:
    """Whatever the user's umask."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(folder)
    with as_folder_says(tmp_path / "home"):
        assert touched(tmp_path / "home" / "file") == file
        (tmp_path / "home" / "inner").mkdir()
        assert mode(tmp_path / "home" / "inner") == inner


def test_the_strictest_of_several_holds(tmp_path: Path) -> None:
    """In whatever order they end: two sweeps of one notebook may use two homes."""
    for name, permissions in (("private", 0o700), ("shared", 0o770)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(permissions)
    first, second = as_folder_says(tmp_path / "private"), as_folder_says(tmp_path / "shared")
    first.__enter__()
    second.__enter__()
    assert touched(tmp_path / "1") == 0o600
    first.__exit__(None, None, None)
    assert touched(tmp_path / "2") == 0o660
    second.__exit__(None, None, None)
    assert touched(tmp_path / "3") == 0o644


def test_what_users_are_given_follows_their_umask(tmp_path: Path) -> None:
    """Also copies of what is private."""
    make_private(tmp_path / "home")
    with as_folder_says(tmp_path / "home"):
        (tmp_path / "home" / "model").mkdir()
        assert touched(tmp_path / "home" / "model" / "file") == 0o600
        with as_users_say():
            assert touched(tmp_path / "file") == 0o644
            open_up(tmp_path / "home" / "model")
        assert touched(tmp_path / "home" / "other") == 0o600
    assert mode(tmp_path / "home" / "model") == 0o755
    assert mode(tmp_path / "home" / "model" / "file") == 0o644
    assert mask_of(tmp_path / "home") == 0o077

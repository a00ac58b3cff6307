"""Who may read what refold writes into a folder of its own: nobody else, unless the folder itself says so.

A folder that refold makes is for its account alone. If it was there before and gives its group rights, all
files in it give the group the same. What users are given elsewhere follows their own umask.
"""

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class _Masks:
    """The umask belongs to the process, so blocks of several threads share it: the strictest holds.

    Attributes:
        lock: for a change of the others.
        active: one for each block.
        users: the umask before the first block.
    """

    lock = threading.Lock()
    active: tuple[int, ...] = ()
    users = 0


def make_private(folder: Path) -> None:
    """Make a folder that only this account may use, unless it is there already.

    Raises:
        OSError: if it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def mask_of(folder: Path) -> int:
    """Return the umask for new files in a folder: nothing for others, for the group what the folder gives."""
    return stat.S_IRWXO | (stat.S_IRWXG & ~folder.stat().st_mode)


@contextmanager
def as_folder_says(folder: Path) -> Iterator[None]:
    """Create files during the block as ``mask_of`` says; processes that are started inherit that."""
    mask = mask_of(folder)
    with _Masks.lock:
        if not _Masks.active:
            _Masks.users = os.umask(mask)
        _Masks.active += (mask,)
        _set()
    try:
        yield
    finally:
        with _Masks.lock:
            rest = list(_Masks.active)
            rest.remove(mask)
            _Masks.active = tuple(rest)
            _set()


@contextmanager
def as_users_say() -> Iterator[None]:
    """Create files during the block with the user's own umask, also within ``as_folder_says``."""
    with _Masks.lock:
        if not _Masks.active:
            _Masks.users = os.umask(0o077)
        os.umask(_Masks.users)
    try:
        yield
    finally:
        with _Masks.lock:
            _set()


def open_up(copy: Path) -> None:
    """Give a copied file or folder, with all in it, the rights that the current umask gives new ones."""
    mask = os.umask(0o077)
    os.umask(mask)
    for path in (copy, *copy.rglob("*")):
        if not path.is_symlink():
            path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)


def _set() -> None:
    mask = 0 if _Masks.active else _Masks.users
    for each in _Masks.active:
        mask |= each
    os.umask(mask)

"""Temporary folders that are removed even if the process that made them was killed.

A process holds a lock on its folder, and the system frees the lock when the process ends. So the folders that
nobody uses any more can be told from the others: whoever makes the next folder removes them.
"""

import fcntl
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: How the names of the folders begin. No user's folder is called like that.
PREFIX = "refold-scratch-"

#: How often another process may be faster; it hardly ever is.
_ATTEMPTS = 20


class Scratch:
    """A new folder that only this account may read, locked by this process.

    It is removed by ``remove``, or with this object, or at the end of the process; if the process is killed,
    by the next ``Scratch`` in the same place.

    Args:
        parent: the folder to make it in; the system's temporary folder if None.
        prefix: how its name begins; folders of that prefix that nobody uses are removed.

    Raises:
        OSError: if it cannot be made.
    """

    def __init__(self, parent: Path | None = None, prefix: str = PREFIX) -> None:
        parent = Path(tempfile.gettempdir()) if parent is None else parent
        remove_abandoned(parent, prefix)
        self.path, lock = _made(parent, prefix)
        self._removal = weakref.finalize(self, _remove, self.path, lock)

    def remove(self) -> None:
        """Remove the folder; again does nothing."""
        self._removal()


@contextmanager
def scratch_folder(parent: Path | None = None, prefix: str = PREFIX) -> Iterator[Path]:
    """Yield a new folder, and remove it afterwards. See ``Scratch``."""
    scratch = Scratch(parent, prefix)
    try:
        yield scratch.path
    finally:
        scratch.remove()


def remove_abandoned(parent: Path, prefix: str = PREFIX) -> None:
    """Remove this account's folders of that prefix whose processes have ended."""
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if entry.name.startswith(prefix) and _is_own_folder(entry):
                lock = _locked(Path(entry.path))
                if lock is not None:
                    _remove(Path(entry.path), lock)


def _made(parent: Path, prefix: str) -> tuple[Path, int]:
    """Make a folder and lock it. Another process may take a folder for abandoned before it is locked."""
    for _ in range(_ATTEMPTS):
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        lock = _locked(path)
        if lock is not None:
            return path, lock
        with suppress(OSError):
            path.rmdir()
    path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    # This file system has no locks. Then nobody can remove the folder as an abandoned one either.
    return path, os.open(path, os.O_RDONLY)


def _locked(path: Path) -> int | None:
    """Return an open descriptor with the folder's lock; None if another process has it or has removed it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), path.lstat()):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def _is_own_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.getuid()
    except OSError:  # it has just been removed
        return False


def _remove(path: Path, lock: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.close(lock)

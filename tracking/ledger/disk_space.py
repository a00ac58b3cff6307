"""Disk space: a sweep stops before a full disk would cost it a fit.

There are two safeguards. A fit begins only if there is space for it and for those that are running. And the
home has a reserve file: when something else has filled the disk, the reserve is deleted, and the fits that
finish are recorded in its space.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tracking.errors import DiskFull
from trainer.quantities import size

#: Bytes of the reserve, for fits that finish when the disk is full.
RESERVE = 4 << 20
#: Bytes to leave free for everything else: the ledger's journal, MLflow's record, logs.
MARGIN = 16 << 20

_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)
_AGAIN = "Free some space and run the same command again"


def missing(home: Path, fits: int, samples: int) -> int:
    """Return how many more bytes the disk needs before another fit may begin, 0 if it has enough.

    Args:
        home: a folder on the disk.
        fits: number of running fits, including the new one.
        samples: images held out by each; a prediction takes six bytes, and MLflow's table about fifty.
    """
    needed = MARGIN + fits * (64 * samples + (256 << 10))
    return max(0, needed - shutil.disk_usage(home).free)


def check(home: Path, fits: int, samples: int) -> None:
    """Check that the disk has space for one more fit; the arguments are those of ``missing``.

    Raises:
        DiskFull: if it has not; the message says how much is missing.
    """
    if short := missing(home, fits, samples):
        raise DiskFull(
            f"the disk of {home} is nearly full: {size(short)} more are needed to go on without losing "
            f"a fit; all that finished is recorded. {_AGAIN}"
        )


def reserve(home: Path) -> None:
    """Create the reserve file if there is space for it."""
    path = _reserve(home)
    with suppress(OSError), path.open("ab") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, RESERVE)
        except OSError:
            path.unlink()  # a reserve that is too small is of no use: free its space


def write(home: Path | None, transaction: Callable[[], None]) -> None:
    """Run a transaction. If the disk is full, delete the reserve and run the transaction again.

    Args:
        home: the home of the reserve; None for a ledger without one.
        transaction: writes everything or nothing.

    Raises:
        DiskFull: if the disk was full. The second attempt has written everything, unless the message says
            otherwise.
        sqlite3.OperationalError: for any other problem.
    """
    try:
        transaction()
    except sqlite3.OperationalError as error:
        if home is None or error.sqlite_errorcode not in _FULL:
            raise
        raise _after(home, transaction) from error


def _after(home: Path, transaction: Callable[[], None]) -> DiskFull:
    """Delete the reserve, run the transaction again, and return the error to be raised."""
    _reserve(home).unlink(missing_ok=True)
    full = f"the disk of {home} is full: {size(MARGIN + RESERVE)} are needed to go on; "
    try:
        transaction()
    except sqlite3.OperationalError:
        return DiskFull(
            f"{full}what finished just now could not be recorded and will be trained again. {_AGAIN}"
        )
    return DiskFull(f"{full}all that finished is recorded. {_AGAIN}")


def _reserve(home: Path) -> Path:
    return home / "ledger.reserve"

"""Room on the disk: a sweep stops before it would lose a fit, not when it has.

Two lines of defence. Before a fit begins there must be room for it and those under way. And the home keeps
a reserve that is given up when something else has filled the disk meanwhile: it takes what has finished.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tracking.errors import DiskFull
from trainer.quantities import size

#: Bytes that a home keeps for the fits that finish when the disk is full.
RESERVE = 4 << 20
#: Bytes that are left to everything else: the ledger's journal, MLflow's record, logs.
MARGIN = 16 << 20

_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)
_AGAIN = "Make room and run the same command again"


def missing(home: Path, fits: int, samples: int) -> int:
    """Return how many bytes are missing to begin one more fit, 0 if none are.

    Args:
        home: the folder whose disk is asked.
        fits: under way, and that one.
        samples: held out by each; a prediction takes six bytes, and MLflow's table of them about fifty.
    """
    needed = MARGIN + fits * (64 * samples + (256 << 10))
    return max(0, needed - shutil.disk_usage(home).free)


def check(home: Path, fits: int, samples: int) -> None:
    """Refuse to begin one more fit where there is no room for it; see ``missing``.

    Raises:
        DiskFull: saying how much is missing.
    """
    if short := missing(home, fits, samples):
        raise DiskFull(
            f"the disk of {home} is nearly full: {size(short)} more are needed to go on without losing "
            f"a fit; all that finished is recorded. {_AGAIN}"
        )


def reserve(home: Path) -> None:
    """Take the reserve where there is room for it."""
    path = _reserve(home)
    with suppress(OSError), path.open("ab") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, RESERVE)
        except OSError:
            path.unlink()  # what little it got is of more use to others


def write(home: Path | None, transaction: Callable[[], None]) -> None:
    """Run a transaction; where the disk is full, run it again in the room of the reserve.

    Args:
        home: whose reserve it is; None for a ledger without one.
        transaction: writes all or nothing.

    Raises:
        DiskFull: if the disk was full. What was to be written is, unless the message says otherwise.
        sqlite3.OperationalError: for everything else that goes wrong.
    """
    try:
        transaction()
    except sqlite3.OperationalError as error:
        if home is None or error.sqlite_errorcode not in _FULL:
            raise
        raise _after(home, transaction) from error


def _after(home: Path, transaction: Callable[[], None]) -> DiskFull:
    """Give up the reserve, run the transaction again, and return what is to be said about it."""
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

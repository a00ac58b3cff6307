"""Says what is wrong with an MLflow database that is an SQLite file, without importing MLflow."""

import sqlite3
from collections import deque
from contextlib import closing
from pathlib import Path

from tracking.mlflow.reasons import causes, one_line

_HEADER = b"SQLite format 3\x00"
#: The files that SQLite keeps beside a database. A journal of a lost database would spoil a new one.
JOURNALS = ("-journal", "-wal", "-shm")

#: SQLite's codes for a file that is damaged or has other tables; every other code may be gone tomorrow.
_DAMAGE = (
    sqlite3.SQLITE_ERROR,  # no such table, no such column
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_NOTADB,
)


def fault_of(path: Path, *, thorough: bool = False) -> str | None:
    """Return why a file cannot be MLflow's database, in words; None if nothing speaks against it.

    Missing and empty files are no faults: MLflow makes a new database of them.

    Args:
        path: the file.
        thorough: whether to compare indexes with tables too, and to read every row, which takes longer.
    """
    if not path.exists():
        return None
    if not path.is_file():
        return "is not a file"
    try:
        if not path.stat().st_size:
            return None
        return _wrong_start(path) or _fault_inside(path, thorough=thorough)
    except sqlite3.DatabaseError as error:
        return f"is damaged ({one_line(str(error))})" if is_damage(error) else None
    except OSError:  # MLflow will say why it cannot open it
        return None


def is_damage(error: BaseException) -> bool:
    """Return whether an exception, or one of its causes, says that an SQLite file is damaged.

    A file that is locked, full or not ours to read is not damaged.
    """
    found = [link for link in causes(error) if isinstance(link, sqlite3.DatabaseError)]
    return any(_is_damage(link) for link in found)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # raised by Python itself
        return "decode" in str(error)
    return code & 0xFF in _DAMAGE


def _wrong_start(path: Path) -> str | None:
    with path.open("rb") as file:
        return None if file.read(len(_HEADER)) == _HEADER else "is not an SQLite database"


def _fault_inside(path: Path, *, thorough: bool) -> str | None:
    check = "integrity_check" if thorough else "quick_check"
    # Not read-only: a transaction that was cut off is rolled back, as MLflow would.
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=5)) as connection:
        answer = connection.execute(f"PRAGMA {check}(1)").fetchone()[0]
        if answer != "ok":
            return f"is damaged ({one_line(answer)})"
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        tables = {row[0] for row in names}
        if thorough:
            _read_all(connection, tables)
    if tables and not {"alembic_version", "experiments"} & tables:
        return "is another program's database"
    return None


def _read_all(connection: sqlite3.Connection, tables: set[str]) -> None:
    """Read every row: raises if a text is none, which SQLite itself does not check."""
    for table in tables:
        quoted = table.replace('"', '""')
        deque(connection.execute(f'SELECT * FROM "{quoted}"'), maxlen=0)  # noqa: S608 - it is quoted

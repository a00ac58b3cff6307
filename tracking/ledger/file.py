"""The ledger's file: its tables, and how it is opened. ``ledger.py`` reads and writes rows."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tracking.errors import HomeGone
from trainer.errors import UsageError

#: Counts the changes of the tables below. A newer ledger is refused; an older one gets the missing tables.
SCHEMA_VERSION = 4

TABLES_OF_1 = """
CREATE TABLE sweeps (
    name TEXT PRIMARY KEY,
    key TEXT NOT NULL,             -- SHA-256 of all that decides its bits
    identity TEXT NOT NULL,        -- that, as canonical JSON
    toml TEXT NOT NULL,
    seed INTEGER NOT NULL,
    dataset TEXT NOT NULL,         -- DatasetRecord as JSON
    architectures TEXT NOT NULL,   -- names in the file's order, as JSON
    trials INTEGER NOT NULL,       -- for each architecture
    fits INTEGER NOT NULL,         -- for each trial
    environment TEXT NOT NULL,     -- of the first run, as JSON
    details TEXT NOT NULL,         -- where things were found (paths, sources), as JSON
    created_at REAL NOT NULL
) STRICT;
CREATE TABLE proposals (
    sweep TEXT NOT NULL REFERENCES sweeps ON DELETE CASCADE,
    architecture TEXT NOT NULL,
    number INTEGER NOT NULL,
    hyperparameters TEXT NOT NULL, -- as JSON, names sorted
    proposed_at REAL NOT NULL,
    PRIMARY KEY (sweep, architecture, number)
) STRICT;
CREATE TABLE fits (
    key TEXT PRIMARY KEY,          -- the spec's
    spec TEXT NOT NULL,            -- FitSpec as JSON
    run TEXT NOT NULL,             -- FitRun as JSON, but for the two blobs
    predictions BLOB NOT NULL,
    confidences BLOB NOT NULL,     -- or the probabilities of all classes, which have them
    checksum TEXT NOT NULL         -- SHA-256 over the other columns: shows what was changed afterwards
) STRICT;
CREATE TABLE members (              -- which fits a sweep asked for; two sweeps may share one
    sweep TEXT NOT NULL REFERENCES sweeps ON DELETE CASCADE,
    architecture TEXT NOT NULL,
    number INTEGER NOT NULL,
    position INTEGER NOT NULL,     -- repeat * folds + fold
    key TEXT NOT NULL,
    PRIMARY KEY (sweep, architecture, number, position)
) STRICT;
CREATE TABLE exports (
    sweep TEXT NOT NULL REFERENCES sweeps ON DELETE CASCADE,
    exported_at REAL NOT NULL,
    card TEXT NOT NULL             -- what was exported and how it scored, as JSON
) STRICT;
"""

TABLES_SINCE_2 = """
CREATE TABLE further_fits (         -- fits beside the search: of a comparison, of a variance design
    sweep TEXT NOT NULL REFERENCES sweeps ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    architecture TEXT NOT NULL,
    number INTEGER NOT NULL,       -- the trial whose hyperparameters they have
    position INTEGER NOT NULL,     -- place in the design
    key TEXT NOT NULL,
    PRIMARY KEY (sweep, purpose, architecture, number, position)
) STRICT;
CREATE TABLE reports (              -- what was last concluded from them; it can be concluded again
    sweep TEXT NOT NULL REFERENCES sweeps ON DELETE CASCADE,
    name TEXT NOT NULL,
    content TEXT NOT NULL,         -- as JSON
    page TEXT NOT NULL,            -- as HTML
    PRIMARY KEY (sweep, name)
) STRICT;
"""

TABLES_SINCE_3 = """
CREATE TABLE seals (                -- one over all rows of a sweep, renewed once a command
    sweep TEXT PRIMARY KEY REFERENCES sweeps ON DELETE CASCADE,
    digests TEXT NOT NULL,         -- of each row, by table and primary key, as JSON
    notes TEXT NOT NULL,           -- what was wrong with earlier seals, as JSON
    digest TEXT NOT NULL           -- SHA-256 over digests and notes
) STRICT;
CREATE TABLE unsealed (             -- sweeps with rows that their seal may not cover yet
    sweep TEXT PRIMARY KEY REFERENCES sweeps ON DELETE CASCADE,
    reason TEXT NOT NULL,          -- "older": recorded before there were seals; "begun" or "continued" by
    since REAL NOT NULL,           -- a command, at this time
    writer TEXT NOT NULL,          -- which has this process and host
    replaced TEXT NOT NULL,        -- digests of rows that it has replaced, as JSON
    unexplained TEXT NOT NULL      -- keys of rows that were there before it without being sealed, as JSON
) STRICT;
"""

TABLES_SINCE_4 = """
CREATE TABLE openings (             -- models scored on exams, over the whole home; they outlive sweeps
    exam TEXT NOT NULL,            -- fingerprint
    sweep TEXT NOT NULL,           -- whose model it was; empty for a model of elsewhere
    purpose TEXT NOT NULL,
    model TEXT NOT NULL,           -- its key
    opened_at REAL NOT NULL,
    digest TEXT NOT NULL           -- SHA-256 over the digest of the row before, and this row
) STRICT;
"""

#: The tables since each version.
SINCE = {1: TABLES_OF_1, 2: TABLES_SINCE_2, 3: TABLES_SINCE_3, 4: TABLES_SINCE_4}

TABLES = "".join(SINCE.values())

#: What was recorded before there were seals is sealed when it is next written.
OLDER = "INSERT INTO unsealed SELECT name, 'older', created_at, '', '{}', '{}' FROM sweeps;"


def _missing(version: int) -> str:
    """Return the tables that a ledger of an earlier version lacks."""
    return "".join(tables for since, tables in SINCE.items() if since > version)


def checksum(key: str, spec: str, run: str, predictions: bytes, confidences: bytes) -> str:
    """Return the SHA-256 over a row of ``fits``."""
    content = hashlib.sha256()
    for part in (key.encode(), spec.encode(), run.encode(), predictions, confidences):
        content.update(len(part).to_bytes(8, "little"))
        content.update(part)
    return content.hexdigest()


#: What reading a damaged row raises: SQLite's errors, JSON's, and those of values of another form.
_DAMAGE = (
    *(sqlite3.DatabaseError, ValueError, TypeError, LookupError),
    *(AttributeError, ArithmeticError, RecursionError),
)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn the exceptions of a damaged row into one line that names the row as ``what``.

    Raises:
        UsageError: in place of an exception of SQLite, of JSON, or for a missing key.
    """
    try:
        yield
    except _DAMAGE as error:
        raise UsageError(
            f"the record of {what} is damaged ({type(error).__name__}): restore the ledger from a copy; "
            "it was left as it is"
        ) from error


@contextmanager
def unless_gone(path: Path) -> Iterator[bool]:
    """Create a ledger's file if there is none; yield whether it was created.

    Raises:
        HomeGone: in place of any error of the block, if the file was deleted or replaced meanwhile.
    """
    created = not path.exists()
    with suppress(OSError):  # ``connect`` will say what is wrong
        path.open("ab").close()  # SQLite itself would give a group no right to write
    before = _identity(path)
    try:
        yield created
    except Exception as error:
        if before and _identity(path) != before:
            raise HomeGone(
                f"the ledger in {path.parent} was deleted or replaced while this command wrote to it, with "
                "all that it had recorded. Run the same command again to begin anew"
            ) from error
        raise


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def connect(path: Path, *, create: bool) -> sqlite3.Connection:
    """Connect, create the tables that a new or older file lacks, and refuse what is damaged or newer."""
    try:
        uri = f"{path.resolve().as_uri()}?mode={'rwc' if create else 'ro'}"
        connection = sqlite3.connect(uri, uri=True, timeout=30)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version == 0 and tables:
            raise sqlite3.DatabaseError("another program's database")
        if version == 0 and create:
            connection.executescript(f"BEGIN;{TABLES}PRAGMA user_version = {SCHEMA_VERSION};COMMIT;")
            version = SCHEMA_VERSION
        if 1 <= version < SCHEMA_VERSION:
            version = _add_tables(connection, version, create=create)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise UsageError(
                f"the disk of {path.parent} is full: make room, or use another --home"
            ) from error
        raise UsageError(
            f"{path} cannot be read as a ledger ({error}): restore it from a copy, or use "
            "another --home; it was left as it is"
        ) from error
    if version == 0:
        connection.close()
        raise UsageError(f"no sweep has run with {path} yet: 'refold run SWEEP.toml' begins one")
    if version != SCHEMA_VERSION:
        connection.close()
        raise UsageError(
            f"{path} was written by a newer refold (ledger version {version}, this one knows "
            f"{SCHEMA_VERSION}): upgrade refold, or use another --home"
        )
    return connection


def _add_tables(connection: sqlite3.Connection, version: int, *, create: bool) -> int:
    """Give a ledger of an earlier version the tables that it lacks; return its version after that.

    A connection that only reads gets them in memory; the file does not change.
    """
    tables, older = _missing(version), OLDER if version < 3 else ""
    if create:
        connection.executescript(f"BEGIN;{tables}{older}PRAGMA user_version = {SCHEMA_VERSION};COMMIT;")
    else:
        connection.executescript(tables.replace("CREATE TABLE", "CREATE TEMP TABLE") + older)
    return SCHEMA_VERSION

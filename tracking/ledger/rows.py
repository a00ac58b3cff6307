"""The rows of a sweep in the ledger: the digest of each under its table and key, and its name in words.

A sweep's row is taken apart: each column, and each field of a column that is JSON, has a digest of its own.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from trainer.fits.names import trial_name

#: A digest of each row, by table and by primary key; the sweep's name is left out of both.
Rows = dict[str, dict[str, str]]

#: Selects the keys of a sweep's fits: recorded ones, and those that it has asked for.
KEYS_OF_FITS = (
    "SELECT key FROM members WHERE sweep = :sweep UNION SELECT key FROM further_fits WHERE sweep = :sweep"
)

_FITS = (
    "SELECT key, checksum FROM fits WHERE key IN (SELECT key FROM members WHERE sweep = :sweep"
    " UNION SELECT key FROM further_fits WHERE sweep = :sweep)"
)
_RECORDED = _FITS.replace("key, checksum", "key", 1)
_PROPOSALS = "SELECT architecture, number, hyperparameters, proposed_at FROM proposals WHERE sweep = :sweep"
_MEMBERS = "SELECT architecture, number, position, key FROM members WHERE sweep = :sweep"
_FURTHER = "SELECT purpose, architecture, number, position, key FROM further_fits WHERE sweep = :sweep"
_EXPORTS = "SELECT exported_at, card FROM exports WHERE sweep = :sweep ORDER BY exported_at, rowid"
_REPORTS = "SELECT name, content, page FROM reports WHERE sweep = :sweep"

#: The columns of ``sweeps`` that are JSON objects.
_OBJECTS = ("identity", "dataset", "environment", "details")


def row_digest(*values: object) -> str:
    """Return the first 128 bits of the SHA-256 over a row's values, as 32 hexadecimal digits."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def fit_digest(checksum: str) -> str:
    """Return the digest of a row of ``fits``: the first 128 bits of its checksum."""
    return checksum[:32]


def proposal_row(architecture: str, number: int, hyperparameters: str, proposed_at: float) -> tuple[str, str]:
    """Return key and digest of a row of ``proposals``."""
    return trial_name(architecture, number), row_digest(hyperparameters, proposed_at)


def member_row(architecture: str, number: int, position: int, key: str) -> tuple[str, str]:
    """Return key and digest of a row of ``members``."""
    return f"{trial_name(architecture, number)}/{position}", row_digest(key)


def further_row(purpose: str, architecture: str, number: int, position: int, key: str) -> tuple[str, str]:
    """Return key and digest of a row of ``further_fits``."""
    return f"{purpose}/{trial_name(architecture, number)}/{position}", row_digest(key)


def report_row(name: str, content: str, page: str) -> tuple[str, str]:
    """Return key and digest of a row of ``reports``."""
    return name, row_digest(content, page)


def export_rows(connection: sqlite3.Connection, sweep: str) -> dict[str, str]:
    """Return keys and digests of a sweep's rows of ``exports``.

    The table has no primary key. Its place is taken by the time, and by a number where times are equal.
    """
    found: dict[str, str] = {}
    for exported_at, card in connection.execute(_EXPORTS, {"sweep": sweep}):
        key, twins = repr(exported_at), 1
        while key in found:
            twins += 1
            key = f"{exported_at!r} ({twins})"
        found[key] = row_digest(card)
    return found


def fit_rows(connection: sqlite3.Connection, sweep: str) -> dict[str, str]:
    """Return keys and digests of a sweep's rows of ``fits``, by their checksums as they are recorded."""
    return {key: fit_digest(checksum) for key, checksum in connection.execute(_FITS, {"sweep": sweep})}


def fit_row(connection: sqlite3.Connection, key: str) -> str:
    """Return the digest of a fit, empty if it is not recorded."""
    row = connection.execute("SELECT checksum FROM fits WHERE key = ?", (key,)).fetchone()
    return fit_digest(row[0]) if row else ""


def fit_keys(connection: sqlite3.Connection, sweep: str) -> set[str]:
    """Return the keys of a sweep's rows of ``fits``."""
    return {key for (key,) in connection.execute(_RECORDED, {"sweep": sweep})}


def sweep_parts(connection: sqlite3.Connection, sweep: str) -> dict[str, str]:
    """Return the digests of a sweep's row of ``sweeps``: by column, and by field where a column is JSON."""
    cursor = connection.execute("SELECT * FROM sweeps WHERE name = ?", (sweep,))
    row = cursor.fetchone()
    if row is None:
        return {}
    found: dict[str, str] = {}
    for (column, *_), value in zip(cursor.description, row, strict=True):
        fields = _fields(value) if column in _OBJECTS else None
        if fields is None:
            found[column] = row_digest(value)
        else:
            found |= {f"{column}.{name}": row_digest(field) for name, field in fields.items()}
    return found


def _fields(text: str) -> Mapping[str, Any] | None:
    """Return the fields of a JSON object, or None for anything else."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def rows_of(connection: sqlite3.Connection, sweep: str) -> Rows:
    """Return the digests of all rows that a sweep has now.

    Most of the time goes into the fits: their checksums are behind their predictions.
    """
    return {**rows_but_fits(connection, sweep), "fits": fit_rows(connection, sweep)}


def rows_but_fits(connection: sqlite3.Connection, sweep: str) -> Rows:
    """Return the digests of all rows that a sweep has now, in all tables but ``fits``."""

    def select(query: str) -> sqlite3.Cursor:
        return connection.execute(query, {"sweep": sweep})

    return {
        "sweeps": sweep_parts(connection, sweep),
        "proposals": dict(proposal_row(*row) for row in select(_PROPOSALS)),
        "members": dict(member_row(*row) for row in select(_MEMBERS)),
        "further_fits": dict(further_row(*row) for row in select(_FURTHER)),
        "exports": export_rows(connection, sweep),
        "reports": dict(report_row(*row) for row in select(_REPORTS)),
    }


def row_name(table: str, key: str) -> str:
    """Return what a row is called in a message.

    >>> row_name("proposals", "resnet/3"), row_name("members", "resnet/3/2"), row_name("sweeps", "toml")
    ('trial resnet/3', 'fold 2 of resnet/3', "the sweep's column toml")
    """
    place, _, position = key.rpartition("/")
    purpose, _, trial = place.partition("/")
    names = {
        "sweeps": f"the sweep's column {key}",
        "proposals": f"trial {key}",
        "members": f"fold {position} of {place}",
        "further_fits": f"{purpose} fit {position} of {trial}",
        "exports": f"export of {time_text(key)}",
        "reports": f"report {key}",
    }
    return names.get(table, f"fit {key[:16]}")


def time_text(key: str) -> str:
    """Return the time in an export's key, in seconds since 1970, for people; the key if it has none."""
    seconds, _, twin = key.partition(" ")
    try:
        said = datetime.fromtimestamp(float(seconds)).isoformat(" ", "milliseconds")
    except (ValueError, OverflowError, OSError):
        return key
    return f"{said} {twin}".rstrip()

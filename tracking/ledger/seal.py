"""A sweep's seal as it is recorded: the digests of all its rows, and the rows that it does not cover yet."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from tracking.ledger.rows import Rows, fit_keys, fit_row, rows_but_fits

#: Why rows of a sweep are not sealed: it was recorded before ledgers had seals, or a command that began or
#: continued it has not sealed it yet.
Reason = Literal["older", "begun", "continued"]

Kind = TypeVar("Kind")

#: Selects the other sweeps that have fits of one, and which.
_SHARED = (
    "SELECT sweep, key FROM (SELECT sweep, key FROM members UNION SELECT sweep, key FROM further_fits)"
    " WHERE sweep <> :sweep AND key IN (SELECT value FROM json_each(:keys))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A sweep's seal as it was found.

    Attributes:
        rows: the digests of the rows; None if they cannot be read.
        notes: what was wrong with earlier seals, one line each.
        intact: whether the seal's digest is that of its content.
    """

    rows: Rows | None
    notes: tuple[str, ...]
    intact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed:
    """A sweep's entry in ``unsealed``: some of its rows may not be sealed.

    Attributes:
        reason: see ``Reason``.
        since: POSIX seconds.
        writer: process and host of the command.
        replaced: the digests of sealed rows that commands have replaced since the last seal, None for a part
            that they have removed.
        unexplained: the keys of rows that were there before the command, and that the seal did not have.
    """

    reason: Reason
    since: float
    writer: str
    replaced: Mapping[str, Mapping[str, str | None]]
    unexplained: Mapping[str, Sequence[str]]


def find_seal(connection: sqlite3.Connection, sweep: str) -> Seal | None:
    """Return a sweep's seal, or None if there is none."""
    row = connection.execute("SELECT digests, notes, digest FROM seals WHERE sweep = ?", (sweep,)).fetchone()
    if row is None:
        return None
    digests, notes, digest = row
    try:
        rows: Rows | None = {
            table: {key: str(each) for key, each in found.items()}
            for table, found in json.loads(digests).items()
        }
        said = tuple(str(note) for note in json.loads(notes))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return Seal(rows=None, notes=(), intact=False)
    return Seal(rows=rows, notes=said, intact=digest == seal_digest(digests, notes))


def find_unsealed(connection: sqlite3.Connection, sweep: str) -> Unsealed | None:
    """Return a sweep's entry in ``unsealed``, or None."""
    row = connection.execute(
        "SELECT reason, since, writer, replaced, unexplained FROM unsealed WHERE sweep = ?", (sweep,)
    ).fetchone()
    if row is None:
        return None
    return Unsealed(
        reason=row[0],
        since=row[1],
        writer=row[2],
        replaced=_tables(row[3], dict),
        unexplained=_tables(row[4], list),
    )


def _tables(text: str, kind: type[Kind]) -> dict[str, Kind]:
    """Return what an entry in ``unsealed`` says of each table; of damaged ones nothing."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    found = data.items() if isinstance(data, dict) else ()
    return {table: part for table, part in found if isinstance(part, kind)}


def with_replaced(rows: Rows, unsealed: Unsealed | None) -> Rows:
    """Return the digests of a seal with those of rows that commands have replaced since."""
    found = {table: dict(digests) for table, digests in rows.items()}
    for table, parts in unsealed.replaced.items() if unsealed else ():
        kept = found.setdefault(table, {})
        for key, digest in parts.items():
            if digest is None:
                kept.pop(key, None)
            else:
                kept[key] = digest
    return found


def new_rows(rows: Rows, sealed: Rows, unsealed: Unsealed | None) -> Rows:
    """Return the rows that a seal lacks and that the command that was killed may have added.

    A new part of the sweep's own row is none: commands record which they replace.
    """
    before = unsealed.unexplained if unsealed else {}
    return {
        table: {
            key: digest
            for key, digest in found.items()
            if key not in sealed.get(table, {}) and key not in before.get(table, ())
        }
        for table, found in rows.items()
        if table != "sweeps" or table not in sealed
    }


def unexplained(connection: sqlite3.Connection, sweep: str) -> dict[str, list[str]]:
    """Return the keys of the rows that a sweep's seal does not explain, by table; none without a seal."""
    seal = find_seal(connection, sweep)
    if seal is None or seal.rows is None:
        return {}
    found = {
        table: sorted(rows.keys() - seal.rows.get(table, {}).keys())
        for table, rows in rows_but_fits(connection, sweep).items()
    }
    fits = fit_keys(connection, sweep) - seal.rows.get("fits", {}).keys()
    found["fits"] = sorted(
        fits - vouched_for(connection, sweep, {key: fit_row(connection, key) for key in fits})
    )
    return {table: keys for table, keys in found.items() if keys}


def vouched_for(connection: sqlite3.Connection, sweep: str, fits: Mapping[str, str]) -> set[str]:
    """Return the keys of those fits that other sweeps explain: two sweeps may share a fit.

    Another sweep explains a fit if its seal has it, or if the command that wrote it has not sealed it yet.

    Args:
        connection: the ledger's.
        sweep: the sweep whose seal lacks the fits.
        fits: their digests by key.
    """
    others: dict[str, set[str]] = {}
    for other, key in connection.execute(_SHARED, {"sweep": sweep, "keys": json.dumps(list(fits))}):
        others.setdefault(other, set()).add(key)
    found: set[str] = set()
    for other, keys in others.items():
        if find_unsealed(connection, other):
            found |= keys
        elif (seal := find_seal(connection, other)) and seal.rows:
            held = seal.rows.get("fits", {})
            found |= {key for key in keys if held.get(key) == fits[key]}
    return found


def seal_digest(digests: str, notes: str) -> str:
    """Return the digest over a seal's content."""
    return hashlib.sha256(f"{len(digests)}\n{digests}{notes}".encode()).hexdigest()

"""A sweep's seal: the digests of all its rows, renewed once a command.

A new seal has the old seal's digests and those of the rows that the command itself has written, and nothing
that is read from the disk at the end. So what somebody else changes, deletes or adds, before the command or
meanwhile, stays a difference from the seal, however often the sweep is continued.

Before its first row of a sweep a command enters the sweep in the table ``unsealed``. If the command is
killed, the entry stays: the rows that it has added are legal, and the next command that writes the sweep
seals them.
"""

import hashlib
import json
import os
import socket
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from tracking.ledger.rows import KEYS_OF_FITS, Rows, fit_digest, rows_of
from trainer.canonical import canonical_json

#: Why rows of a sweep are not sealed: it was recorded before ledgers had seals, or a command that began or
#: continued it has not sealed it yet.
Reason = Literal["older", "begun", "continued"]


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
    """

    reason: Reason
    since: float
    writer: str
    replaced: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)


def find_seal(connection: sqlite3.Connection, sweep: str) -> Seal | None:
    """Return a sweep's seal, or None if there is none."""
    row = connection.execute("SELECT digests, notes, digest FROM seals WHERE sweep = ?", (sweep,)).fetchone()
    if row is None:
        return None
    digests, notes, digest = row
    try:
        rows: Rows | None = {table: dict(found) for table, found in json.loads(digests).items()}
        said = tuple(str(note) for note in json.loads(notes))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return Seal(rows=None, notes=(), intact=False)
    return Seal(rows=rows, notes=said, intact=digest == _digest(digests, notes))


def find_unsealed(connection: sqlite3.Connection, sweep: str) -> Unsealed | None:
    """Return a sweep's entry in ``unsealed``, or None."""
    row = connection.execute(
        "SELECT reason, since, writer, replaced FROM unsealed WHERE sweep = ?", (sweep,)
    ).fetchone()
    return row and Unsealed(reason=row[0], since=row[1], writer=row[2], replaced=json.loads(row[3]))


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


def is_vouched_for(connection: sqlite3.Connection, sweep: str, key: str, digest: str) -> bool:
    """Whether another sweep explains a fit that a sweep's seal lacks: two sweeps may share a fit.

    It does if its seal has the fit, or if the command that wrote the fit for it has not sealed it yet.
    """
    others = connection.execute(
        "SELECT sweep FROM members WHERE key = :key AND sweep <> :sweep"
        " UNION SELECT sweep FROM further_fits WHERE key = :key AND sweep <> :sweep",
        {"key": key, "sweep": sweep},
    ).fetchall()
    for (other,) in others:
        if find_unsealed(connection, other):
            return True
        seal = find_seal(connection, other)
        if seal and seal.rows and seal.rows.get("fits", {}).get(key) == digest:
            return True
    return False


class SealWriter:
    """Renews the seals of what one command writes.

    Args:
        connection: the ledger's.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._written: dict[str, Rows] = {}
        self._fits: dict[str, str] = {}

    def begin(self, sweep: str, reason: Reason = "continued") -> None:
        """Say that rows of a sweep are written; part of the transaction that writes them."""
        if sweep not in self._written:
            self._written[sweep] = self._not_sealed_yet(sweep)
        self._connection.execute(
            "INSERT OR IGNORE INTO unsealed VALUES (?, ?, ?, ?, '{}')",
            (sweep, reason, time.time(), f"process {os.getpid()} on {socket.gethostname()}"),
        )

    def _not_sealed_yet(self, sweep: str) -> Rows:
        """Return the digests of rows that are legal though no seal has them: those of a killed command."""
        sealed = self._connection.execute("SELECT 1 FROM seals WHERE sweep = ?", (sweep,)).fetchone()
        if sealed and find_unsealed(self._connection, sweep) is None:
            return {}
        seal = find_seal(self._connection, sweep)
        held = (seal and seal.rows) or {}
        return {
            table: {key: digest for key, digest in rows.items() if key not in held.get(table, {})}
            for table, rows in rows_of(self._connection, sweep).items()
        }

    def added(self, sweep: str, table: str, rows: Iterable[tuple[str, str]]) -> None:
        """Take in rows that were added: their keys and digests. ``begin`` was called for the sweep."""
        self._written[sweep].setdefault(table, {}).update(rows)

    def added_fit(self, key: str, checksum: str) -> None:
        """Take in a fit that was added, whichever sweeps have it."""
        self._fits[key] = fit_digest(checksum)

    def replaced(self, sweep: str, table: str, before: Mapping[str, str], after: Mapping[str, str]) -> None:
        """Take in rows, or parts of one, that may have had other contents; part of the same transaction.

        What is the same before and after keeps the digest of its seal: it may have been changed long ago.
        """
        changed = {key: after.get(key) for key in {**before, **after} if before.get(key) != after.get(key)}
        unsealed = find_unsealed(self._connection, sweep)
        told = dict(unsealed.replaced) if unsealed else {}
        told[table] = {**told.get(table, {}), **changed}
        self._connection.execute(
            "UPDATE unsealed SET replaced = ? WHERE sweep = ?", (canonical_json(told), sweep)
        )

    def remove(self, sweep: str) -> None:
        """Seal shared fits for the other sweeps before one is removed; part of the same transaction."""
        keys = self._connection.execute(KEYS_OF_FITS, {"sweep": sweep})
        for other in self._sharing([key for (key,) in keys]):
            if other != sweep and other not in self._written:
                self._renew(other)
        self._written.pop(sweep, None)

    def renew(self) -> None:
        """Renew the seals of all sweeps that were written, in one transaction."""
        if not (self._written or self._fits):
            return
        with self._connection:
            for sweep in {**self._written, **dict.fromkeys(self._sharing(list(self._fits)))}:
                self._renew(sweep)
        self._written, self._fits = {}, {}

    def _sharing(self, keys: list[str]) -> list[str]:
        """Return the sweeps that have one of these fits and whose seal can take it in."""
        found = self._connection.execute(
            "SELECT DISTINCT sweep FROM (SELECT sweep, key FROM members UNION ALL SELECT sweep, key FROM"
            " further_fits) WHERE key IN (SELECT value FROM json_each(?))"
            " AND sweep IN (SELECT sweep FROM seals) AND sweep NOT IN (SELECT sweep FROM unsealed)",
            (json.dumps(keys),),
        )
        return [sweep for (sweep,) in found]

    def _renew(self, sweep: str) -> None:
        seal, unsealed = find_seal(self._connection, sweep), find_unsealed(self._connection, sweep)
        notes = list(seal.notes) if seal else []
        if seal is None and (unsealed is None or unsealed.reason == "continued"):
            notes.append(f"it was missing on {_now()}, when a command wrote to the sweep")
        elif seal and not seal.intact:
            notes.append(f"it did not have its own digest on {_now()}, when a command wrote to the sweep")
        held = rows_of(self._connection, sweep) if seal and seal.rows is None else (seal and seal.rows) or {}
        written = self._written.get(sweep, {})
        rows = {table: {**written.get(table, {}), **held.get(table, {})} for table in {**written, **held}}
        rows = with_replaced(rows, unsealed)
        rows["fits"] = {**self._new_fits(sweep, rows.get("fits", {})), **rows.get("fits", {})}
        digests, said = canonical_json(rows), canonical_json(notes)
        self._connection.execute(
            "INSERT OR REPLACE INTO seals VALUES (?, ?, ?, ?)", (sweep, digests, said, _digest(digests, said))
        )
        self._connection.execute("DELETE FROM unsealed WHERE sweep = ?", (sweep,))

    def _new_fits(self, sweep: str, held: Mapping[str, str]) -> dict[str, str]:
        """Return the fits that a sweep's seal lacks: this command's own, or sealed by another sweep."""
        found = {}
        for (key,) in self._connection.execute(KEYS_OF_FITS, {"sweep": sweep}).fetchall():
            if key in held:
                continue
            if key in self._fits:
                found[key] = self._fits[key]
            elif row := self._connection.execute(
                "SELECT checksum FROM fits WHERE key = ?", (key,)
            ).fetchone():
                digest = fit_digest(row[0])
                if is_vouched_for(self._connection, sweep, key, digest):
                    found[key] = digest
        return found


def _digest(digests: str, notes: str) -> str:
    return hashlib.sha256(f"{len(digests)}\n{digests}{notes}".encode()).hexdigest()


def _now() -> str:
    return datetime.now().astimezone().isoformat(" ", "seconds")

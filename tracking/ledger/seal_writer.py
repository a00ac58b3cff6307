"""Renews the seals of the sweeps that a command writes.

A new seal has the old seal's digests and those of the rows that the command itself has written, and nothing
that is read from the disk at the end. So what somebody else changes, deletes or adds, before the command or
meanwhile, stays a difference from the seal, however often the sweep is continued.

Before its first row of a sweep a command enters the sweep in the table ``unsealed``, with the rows that the
seal does not explain then. If the command is killed, the entry stays. All other rows that the seal lacks are
taken for the command's, and the next command that writes the sweep seals them.
"""

import json
import os
import socket
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from tracking.ledger.rows import KEYS_OF_FITS, Rows, fit_digest, fit_row, rows_of
from tracking.ledger.seal import (
    Reason,
    find_seal,
    find_unsealed,
    new_rows,
    seal_digest,
    unexplained,
    vouched_for,
    with_replaced,
)
from trainer.canonical import canonical_json


class SealWriter:
    """Renews the seals of what one command writes.

    Args:
        connection: the ledger's.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._written: dict[str, Rows] = {}
        self._unexplained: dict[str, str] = {}
        self._fits: dict[str, str] = {}
        self._uncertain: list[tuple[str, str, dict[str, str]]] = []

    @contextmanager
    def transaction(self, sweep: str | None = None) -> Iterator[sqlite3.Connection]:
        """A transaction that writes rows of a sweep, or a fit; what it has added counts once it is committed.

        An interrupt may come between the two. So what the last transaction has added is looked up before the
        next one if it is not certain that it was committed.
        """
        self._settle()
        with self._connection as connection:
            if sweep is not None:
                self.begin(sweep)
            yield connection
        self._take_in(self._uncertain)
        self._uncertain = []

    def _settle(self) -> None:
        found = []
        for sweep, table, rows in self._uncertain:
            if table == "fits":
                now = {key: fit_row(self._connection, key) for key in rows}
            else:
                now = rows_of(self._connection, sweep)[table]
            found.append((sweep, table, {key: rows[key] for key in rows if now.get(key) == rows[key]}))
        self._take_in(found)
        self._uncertain = []

    def _take_in(self, added: Iterable[tuple[str, str, dict[str, str]]]) -> None:
        for sweep, table, rows in added:
            if table == "fits":
                self._fits |= rows
            else:
                self._written.setdefault(sweep, {}).setdefault(table, {}).update(rows)

    def begin(self, sweep: str, reason: Reason = "continued") -> None:
        """Say that rows of a sweep are written; part of the transaction that writes them."""
        if sweep not in self._written:
            self._unexplained[sweep] = canonical_json(unexplained(self._connection, sweep))
            self._written[sweep] = self._not_sealed_yet(sweep)
        writer = f"process {os.getpid()} on {socket.gethostname()}"
        self._connection.execute(
            "INSERT OR IGNORE INTO unsealed VALUES (?, ?, ?, ?, '{}', ?)",
            (sweep, reason, time.time(), writer, self._unexplained[sweep]),
        )

    def _not_sealed_yet(self, sweep: str) -> Rows:
        """Return the digests of rows that are legal though no seal has them: those of a killed command."""
        seal, unsealed = find_seal(self._connection, sweep), find_unsealed(self._connection, sweep)
        if seal and unsealed is None:
            return {}
        return new_rows(rows_of(self._connection, sweep), (seal and seal.rows) or {}, unsealed)

    def added(self, sweep: str, table: str, rows: Iterable[tuple[str, str]]) -> None:
        """Take in rows that were added, by their keys and digests; part of the same transaction."""
        self._uncertain.append((sweep, table, dict(rows)))

    def added_fit(self, key: str, checksum: str) -> None:
        """Take in a fit that was added, whichever sweeps have it; part of the same transaction."""
        self._uncertain.append(("", "fits", {key: fit_digest(checksum)}))

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
        self._settle()
        if not (self._written or self._fits):
            return
        with self._connection:
            present = {name for (name,) in self._connection.execute("SELECT name FROM sweeps")}
            for sweep in {**self._written, **dict.fromkeys(self._sharing(list(self._fits)))}:
                if sweep in present:
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
            "INSERT OR REPLACE INTO seals VALUES (?, ?, ?, ?)",
            (sweep, digests, said, seal_digest(digests, said)),
        )
        self._connection.execute("DELETE FROM unsealed WHERE sweep = ?", (sweep,))

    def _new_fits(self, sweep: str, held: Mapping[str, str]) -> dict[str, str]:
        """Return the fits that a sweep's seal lacks: this command's own, or sealed by another sweep."""
        keys = self._connection.execute(KEYS_OF_FITS, {"sweep": sweep}).fetchall()
        lacking = [key for (key,) in keys if key not in held]
        own = {key: self._fits[key] for key in lacking if key in self._fits}
        others = {key: fit_row(self._connection, key) for key in lacking if key not in own}
        shared = vouched_for(self._connection, sweep, {key: each for key, each in others.items() if each})
        return {**own, **{key: others[key] for key in shared}}


def _now() -> str:
    return datetime.now().astimezone().isoformat(" ", "seconds")

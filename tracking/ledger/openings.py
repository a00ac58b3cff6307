"""Openings of exams: which models were scored on which exam, over the whole home.

They outlive the sweeps whose models were scored: what was seen of an exam was seen. Each row has a digest
over itself and the row before it, so a row that was changed or taken out shows. Models that an earlier
version exported have their exam's score in their description only; they count too.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator

from tracking.records import Opening
from trainer.canonical import canonical_json

_INSERT = "INSERT INTO openings VALUES (?, ?, ?, ?, ?, ?)"
_SELECT = "SELECT exam, sweep, purpose, model, opened_at, digest FROM openings ORDER BY rowid"
_CARDS = "SELECT sweep, exported_at, card FROM exports ORDER BY exported_at, rowid"


def add(connection: sqlite3.Connection, opening: Opening) -> None:
    """Add an opening, unless the same model was scored on the same exam before; part of a transaction."""
    rows = connection.execute(_SELECT).fetchall()
    if any((row[0], row[3]) == (opening.exam, opening.model) for row in rows):
        return
    values = (opening.exam, opening.sweep, opening.purpose, opening.model, opening.at)
    connection.execute(_INSERT, (*values, _digest(rows[-1][5] if rows else "", values)))


def keep(connection: sqlite3.Connection, sweep: str) -> None:
    """Add the openings that only the descriptions of a sweep's exported models have: they will be deleted."""
    for opening in list(_from_cards(connection)):
        if opening.sweep == sweep:
            add(connection, opening)


def openings(connection: sqlite3.Connection, exam: str) -> tuple[Opening, ...]:
    """Return the openings of an exam, the oldest first; a model that was scored twice is in it once."""
    rows = (Opening(exam=e, sweep=s, purpose=p, model=m, at=t) for e, s, p, m, t, _ in _all(connection))
    found: dict[str, Opening] = {}
    for each in (*rows, *_from_cards(connection)):
        if each.exam == exam:
            found.setdefault(each.model, each)
    return tuple(sorted(found.values(), key=lambda each: each.at))


def damage(connection: sqlite3.Connection) -> str | None:
    """Return what is wrong with the rows in one line; None if each has its digest."""
    previous = ""
    for number, (*values, digest) in enumerate(_all(connection), start=1):
        if digest != _digest(previous, tuple(values)):
            return f"row {number} was changed, or the row before it was changed or deleted"
        previous = digest
    return None


def _all(connection: sqlite3.Connection) -> list[tuple[str, str, str, str, float, str]]:
    return connection.execute(_SELECT).fetchall()


def _digest(previous: str, values: tuple[object, ...]) -> str:
    return hashlib.sha256(f"{previous}\n{canonical_json(list(values))}".encode()).hexdigest()


def _from_cards(connection: sqlite3.Connection) -> Iterator[Opening]:
    """Yield the openings that descriptions of exported models tell of; damaged ones are named elsewhere."""
    for sweep, exported_at, text in connection.execute(_CARDS):
        try:
            card = json.loads(text)
            exam = card["scores"]["test"]["fingerprint"]
            yield Opening(exam=exam, sweep=sweep, purpose="export", model=card["key"], at=exported_at)
        except (ValueError, TypeError, KeyError, RecursionError):
            continue

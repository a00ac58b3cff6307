"""Compares a sweep's rows with its seal: which row was changed, deleted, added or moved, by name."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tracking.ledger.rows import Rows, fit_row, fit_rows, row_digest, row_name, rows_of, time_text
from tracking.ledger.seal import Unsealed, find_seal, find_unsealed, new_rows, vouched_for, with_replaced
from trainer.quantities import counted

#: In which order the rows of the tables are reported.
TABLES = ("sweeps", "proposals", "members", "fits", "further_fits", "exports", "reports")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDifference:
    """A row that is not as it was sealed.

    Attributes:
        row: what the row is called, such as ``"trial resnet/3"`` or ``"fold 2 of resnet/3"``.
        what: what happened to it, in words.
    """

    row: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealCheck:
    """What a sweep's seal says about its rows.

    Attributes:
        differences: the rows that are not as they were sealed.
        unsealed: number of rows that no seal covers yet, which is no difference.
        why: why that is so, in one line; None if all rows are sealed.
    """

    differences: tuple[RowDifference, ...] = ()
    unsealed: int = 0
    why: str | None = None


def check_seal(connection: sqlite3.Connection, sweep: str, *, live: bool) -> SealCheck:
    """Compare a sweep's rows with its seal.

    Args:
        connection: the ledger's; all is read in one transaction.
        sweep: the sweep's name.
        live: whether a command has the ledger open for writing now.
    """
    begun = not connection.in_transaction
    if begun:
        connection.execute("BEGIN")
    try:
        return _check(connection, sweep, live=live)
    finally:
        if begun:
            connection.rollback()


def _check(connection: sqlite3.Connection, sweep: str, *, live: bool) -> SealCheck:
    seal, unsealed = find_seal(connection, sweep), find_unsealed(connection, sweep)
    rows = rows_of(connection, sweep)
    if seal is None or seal.rows is None:
        if seal is None and unsealed and unsealed.reason != "continued":
            count = sum(len(found) for found in rows.values())
            return SealCheck(unsealed=count, why=_why(unsealed, count, live=live))
        what = "is missing" if seal is None else "cannot be read"
        return SealCheck(differences=(RowDifference(row="the sweep's seal", what=f"it {what}"),))
    found = [RowDifference(row="the sweep's seal", what=note) for note in seal.notes]
    if not seal.intact:
        found.append(RowDifference(row="the sweep's seal", what="it was changed: its digest is another"))
    sealed = with_replaced(seal.rows, unsealed)
    gone, added = _minus(sealed, rows), _minus(rows, sealed)
    gone["fits"] = _without_present_fits(connection, gone.get("fits", {}))
    shared = vouched_for(connection, sweep, added.get("fits", {}))
    added["fits"] = {key: d for key, d in added.get("fits", {}).items() if key not in shared}
    new = new_rows(added, sealed, unsealed) if unsealed else {}
    added = _minus(added, new)
    names = _Names(sealed, rows)
    found += [
        RowDifference(row=names.of(table, key), what=what) for table, key, what in _changes(sealed, rows)
    ]
    found += _gone_and_added(connection, sweep, gone, added, names)
    count = sum(len(each) for each in new.values()) + len(shared)
    why = _why(unsealed, count, live=live) if count else None
    return SealCheck(differences=tuple(found), unsealed=count, why=why)


def changed_fits(connection: sqlite3.Connection, sweep: str) -> set[str]:
    """Return the keys of fits that have another checksum now than when they were sealed."""
    seal = find_seal(connection, sweep)
    held = (seal and seal.rows and seal.rows.get("fits")) or {}
    rows = fit_rows(connection, sweep)
    return {key for key, digest in rows.items() if held.get(key, digest) != digest}


def _why(unsealed: Unsealed | None, count: int, *, live: bool) -> str:
    rows = f"{counted(count, 'row')} of the record {'is' if count == 1 else 'are'} not sealed yet"
    if unsealed is None:
        return f"{rows}: another sweep has trained them; the next command that writes this one seals them"
    if unsealed.reason == "older":
        return (
            "not sealed: recorded by a version of refold that had no seals; the next command that writes the "
            "sweep seals it"
        )
    if live:
        return f"{rows}: a command is writing to this home"
    begun = time_text(repr(unsealed.since))
    return (
        f"{rows}: the command that wrote them was killed or had no space ({unsealed.writer}, begun {begun}); "
        "the next command that writes the sweep seals them"
    )


def _minus(some: Rows, others: Rows) -> Rows:
    return {
        table: {key: digest for key, digest in rows.items() if key not in others.get(table, {})}
        for table, rows in some.items()
    }


def _without_present_fits(connection: sqlite3.Connection, gone: Mapping[str, str]) -> dict[str, str]:
    """Return the fits without those that are still there: only the row is gone that says whose they are."""
    return {key: digest for key, digest in gone.items() if fit_row(connection, key) != digest}


class _Names:
    """The names of rows; a fit is called after the fold that has it, sealed or present."""

    def __init__(self, sealed: Rows, rows: Rows) -> None:
        self._places: dict[str, str] = {}
        for tables in (rows, sealed):
            for table in ("further_fits", "members"):
                for key, digest in tables.get(table, {}).items():
                    self._places[digest] = row_name(table, key)

    def of(self, table: str, key: str) -> str:
        """Return what a row is called."""
        if table == "fits" and (place := self._places.get(row_digest(key))):
            return f"the fit of {place}"
        return row_name(table, key)


def _changes(sealed: Rows, rows: Rows) -> Iterator[tuple[str, str, str]]:
    """Yield table, key and words for each row that has other contents now."""
    for table in TABLES:
        held, now = sealed.get(table, {}), rows.get(table, {})
        places = {digest: key for key, digest in held.items()} if table != "sweeps" else {}
        for key, digest in held.items():
            if key in now and now[key] != digest:
                other = places.get(now[key])
                what = "it was changed after it was recorded"
                if other:
                    what += f": it has the contents that {row_name(table, other)} had"
                yield table, key, what


def _gone_and_added(
    connection: sqlite3.Connection, sweep: str, gone: Rows, added: Rows, names: _Names
) -> Iterator[RowDifference]:
    if not any(gone.values()) and not any(added.values()):
        return
    taken, lost = _elsewhere(connection, sweep)
    for rows, places, what, moved in (
        (gone, taken, "it was deleted after it was recorded", "moved to the sweep"),
        (added, lost, "it was added and is no result of refold's", "moved here from the sweep"),
    ):
        for table in TABLES:
            for key, digest in rows.get(table, {}).items():
                other = places.get((table, digest))
                said = f"{what}: {moved} {other!r}" if other is not None else what
                yield RowDifference(row=names.of(table, key), what=said)


def _elsewhere(
    connection: sqlite3.Connection, sweep: str
) -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], str]]:
    """Return the rows that other sweeps have beyond their seals, and those that they lack, by digest."""
    taken: dict[tuple[str, str], str] = {}
    lost: dict[tuple[str, str], str] = {}
    for (other,) in connection.execute("SELECT name FROM sweeps WHERE name <> ?", (sweep,)).fetchall():
        seal = find_seal(connection, other)
        if seal is None or seal.rows is None:
            continue
        rows = rows_of(connection, other)
        for table in rows:
            here, there = rows[table], seal.rows.get(table, {})
            taken |= {(table, digest): other for key, digest in here.items() if there.get(key) != digest}
            lost |= {(table, digest): other for key, digest in there.items() if here.get(key) != digest}
    return taken, lost

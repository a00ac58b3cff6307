"""Ways to change a record behind refold's back: edits of rows and of the JSON in them."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.varied_sweep import NAME

Change = Callable[[sqlite3.Connection], object]
Edit = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Row:
    """One way to change a record.

    Attributes:
        change: the change.
        named: what the first difference, or the refusal, must say.
        resealed: whether all checksums are made to fit again.
        everything: whether all fits are trained again: nothing else shows the change.
        sweep: the sweep's name afterwards.
    """

    change: Change
    named: str
    resealed: bool = True
    everything: bool = False
    sweep: str = NAME


def sql(*statements: str) -> Change:
    """Return what runs statements; ``{made}`` stands for the sweep's name as a text."""

    def change(ledger: sqlite3.Connection) -> None:
        for statement in statements:
            assert ledger.execute(statement.format(made=f"'{NAME}'")).rowcount, statement

    return change


def edited(table: str, column: str, where: str, edit: Edit) -> Change:
    """Return what edits the JSON in a column of one row."""

    def change(ledger: sqlite3.Connection) -> None:
        ((row, text),) = ledger.execute(f"SELECT rowid, {column} FROM {table} WHERE {where}").fetchall()
        data = json.loads(text)
        edit(data)
        new = json.dumps(data, sort_keys=True)
        assert new != json.dumps(json.loads(text), sort_keys=True)
        ledger.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (new, row))

    return change


def key_of(trial: str, position: int) -> str:
    """Return a condition for the key of a fit of the search."""
    architecture, number = trial.split("/")
    return (
        f"key = (SELECT key FROM members WHERE sweep = '{NAME}' AND architecture = '{architecture}' "
        f"AND number = {number} AND position = {position})"
    )


def run(edit: Edit, trial: str = "lenet/0", position: int = 0) -> Change:
    """Return what edits the run of a fit."""
    return edited("fits", "run", key_of(trial, position), edit)


def spec(edit: Edit) -> Change:
    """Return what edits the spec of a fit."""
    return edited("fits", "spec", key_of("lenet/0", 0), edit)


def entry(column: str, edit: Edit) -> Change:
    """Return what edits a column of the sweep."""
    return edited("sweeps", column, f"name = '{NAME}'", edit)


def put(*path: Any, value: Any) -> Edit:
    """Return what sets the value at ``path``."""

    def edit(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        data[path[-1]] = value

    return edit


def drop(*path: Any) -> Edit:
    """Return what deletes the value at ``path``."""

    def edit(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        del data[path[-1]]

    return edit


def flip(*path: Any) -> Edit:
    """Return what changes one bit of the digest at ``path``."""

    def edit(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        digits = data[path[-1]]
        data[path[-1]] = f"{int(digits[0], 16) ^ 1:x}{digits[1:]}"

    return edit


def both(*changes: Change) -> Change:
    """Return what makes several changes."""

    def change(ledger: sqlite3.Connection) -> None:
        for each in changes:
            each(ledger)

    return change


def text(before: str, after: str) -> Change:
    """Return what replaces a part of the sweep file's text."""
    return sql(f"UPDATE sweeps SET toml = replace(toml, '{before}', '{after}') WHERE name = {{made}}")

"""Everything that the ledger has of one sweep, row by row: what ``verify`` looks through.

``Ledger.sweep`` returns what counts. Here are also fits that came too late to count, and fits of no trial.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tracking.ledger.codec import decode_run
from tracking.ledger.file import reading
from tracking.records import FoldRecord
from trainer.fits.specs import FitSpec

#: Keys of fits by position, by trial: (architecture, number).
Members = Mapping[tuple[str, int], Mapping[int, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepContents:
    """The rows of one sweep.

    Attributes:
        members: keys of the search's fits, trained or not.
        further: keys of the fits beside the search, by purpose.
        fits: the recorded ones of these fits, by key.
        cards: what was exported, oldest first: the content of each ``model.json``, with its folder.
        unasked: keys of recorded fits that no sweep of the ledger asks for.
    """

    members: Members
    further: Mapping[str, Members]
    fits: Mapping[str, FoldRecord]
    cards: tuple[Mapping[str, Any], ...]
    unasked: tuple[str, ...]


_MEMBERS = """
SELECT architecture, number, position, key FROM members WHERE sweep = ? ORDER BY 1, 2, 3
"""
_FURTHER = """
SELECT purpose, architecture, number, position, key FROM further_fits WHERE sweep = ? ORDER BY 1, 2, 3, 4
"""
_FITS = """
SELECT key, spec, run, predictions, confidences FROM fits WHERE key IN
    (SELECT key FROM members WHERE sweep = ? UNION SELECT key FROM further_fits WHERE sweep = ?)
"""
_UNASKED = """
SELECT key FROM fits WHERE key NOT IN (SELECT key FROM members UNION SELECT key FROM further_fits)
ORDER BY key
"""


def contents_of(connection: sqlite3.Connection, sweep: str) -> SweepContents:
    """Read all rows of a sweep.

    Raises:
        UsageError: if a row is damaged; the message names it.
    """
    members: dict[tuple[str, int], dict[int, str]] = {}
    further: dict[str, dict[tuple[str, int], dict[int, str]]] = {}
    rows = (
        "architecture, number, position, key FROM {} WHERE sweep = ? ORDER BY architecture, number, position"
    )
    for architecture, number, position, key in connection.execute(
        f"SELECT {rows.format('members')}", (sweep,)
    ):
        members.setdefault((architecture, number), {})[position] = key
    for purpose, architecture, number, position, key in connection.execute(
        f"SELECT purpose, {rows.format('further_fits')}", (sweep,)
    ):
        further.setdefault(purpose, {}).setdefault((architecture, number), {})[position] = key
    with reading(f"an export of {sweep!r}"):
        cards = connection.execute(
            "SELECT card FROM exports WHERE sweep = ? ORDER BY exported_at, rowid", (sweep,)
        )
        exported = tuple(json.loads(card) for (card,) in cards)
    return SweepContents(
        members=members,
        further=further,
        fits=dict(_fit(*row) for row in connection.execute(_FITS, (sweep, sweep))),
        cards=exported,
        unasked=tuple(key for (key,) in connection.execute(_UNASKED)),
    )


def _fit(key: str, spec: str, run: str, predictions: bytes, confidences: bytes) -> tuple[str, FoldRecord]:
    with reading(f"the fit {key[:16]}"):
        known = FitSpec.from_json(json.loads(spec))
        return key, FoldRecord(spec=known, run=decode_run(run, predictions, confidences))

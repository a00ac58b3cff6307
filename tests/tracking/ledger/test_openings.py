"""Openings of exams: each model once, over the whole home; what was changed or taken out shows."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tracking.ledger.ledger import Ledger
from tracking.records import Opening


def opening(number: int, exam: str = "e" * 64) -> Opening:
    """An opening by a model of its own."""
    return Opening(
        exam=exam, sweep=f"sweep {number}", purpose="export", model=f"{number:064}", at=float(number)
    )


def test_openings_are_counted_by_model_over_the_home(tmp_path: Path) -> None:
    """The same model twice is one opening; other exams are apart."""
    with Ledger.open(tmp_path) as ledger:
        for number in (2, 1, 2):
            ledger.add_opening(opening(number))
        ledger.add_opening(opening(1, exam="f" * 64))
    with Ledger.read(tmp_path) as ledger:
        assert ledger.openings("e" * 64) == (opening(1), opening(2))
        assert ledger.openings("a" * 64) == ()
        assert ledger.damaged_openings() is None


def test_a_changed_or_deleted_opening_is_noticed(tmp_path: Path) -> None:
    """Each row has a digest over itself and the row before it."""
    with Ledger.open(tmp_path) as ledger:
        for number in range(4):
            ledger.add_opening(opening(number))
    for statement in (
        "UPDATE openings SET sweep = 'another' WHERE opened_at = 1",
        "DELETE FROM openings WHERE opened_at = 2",
    ):
        with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as connection, connection:
            connection.execute(statement)
        with Ledger.read(tmp_path) as ledger:
            assert "was changed" in str(ledger.damaged_openings())

"""``verify`` counts the images of each class in each fold again: the bounds of pruning follow from these."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.definition.identity import plan_of
from sweeps.verification.selection import FitSelection
from sweeps.verification.verify import verify
from tests.labelled_trainer import LabelledWorkers, record, sweep_of_table
from tests.varied_sweep import reseal
from tracking.ledger.ledger import Ledger

CHANCES = {"lenet": 0.9}


@contextmanager
def start(_log: Path) -> Iterator[LabelledWorkers]:
    """Start the workers that a verification takes."""
    yield LabelledWorkers(CHANCES)


@pytest.mark.parametrize("counts", [(), ((14, 13, 13), (13, 14, 13), (13, 13, 14))])
def test_counts_of_folds_are_derived_again(tmp_path: Path, counts: tuple[tuple[int, ...], ...]) -> None:
    """A record whose key and checksums all fit, with counts that the data do not have, is found out."""
    home = record(sweep_of_table(tmp_path, "lenet"), LabelledWorkers(CHANCES))
    assert verify(home, "made", FitSelection(), start_workers=start).differences == ()
    with Ledger.read(home) as ledger:
        entry = ledger.entry("made")
    assert entry is not None
    plan = replace(plan_of(entry), held_out=counts)
    connection = sqlite3.connect(home / "ledger.sqlite")
    connection.execute("UPDATE sweeps SET key = ?, identity = ?", (plan.key, json.dumps(plan.identity())))
    reseal(connection)
    connection.commit()
    connection.close()
    (difference,) = verify(home, "made", FitSelection(), start_workers=start).differences
    assert str(difference).startswith("made: images of each class in each fold: ")
    assert str(difference).endswith(" recorded, [[14, 14, 14], [13, 13, 13], [13, 13, 13]] derived")

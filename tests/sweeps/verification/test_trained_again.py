"""What ``verify`` derives and trains again: counts of folds, which pruning needs; fits that are stopped."""

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
from trainer.errors import UsageError
from trainer.fits.results import FitRun
from trainer.process.jobs import Job, out_of_memory

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


class Starved(LabelledWorkers):
    """Runs out of memory in every fit."""

    def finished(self, timeout: float) -> list[tuple[Job, FitRun]]:
        """See ``Workers``."""
        return [(job, out_of_memory(job.spec, "made up", 3, 0.0)) for job, _ in super().finished(timeout)]


def test_a_fit_that_cannot_be_trained_again_is_no_mismatch(tmp_path: Path) -> None:
    """Too little memory here says nothing about the record."""
    home = record(sweep_of_table(tmp_path, "lenet"), LabelledWorkers(CHANCES))

    @contextmanager
    def starved(_log: Path) -> Iterator[LabelledWorkers]:
        yield Starved(CHANCES)

    one = FitSelection(architecture="lenet", trial=0, fold=1)  # a sample would be drawn anew each time
    said = "lenet/0 fold 1 could not be trained again here, .* ran out of mem"
    with pytest.raises(UsageError, match=said):
        verify(home, "made", one, start_workers=starved)

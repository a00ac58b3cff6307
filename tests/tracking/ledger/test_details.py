"""Where a sweep's parts were found: what earlier versions recorded is read, what newer ones did stays."""

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.execution.loop import enter
from tests.closed_formula import plan, prepared
from tracking.ledger.details import SweepDetails
from tracking.ledger.ledger import Ledger
from trainer.canonical import canonical_json
from trainer.errors import UsageError

#: As the first version of refold wrote it, for a folder of images and an architecture of the user's own.
RECORDED = (
    '{"dataset":{"colour":"grey","image_size":[8,6],"samples":100,"source":"photos"},"experiment":"pets",'
    '"folder":"/home/me/pets","sources":{"tiny":{"files":[["tiny.py","def build(): ..."]],'
    '"spec":"tiny.py:build"}}}'
)


def test_what_was_recorded_is_read_and_written_unchanged() -> None:
    """The JSON of today's homes gives typed details, and those give the same bytes."""
    details = SweepDetails.from_json(json.loads(RECORDED))
    assert (details.folder, details.experiment) == ("/home/me/pets", "pets")
    assert details.dataset.image_size == (8, 6)
    assert details.sources["tiny"].main == "tiny.py"
    assert canonical_json(details.to_json()) == RECORDED


def test_what_a_newer_version_recorded_survives_going_on_with_the_sweep(tmp_path: Path) -> None:
    """An entry that this version does not know is still there after the sweep's details were updated."""
    made = prepared(plan())
    with Ledger.open(tmp_path) as ledger:
        enter(made, ledger)
    connection = sqlite3.connect(tmp_path / "ledger.sqlite")
    connection.execute("UPDATE sweeps SET details = json_set(details, '$.shelf', 'upper')")
    connection.commit()
    connection.close()
    with Ledger.open(tmp_path) as ledger:
        enter(replace(made, spec=replace(made.spec, folder=tmp_path)), ledger)
        entry = ledger.entry("made-up")
    assert entry is not None
    assert entry.details.to_json()["shelf"] == "upper"
    assert entry.details.folder == str(tmp_path)


def test_a_dataset_that_a_newer_version_describes_is_refused_by_name() -> None:
    """It would be loaded without what the new field asks for."""
    newer = json.loads(RECORDED)
    newer["dataset"]["weather"] = "sunny"
    with pytest.raises(UsageError, match="described by weather, which this refold does not know"):
        SweepDetails.from_json(newer)

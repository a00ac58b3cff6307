"""The seal's benchmark measures a sweep that is sealed."""

from pathlib import Path

from benchmarks.seal import measure
from tracking.ledger.ledger import Ledger
from tracking.ledger.seal_check import SealCheck


def test_a_few_trials_are_sealed_and_each_part_takes_time(tmp_path: Path) -> None:
    """A part that takes none was not measured."""
    took = measure(4, tmp_path)
    assert all(milliseconds > 0 for milliseconds in took.values())
    with Ledger.read(tmp_path) as ledger:
        assert ledger.check_seal("made-up") == SealCheck()
        assert len(ledger.sweep("made-up").trials) == 4

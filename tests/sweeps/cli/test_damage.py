"""An error that a changed record causes is blamed on the record, any other on refold."""

from argparse import Namespace
from pathlib import Path

import pytest

from sweeps.cli.damage import damage
from tests.hostile_files import executed as changed
from tests.hostile_files import ledger


def show(sweep: str = "fixture") -> None:
    """Stands for the verb of that name."""


def options(folder: Path) -> Namespace:
    """Return the options of ``refold show fixture``."""
    return Namespace(sweep="fixture", action=show, home=str(folder / "refold-runs"))


def test_a_changed_row_is_blamed(tmp_path: Path) -> None:
    """The line says what to do."""
    write, _ = ledger("", changed("UPDATE fits SET run = replace(run, 'host', 'hose')"))
    write(tmp_path)
    said = damage(options(tmp_path), TypeError("x"))
    assert said is not None
    assert "was changed after it was written" in said
    assert "refold verify fixture" in said


@pytest.mark.parametrize("there", [True, False])
def test_an_error_of_refold_s_is_not(there: bool, tmp_path: Path) -> None:
    """With a good record, or without any."""
    if there:
        ledger("", lambda _: None)[0](tmp_path)
    assert damage(options(tmp_path), TypeError("x")) is None

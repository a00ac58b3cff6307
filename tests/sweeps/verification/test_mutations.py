"""The catalogue of changes to a record: each is named by ``verify``."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sweeps.analysis import comparison, variance_components
from sweeps.verification import reports
from sweeps.verification.selection import FitSelection
from sweeps.verification.verify import Report, verify
from tests.record_changes import Row
from tests.record_mutations import MUTATIONS
from tests.varied_sweep import NAME, record, reseal, workers
from trainer.errors import UsageError


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a sweep with one of everything."""
    return record(tmp_path_factory.mktemp("recorded"))


@pytest.fixture(scope="module", autouse=True)
def concluded_once() -> Iterator[None]:
    """Conclusions and their pictures take the longest: from equal records they are drawn once."""
    known: dict[str, Any] = {}

    def once(function: Callable[..., Any]) -> Callable[..., Any]:
        def remembered(*given: Any) -> Any:
            key = hashlib.sha256(repr((function.__name__, given)).encode()).hexdigest()
            if key not in known:
                known[key] = function(*given)
            return known[key]

        return remembered

    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((reports, "page"), (comparison, "compare"), (variance_components, "variances")):
            patch.setattr(module, name, once(getattr(module, name)))
        yield


def checked(home: Path, name: str = NAME, *, everything: bool = False) -> Report:
    """Verify with a formula in place of training."""
    return verify(home, name, FitSelection(everything=everything), start_workers=workers)


def copied(recorded: Path, folder: Path) -> Path:
    """Return a home with a copy of the ledger; the data and the exports stay where they are."""
    (folder / "ledger.sqlite").write_bytes((recorded / "ledger.sqlite").read_bytes())
    return folder


def mutated(home: Path, row: Row) -> None:
    """Change the record."""
    with closing(sqlite3.connect(home / "ledger.sqlite")) as ledger, ledger:
        row.change(ledger)
        if row.resealed:
            reseal(ledger)


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_mutation_is_named(recorded: Path, tmp_path: Path, name: str) -> None:
    """The first difference names what was changed, in one line; a record that cannot be read is refused."""
    row = MUTATIONS[name]
    home = copied(recorded, tmp_path)
    mutated(home, row)
    sweep = "longer" if "'longer'" in row.named else row.sweep
    try:
        first = str(checked(home, sweep, everything=row.everything).differences[0])
    except UsageError as refused:
        first = str(refused)
    assert row.named in first
    assert "\n" not in first


def test_the_untouched_record_matches(recorded: Path, tmp_path: Path) -> None:
    """With every fit trained again; only the fit that was stopped then needs a word."""
    home = copied(recorded, tmp_path)
    report = checked(home, everything=True)
    assert report.differences == ()
    assert report.trained == report.recorded
    assert report.notes == (
        "mine/1 fold 1: stopped for lack of time then; trained again it is complete after 5 min",
    )
    assert checked(home, "longer").differences == ()


def test_the_catalogue_is_long_enough() -> None:
    """Sixty changes at least, and most of them where the checksums fit again."""
    assert len(MUTATIONS) >= 60
    assert sum(row.resealed for row in MUTATIONS.values()) >= 60

"""Homes as earlier versions of refold left them (``tests/homes``, each with what made it)."""

import gzip
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.whole_dataset import whole
from trainer.datasets import DatasetSource, store

#: Each version's folder.
HOMES = Path(__file__).parent / "homes"

#: Before folders, modules and the import name were changed.
BEFORE_THE_MOVE = HOMES / "0.1.0-24ae563"

#: Before there were exams: a ledger of version 3, with seals.
BEFORE_EXAMS = HOMES / "0.1.0-d0bfaf1"

#: Statements that make a ledger what an earlier version of its tables was.
AS_VERSION_3 = "DROP TABLE IF EXISTS openings; PRAGMA user_version = 3;"
AS_VERSION_2 = (
    f"{AS_VERSION_3} DROP TABLE IF EXISTS seals; DROP TABLE IF EXISTS unsealed; PRAGMA user_version = 2;"
)
AS_VERSION_1 = f"{AS_VERSION_2} DROP TABLE further_fits; DROP TABLE reports; PRAGMA user_version = 1;"


def copy_of(recorded: Path, folder: Path) -> Path:
    """Copy a recorded home, its sweep file and the user's modules; return the home, its dataset stored again.

    Args:
        recorded: one of ``HOMES``.
        folder: an empty folder; takes ``sweep.toml``, the modules and ``home``.
    """
    for file in ("sweep.toml", "my_models.py", "parts.py"):
        shutil.copy(recorded / file, folder)
    home = folder / "home"
    home.mkdir()
    (home / "ledger.sqlite").write_bytes(gzip.decompress((recorded / "ledger.sqlite.gz").read_bytes()))
    with closing(sqlite3.connect(home / "ledger.sqlite")) as ledger, ledger:  # as if it had never moved
        ledger.execute("UPDATE sweeps SET details = json_set(details, '$.folder', ?)", (str(folder),))
    store(whole(DatasetSource(source="digits", samples=120)), home / "datasets")
    return home

"""What commands that were killed have left in a home. The next one that writes to the home removes it."""

import shutil
from contextlib import suppress
from pathlib import Path

from trainer.datasets.store import remove_partial
from trainer.runtime.scratch import remove_abandoned

#: The folder in the home in which exports are prepared.
EXPORT = "export.partial"

#: How the names of folders begin in which MLflow's database is made.
NEW_DATABASE = ".mlflow.db.new-"


def remove_leftovers(home: Path) -> None:
    """Remove half-written files. The caller holds the home's lock, so no other process writes them now."""
    shutil.rmtree(home / EXPORT, ignore_errors=True)
    remove_abandoned(home, NEW_DATABASE)
    for draft in home.glob(".mlflow.db.*.new*"):  # of refold until 0.1
        with suppress(OSError):
            draft.unlink()
    remove_partial(home / "datasets")

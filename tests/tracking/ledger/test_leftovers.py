"""What killed commands have left in a home is gone after the next one; what is in use stays."""

import shutil
from pathlib import Path

import pytest

from tracking.errors import HomeGone
from tracking.ledger.ledger import Ledger
from tracking.ledger.leftovers import EXPORT, NEW_DATABASE
from trainer.datasets.store import in_use
from trainer.runtime.scratch import scratch_folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with something of everything that a kill may leave."""
    for folder in (
        EXPORT,
        f"{NEW_DATABASE}abcd",
        "datasets/.0123-4567.partial",
        "datasets/0123",
        "artifacts",
    ):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "file").touch()
    for file in (".mlflow.db.4711.new", ".mlflow.db.4711.new-journal", "mlflow.db"):
        (tmp_path / file).touch()
    return tmp_path


def names(folder: Path) -> set[str]:
    """Return what is in a folder, but for the ledger's own files."""
    return {path.name for path in folder.iterdir() if not path.name.startswith("ledger")}


def test_they_are_removed_by_who_writes_next(home: Path) -> None:
    """And nothing else is."""
    with Ledger.open(home):
        pass
    assert names(home) == {"datasets", "artifacts", "mlflow.db"}
    assert names(home / "datasets") == {"0123"}


def test_a_reader_removes_nothing(home: Path) -> None:
    """Somebody may be writing them."""
    with Ledger.open(home):
        (home / EXPORT).mkdir()
        with Ledger.read(home):
            pass
        assert (home / EXPORT).exists()


def test_what_is_in_use_stays(home: Path) -> None:
    """A database that is being made; a dataset that a worker with this folder is being sent."""
    with scratch_folder(home, NEW_DATABASE) as database, in_use(home / "datasets") as possible:
        assert possible
        with Ledger.open(home):
            pass
        assert database.exists()
        assert names(home / "datasets") == {"0123", ".0123-4567.partial"}


@pytest.mark.parametrize("anew", [False, True])
def test_a_home_that_vanishes_is_one_line(tmp_path: Path, anew: bool) -> None:
    """Also if something has made a folder of that name again."""
    home = tmp_path / "home"

    def write_without_home() -> None:
        with Ledger.open(home):
            shutil.rmtree(home)
            if anew:
                home.mkdir()
                (home / "ledger.sqlite").touch()
            (home / "datasets").stat()

    with pytest.raises(HomeGone, match=f"the ledger in {home} was deleted") as raised:
        write_without_home()
    assert "\n" not in str(raised.value)

"""The store: whole or absent, opened without reading, checked when in doubt."""

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.datasets import Dataset, open_stored, store
from trainer.datasets.store import check_stored, in_use, remove_partial
from trainer.errors import UsageError

MODULE = importlib.import_module("trainer.datasets.store")  # the package's name of it is the function


@pytest.fixture
def dataset() -> Any:
    """Return twelve little images; a class name that is no ASCII."""
    return Dataset(
        name="twelve",
        images=np.arange(12 * 64, dtype=np.uint32).astype(np.uint8).reshape(12, 8, 8, 1),
        labels=np.array([0, 1] * 6, dtype=np.int32),
        classes=("Käfer", "7"),
        pixel_max=255.0,
    )


def names(folder: Path) -> Any:
    """Return what lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_what_is_stored_comes_back(tmp_path: Path, dataset: Any) -> None:
    """Every field comes back, mapped and read only, under the fingerprint's name."""
    path = store(dataset, tmp_path / "deep" / "datasets")
    opened = open_stored(path)
    assert path == tmp_path / "deep" / "datasets" / dataset.fingerprint
    assert names(path) == ["dataset.json", "images.npy", "labels.npy"]
    assert isinstance(opened.images, np.memmap)
    assert not opened.images.flags.writeable
    assert np.array_equal(opened.images, dataset.images)
    assert np.array_equal(opened.labels, dataset.labels)
    assert (opened.name, opened.classes, opened.pixel_max) == ("twelve", ("Käfer", "7"), 255.0)
    assert opened.fingerprint == dataset.fingerprint
    check_stored(path)


def test_storing_again_writes_nothing(tmp_path: Path, dataset: Any) -> None:
    """A complete store is used as it is, and nothing else is left behind."""
    path = store(dataset, tmp_path)
    before = (path / "images.npy").stat()
    assert store(dataset, tmp_path) == path
    after = (path / "images.npy").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert names(tmp_path) == [dataset.fingerprint]


def damage_json(path: Path, **changes: Any) -> None:
    """Change fields of dataset.json."""
    header = json.loads((path / "dataset.json").read_text())
    (path / "dataset.json").write_text(json.dumps(header | changes))


def write_archive(path: Path) -> None:
    """Put an archive of arrays where an array belongs."""
    with path.open("wb") as stream:
        np.savez(stream, a=1)


DAMAGES = {
    "images gone": lambda path: (path / "images.npy").unlink(),
    "labels gone": lambda path: (path / "labels.npy").unlink(),
    "json gone": lambda path: (path / "dataset.json").unlink(),
    "images cut": lambda path: (path / "images.npy").write_bytes((path / "images.npy").read_bytes()[:-1]),
    "images empty": lambda path: (path / "images.npy").write_bytes(b""),
    "images no array": lambda path: (path / "images.npy").write_bytes(b"text"),
    "images an archive": lambda path: write_archive(path / "images.npy"),
    "images smaller": lambda path: np.save(path / "images.npy", np.zeros((12, 8, 8), np.uint8)),
    "labels of another type": lambda path: np.save(path / "labels.npy", np.zeros(12, np.int64)),
    "json cut": lambda path: (path / "dataset.json").write_text("{"),
    "json a list": lambda path: (path / "dataset.json").write_text("[]"),
    "json not text": lambda path: (path / "dataset.json").write_bytes(b"\xff\xfe"),
    "another fingerprint": lambda path: damage_json(path, fingerprint="0" * 64),
    "classes no list": lambda path: damage_json(path, classes=7),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_store_is_refused_and_mended(tmp_path: Path, dataset: Any, damage: Any) -> None:
    """A damaged store is named with what to do; storing again mends it."""
    path = store(dataset, tmp_path)
    damage(path)
    with pytest.raises(UsageError, match="delete that folder") as caught:
        open_stored(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()
    assert store(dataset, tmp_path) == path
    check_stored(path)
    assert names(tmp_path) == [dataset.fingerprint]


def test_missing_store_is_refused(tmp_path: Path) -> None:
    """A store that is not there is named."""
    with pytest.raises(UsageError, match="missing or damaged"):
        open_stored(tmp_path / "0123")


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: flip_last_byte(path / "images.npy"),
        lambda path: flip_last_byte(path / "labels.npy"),
        lambda path: damage_json(path, classes=["Käfer", "8"]),
        lambda path: damage_json(path, pixel_max=1.0),
    ],
    ids=["pixel", "label", "class", "pixel_max"],
)
def test_check_notices_changed_content(tmp_path: Path, dataset: Any, damage: Any) -> None:
    """What opening cannot see, because it does not read the content, the check does."""
    path = store(dataset, tmp_path)
    damage(path)
    open_stored(path)
    with pytest.raises(UsageError, match="its content has the fingerprint"):
        check_stored(path)


def flip_last_byte(path: Path) -> None:
    """Change the last byte of a file."""
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def test_failed_write_leaves_nothing(tmp_path: Path, dataset: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full half way, there is one line and no half dataset."""

    def full(*_args: Any, **_options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(MODULE.json, "dump", full)
    with pytest.raises(UsageError, match="No space left on device"):
        store(dataset, tmp_path)
    assert names(tmp_path) == []


def test_folder_that_cannot_be_is_refused(tmp_path: Path, dataset: Any) -> None:
    """A file where the folder should be is one line."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be stored"):
        store(dataset, tmp_path / "file")


def test_two_writers_at_once_agree(tmp_path: Path, dataset: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that finds the other's finished folder at the end uses it and clears its own."""
    other = store(dataset, tmp_path)
    answers = iter([False, True])
    monkeypatch.setattr(MODULE, "_is_stored", lambda _: next(answers))
    assert store(dataset, tmp_path) == other
    assert names(tmp_path) == [dataset.fingerprint]


def test_what_was_half_written_is_removed_unless_it_is_in_use(tmp_path: Path, dataset: Any) -> None:
    """By another process, or by another worker with the same folder; complete datasets stay."""
    stored = store(dataset, tmp_path)
    partial = tmp_path / ".0123-4567.partial"
    partial.mkdir()
    (partial / "images.npy").touch()
    with in_use(tmp_path) as first, in_use(tmp_path) as second:
        assert (first, second) == (True, True)
        remove_partial(tmp_path)
    assert partial.exists()
    remove_partial(tmp_path)
    assert list(tmp_path.iterdir()) == [stored]
    remove_partial(tmp_path / "no folder")

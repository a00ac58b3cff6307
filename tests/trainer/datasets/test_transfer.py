"""A dataset on its way to another machine: in parts, checked when it has arrived, never half there."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from trainer.datasets import DatasetSource, load, store, transfer
from trainer.datasets.transfer import Part, complete, find, parts, take
from trainer.errors import UsageError


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A stored dataset of 60 digits."""
    return store(load(DatasetSource(source="digits", samples=60)).search, tmp_path / "here")


@pytest.mark.parametrize("size", [1000, 4096, 2**23])
def test_it_arrives_as_it_was_sent(stored: Path, tmp_path: Path, size: int) -> None:
    """Whatever the size of the parts; nothing else is left beside it."""
    there = tmp_path / "there"
    for part in parts(stored, size):
        assert len(part.content) <= size
        assert find(stored.name, [there]) is None
        take(part, there, stored.name, "me")
    assert complete(there, stored.name, "me") == there / stored.name
    assert find(stored.name, [tmp_path / "elsewhere", there]) == there / stored.name
    assert [path.name for path in there.iterdir()] == [stored.name]
    for name in ("images.npy", "labels.npy", "dataset.json"):
        assert (there / stored.name / name).read_bytes() == (stored / name).read_bytes()


def test_what_is_not_what_it_is_called_is_not_kept(stored: Path, tmp_path: Path) -> None:
    """One changed byte, or a part that is missing."""
    there = tmp_path / "there"
    sent = list(parts(stored, 1000))
    wrong = Part(sent[3].file, sent[3].offset, bytes(1000))
    for changed in ([*sent[:3], wrong, *sent[4:]], [*sent[:3], *sent[4:]]):
        for part in changed:
            take(part, there, stored.name, "me")
        with pytest.raises(UsageError, match="missing or damaged"):
            complete(there, stored.name, "me")
        assert list(there.iterdir()) == []


def test_two_senders_do_not_disturb_each_other(stored: Path, tmp_path: Path) -> None:
    """Two coordinators may send the same data at the same time."""
    there = tmp_path / "there"
    for part in parts(stored, 1000):
        for sender in ("one", "two"):
            take(part, there, stored.name, sender)
    assert complete(there, stored.name, "two") == complete(there, stored.name, "one")
    assert len(list(there.iterdir())) == 1


def test_a_damaged_copy_is_not_found_and_is_replaced(stored: Path, tmp_path: Path) -> None:
    """Its header is right, its pixels are not."""
    there = tmp_path / "there"
    shutil.copytree(stored, there / stored.name)
    images = np.load(there / stored.name / "images.npy")
    images[0, 0, 0, 0] += 1
    np.save(there / stored.name / "images.npy", images)
    assert find(stored.name, [there]) is None
    for part in parts(stored):
        take(part, there, stored.name, "me")
    complete(there, stored.name, "me")
    assert find(stored.name, [there]) is not None


def test_only_a_datasets_own_files_are_written(stored: Path, tmp_path: Path) -> None:
    """A name that leads elsewhere is refused."""
    with pytest.raises(ValueError, match="not a file of a dataset"):
        take(Part("../../escaped", 0, b"x"), tmp_path / "there", stored.name, "me")
    assert transfer.PART > 2**20

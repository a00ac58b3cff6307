"""Datasets larger than memory: in a file instead, with the same bytes, whatever the source is."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainer.datasets import Arrays, DatasetSource, Loaded, large, load
from trainer.errors import UsageError

RNG = np.random.default_rng(5)
IMAGES = RNG.integers(0, 256, (60, 9, 8, 3), dtype=np.uint8)
LABELS = np.arange(60) // 30
GROUPS = np.array([f"g{number // 3}" for number in range(60)])
NAMES = ("cat", "dog")
GROUPED = "(g[0-9]+)_"


def fingerprints(loaded: Loaded) -> tuple[str, str]:
    """Return those of the search and the exam."""
    assert loaded.exam is not None
    return loaded.search.fingerprint, loaded.exam.fingerprint


def from_arrays(images: Any = IMAGES) -> Loaded:
    """Return the images as a notebook gives them."""
    return load(Arrays(images, LABELS, classes=NAMES, groups=GROUPS))


def from_npz(folder: Path, save: Any = np.savez, images: Any = IMAGES) -> Loaded:
    """Return the images from an ``.npz`` file."""
    save(folder / "data.npz", images=images, labels=LABELS, class_names=np.array(NAMES), groups=GROUPS)
    return load(DatasetSource(source=str(folder / "data.npz")))


def from_folder(folder: Path) -> Loaded:
    """Return the images from a folder of PNG files."""
    for number, image in enumerate(IMAGES):
        path = folder / "photos" / NAMES[LABELS[number]] / f"{number:02}_{GROUPS[number]}_.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return load(DatasetSource(source=str(folder / "photos"), groups=GROUPED))


def from_table(folder: Path) -> Loaded:
    """Return the images of the folder by a table of their paths."""
    paths = sorted((folder / "photos").rglob("*.png"))
    rows = [f"{path.relative_to(folder)},{path.parent.name},{path.name.split('_')[1]}" for path in paths]
    (folder / "table.csv").write_text("\n".join(["path,label,group", *rows]), encoding="utf-8")
    return load(DatasetSource(source=str(folder / "table.csv")))


def test_every_source_has_the_same_fingerprints_from_memory_and_from_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder, a table, an ``.npz`` file and arrays with the same images are one dataset, exam included."""
    expected = fingerprints(from_arrays())
    for limit in (large.IN_MEMORY, 1000):
        monkeypatch.setattr(large, "IN_MEMORY", limit)
        monkeypatch.setattr(large, "_CHUNK", 500)  # two images, so that parts have to fit together
        for found in (
            from_arrays(),
            from_npz(tmp_path),
            from_npz(tmp_path, np.savez_compressed),
            from_npz(tmp_path, images=np.asfortranarray(IMAGES)),
            from_npz(tmp_path, images=IMAGES.astype(np.int64)),
            from_folder(tmp_path),
            from_table(tmp_path),
        ):
            assert fingerprints(found) == expected
            assert isinstance(found.search.images, np.memmap) == (limit == 1000)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_floats_are_the_same_from_memory_and_from_file(
    kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Doubles are rounded to single precision part by part."""
    scaled = IMAGES.astype(kind) / 255
    expected = fingerprints(from_arrays(scaled))
    monkeypatch.setattr(large, "IN_MEMORY", 1000)
    monkeypatch.setattr(large, "_CHUNK", 3000)
    assert fingerprints(from_npz(tmp_path, images=scaled)) == expected
    assert fingerprints(from_arrays(scaled)) == expected


def test_arrays_mapped_by_the_user_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into a file of refold's own: changing the user's later changes nothing."""
    monkeypatch.setattr(large, "IN_MEMORY", 1000)
    np.save(tmp_path / "images.npy", IMAGES)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r+")
    arrays = Arrays(mapped, LABELS, classes=NAMES, groups=GROUPS)
    mapped[:] = 0
    assert isinstance(arrays.labelled.images, np.memmap)
    assert not arrays.labelled.images.flags.writeable
    assert fingerprints(load(arrays)) == fingerprints(from_arrays())


def test_a_large_array_that_ends_early_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a small one is: its pixels must not be what was in the file before."""
    content = io.BytesIO()
    np.save(content, IMAGES)
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("images.npy", content.getvalue()[:-1])
    monkeypatch.setattr(large, "IN_MEMORY", 1000)
    with pytest.raises(
        UsageError, match=r"'images' in .* cannot be read \(the file ends after 12959 of 12960"
    ):
        load(DatasetSource(source=str(tmp_path / "data.npz")))


def test_a_full_disk_is_found_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says what to do; later, writing to a mapped page would kill the process."""
    from_folder(tmp_path)

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(large, "IN_MEMORY", 1000)
    monkeypatch.setattr("os.posix_fallocate", full)
    for read in (from_folder, from_npz):
        with pytest.raises(UsageError, match=r"no room for .*, 13\.0 kB: the folder .* left, so set TMPDIR"):
            read(tmp_path)

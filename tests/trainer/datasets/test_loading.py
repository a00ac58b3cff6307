"""Loading in general: names, paths, what every dataset must be, and what the fingerprint notices."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.whole_dataset import official, whole
from trainer.datasets import Dataset, DatasetSource, open_stored, store
from trainer.errors import UsageError


def dataset(**changes: Any) -> Any:
    """Return twelve little images of two classes."""
    images = np.arange(12 * 8 * 9 * 3, dtype=np.uint32).astype(np.uint8).reshape(12, 8, 9, 3)
    whole = Dataset(
        name="twelve",
        images=images,
        labels=np.array([0, 1] * 6, dtype=np.int32),
        classes=("cat", "dog"),
        pixel_max=255.0,
    )
    return dataclasses.replace(whole, **changes)


def save_npz(path: Path, count: Any = 12, side: Any = 8) -> None:
    """Write a minimal .npz file."""
    images = np.random.default_rng(0).integers(0, 256, (count, side, side), dtype=np.uint8)
    np.savez(path, images=images, labels=np.arange(count) % 2)


def refusal(source: Any, base: Any, call: Any = whole) -> Any:
    """Return the one line that refuses ``source``."""
    with pytest.raises(UsageError) as caught:
        call(source, base=base)
    message = str(caught.value)
    assert message.isprintable(), "one line"
    return message


def test_misspelt_name_is_answered_with_nearest_and_all_names(tmp_path: Path) -> None:
    """An unknown name says the nearest spelling, the built-in names, and that paths work."""
    message = refusal(DatasetSource(source="fashon_mnist"), tmp_path)
    assert "did you mean 'fashion_mnist'?" in message
    for expected in ("digits", "mnist", "cifar10", "folder of class folders", ".npz"):
        assert expected in message


@pytest.mark.parametrize("source", ["zzz", "", "a\nb", "x" * 5000, "nul\0byte"])
@pytest.mark.parametrize("call", [whole, official])
def test_nonsense_names_are_refused(tmp_path: Path, source: Any, call: Any) -> None:
    """A name that no file system takes is refused like any other."""
    assert "unknown dataset" in refusal(DatasetSource(source=source), tmp_path, call)


@pytest.mark.parametrize("source", ["no/such", "missing.npz", "./mnist"])
@pytest.mark.parametrize("call", [whole, official])
def test_missing_path_is_named(tmp_path: Path, source: Any, call: Any) -> None:
    """What is plainly a path is answered with the full path, not with a list of names."""
    assert str(tmp_path / source) in refusal(DatasetSource(source=source), tmp_path, call)


def test_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    """A file that is no .npz is named."""
    (tmp_path / "images.txt").write_text("1,2")
    assert "is none of these" in refusal(DatasetSource(source="images.txt"), tmp_path)


def test_circular_link_is_no_dataset(tmp_path: Path) -> None:
    """A link that leads to itself is refused, not followed."""
    (tmp_path / "loop.npz").symlink_to("loop.npz")
    assert "no such" in refusal(DatasetSource(source="loop.npz"), tmp_path)


def test_relative_paths_start_at_base_and_absolute_ones_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same file is found through base, absolutely, and under the home folder."""
    save_npz(tmp_path / "some.npz")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir("/")
    found = {
        whole(DatasetSource(source=source), base=base).fingerprint
        for source, base in [
            ("some.npz", tmp_path),
            (str(tmp_path / "some.npz"), Path("/nowhere")),
            ("~/some.npz", Path("/nowhere")),
        ]
    }
    assert len(found) == 1


def test_built_in_name_wins_over_a_folder_of_that_name(tmp_path: Path) -> None:
    """``digits`` is scikit-learn's although a folder is called so; ``./digits`` is the folder."""
    (tmp_path / "digits").mkdir()
    assert len(whole(DatasetSource(source="digits"), base=tmp_path).labels) == 1797
    assert "class folders" in refusal(DatasetSource(source="./digits"), tmp_path)


@pytest.mark.parametrize("setting", [{"image_size": (16, 16)}, {"colour": "grey"}])
@pytest.mark.parametrize("source", ["digits", "some.npz"])
def test_settings_for_folders_are_refused_elsewhere(tmp_path: Path, source: Any, setting: Any) -> None:
    """A setting that would change nothing is an error, not silence."""
    save_npz(tmp_path / "some.npz")
    assert next(iter(setting)) in refusal(DatasetSource(source=source, **setting), tmp_path)


def test_images_below_8x8_are_refused(tmp_path: Path) -> None:
    """The smallest image is 8x8."""
    save_npz(tmp_path / "small.npz", side=7)
    assert "7x7" in refusal(DatasetSource(source="small.npz"), tmp_path)


@pytest.mark.parametrize("source", ["digits", "plain.npz"])
def test_no_test_set_is_none(tmp_path: Path, source: Any) -> None:
    """Where there is no official test set, there is none."""
    save_npz(tmp_path / "plain.npz")
    assert official(DatasetSource(source=source), base=tmp_path) is None


def changed_pixel() -> Any:
    """Return the dataset with one pixel one higher."""
    images = dataset().images.copy()
    images[5, 3, 2, 1] += 1
    return dataset(images=images)


@pytest.mark.parametrize(
    "other",
    [
        changed_pixel(),
        dataset(images=dataset().images[::-1]),
        dataset(images=dataset().images.reshape(12, 9, 8, 3)),
        dataset(images=dataset().images.astype(np.float32)),
        dataset(labels=np.array([1] + [0, 1] * 5 + [1], dtype=np.int32)),
        dataset(classes=("cat", "wolf")),
        dataset(classes=("dog", "cat")),
        dataset(pixel_max=1.0),
    ],
    ids=["pixel", "image order", "shape", "type", "label", "class name", "class order", "pixel_max"],
)
def test_fingerprint_notices_a_change(other: Any) -> None:
    """Whatever could change a training changes the fingerprint."""
    assert other.fingerprint != dataset().fingerprint


def test_fingerprint_ignores_name_layout_and_place(tmp_path: Path) -> None:
    """The name, the memory layout and whether it is mapped from disk do not matter."""
    images, labels = dataset().images, dataset().labels
    same = [
        dataset(name="another"),
        dataset(images=np.asfortranarray(images)),
        dataset(images=np.repeat(images, 2, axis=0)[::2], labels=np.repeat(labels, 2)[::2]),
        open_stored(store(dataset(), tmp_path)),
    ]
    assert {one.fingerprint for one in same} == {dataset().fingerprint}


def test_fingerprint_does_not_depend_on_where_the_file_is(tmp_path: Path) -> None:
    """The same arrays under another name and path are the same data."""
    save_npz(tmp_path / "one.npz")
    (tmp_path / "deeper").mkdir()
    save_npz(tmp_path / "deeper" / "two.npz")
    one, two = (whole(DatasetSource(source=name), base=tmp_path) for name in ("one.npz", "deeper/two.npz"))
    assert (one.name, two.name) == ("one", "two")
    assert one.fingerprint == two.fingerprint

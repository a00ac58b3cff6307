"""``.npz`` files: what is taken, how labels become classes, and one line for everything else."""

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.whole_dataset import official, whole
from trainer.datasets import DatasetSource
from trainer.errors import UsageError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 8, 9, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 2, 1, 0])


def save(folder: Path, **content: Any) -> None:
    """Write ``some.npz`` with six good images and labels, changed by ``content``; None leaves one out."""
    chosen = {"images": IMAGES, "labels": LABELS} | content
    np.savez(folder / "some.npz", **{name: array for name, array in chosen.items() if array is not None})


def loaded(folder: Path, call: Any = whole) -> Any:
    """Load ``some.npz``."""
    return call(DatasetSource(source="some.npz"), base=folder)


def refusal(folder: Path, call: Any = whole) -> Any:
    """Return the one line that refuses ``some.npz``, and see that it names the file."""
    with pytest.raises(UsageError) as caught:
        loaded(folder, call)
    message = str(caught.value)
    assert message.isprintable(), "one line"
    assert "some" in message
    return message


def test_good_file_comes_through_unchanged(tmp_path: Path) -> None:
    """Images, labels and names arrive as they were saved."""
    save(tmp_path, class_names=["ant", "bee", "cow"])
    dataset = loaded(tmp_path)
    assert np.array_equal(dataset.images, IMAGES)
    assert dataset.labels.tolist() == LABELS.tolist()
    assert dataset.labels.dtype == np.int32
    assert (dataset.classes, dataset.pixel_max, dataset.name) == (("ant", "bee", "cow"), 255.0, "some")


@pytest.mark.parametrize("shape", [(6, 8, 9), (6, 8, 9, 1), (6, 8, 9, 3)])
def test_shapes_that_are_taken(tmp_path: Path, shape: Any) -> None:
    """Grey images may leave their channel out."""
    save(tmp_path, images=np.zeros(shape, np.uint8))
    assert loaded(tmp_path).images.shape == (*shape[:3], shape[3] if len(shape) == 4 else 1)


@pytest.mark.parametrize(
    ("images", "dtype", "pixel_max"),
    [
        (IMAGES, np.uint8, 255.0),
        (IMAGES // 255, np.uint8, 255.0),
        (IMAGES.astype(np.int64), np.uint8, 255.0),
        (IMAGES.astype(">u2"), np.uint8, 255.0),
        (IMAGES.astype(np.float64), np.float32, 255.0),
        (IMAGES.astype(">f4"), np.float32, 255.0),
        (IMAGES.astype(np.float64) / 255, np.float32, 1.0),
        ((IMAGES / 255).astype(np.float16), np.float32, 1.0),
        (np.zeros(IMAGES.shape, np.float32), np.float32, 1.0),
        (IMAGES > 127, np.uint8, 1.0),
        (np.asfortranarray(IMAGES), np.uint8, 255.0),
    ],
)
def test_types_that_are_taken(tmp_path: Path, images: Any, dtype: Any, pixel_max: Any) -> None:
    """Numbers arrive as uint8 or float32 of the machine's byte order, with the right full pixel."""
    save(tmp_path, images=images)
    dataset = loaded(tmp_path)
    assert dataset.images.dtype == dtype
    assert dataset.images.dtype.isnative
    assert dataset.images.flags.c_contiguous
    assert dataset.pixel_max == pixel_max
    assert np.array_equal(dataset.images, images.astype(dtype))


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (np.zeros((6, 64)), "[6, 64]"),
        (np.zeros((6, 3, 8, 8), np.uint8), "[6, 3, 8, 8]"),
        (np.zeros((6, 8, 8, 2), np.uint8), "1 or 3 channels"),
        (np.zeros((6, 8, 8, 1, 1), np.uint8), "[6, 8, 8, 1, 1]"),
        (np.array(3), "shape []"),
        (np.zeros((0, 8, 8), np.uint8), "empty"),
        (np.zeros((6, 0, 8), np.uint8), "empty"),
        (np.full((6, 8, 8), np.nan), "finite"),
        (np.full((6, 8, 8), np.inf), "finite"),
        (np.full((6, 8, 8), -0.5), "-0.5"),
        (np.full((6, 8, 8), 255.5), "255.5"),
        (np.full((6, 8, 8), 1.0001), "clip"),
        (np.full((6, 8, 8), 256), "256"),
        (np.full((6, 8, 8), -1), "-1"),
        (np.full((6, 8, 8), 1j), "complex"),
        (np.full((6, 8, 8), "x"), "type <U1"),
        (np.full((6, 8, 8), None), "never objects"),
    ],
)
def test_images_that_are_refused(tmp_path: Path, images: Any, says: Any) -> None:
    """Whatever is no image of a known scale is refused with what is wrong."""
    save(tmp_path, images=images)
    message = refusal(tmp_path)
    assert "'images'" in message
    assert says in message


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (LABELS[:5], "5 labels for 6 images"),
        (LABELS[:, np.newaxis], "[6, 1]"),
        (np.array(1), "[]"),
        (LABELS / 2, "float64"),
        (LABELS.astype(complex), "complex"),
        (np.array([*"abcde", None], dtype=object), "never objects"),
        (np.array([b"\xff"] * 6), "UTF-8"),
        (np.zeros(6, int), "only the class '0'"),
        (np.array(["a", "", "a", "", "a", ""]), "the name ''"),
        (np.array(["a\n", "b"] * 3), r"the name 'a\n' has U+000A"),
        (np.array(["a\ud800", "b"] * 3), r"the name 'a\ud800' has U+D800"),
        (np.array(["\u00e9", "e\u0301"] * 3), "are one name"),
    ],
)
def test_labels_that_are_refused(tmp_path: Path, labels: Any, says: Any) -> None:
    """Whatever is not one label an image, of two classes or more, is refused with what is wrong."""
    save(tmp_path, labels=labels)
    assert says in refusal(tmp_path)


@given(
    labels=arrays.arrays(
        st.one_of(arrays.integer_dtypes(endianness="?"), arrays.unsigned_integer_dtypes(endianness="?")),
        st.integers(2, 12),
    )
)
def test_integer_labels_become_positions_in_sorted_classes(
    tmp_path_factory: pytest.TempPathFactory, labels: Any
) -> None:
    """Any integers: the class of a label bears its name, and classes are sorted by value."""
    folder = tmp_path_factory.mktemp("labels")
    save(folder, images=np.zeros((len(labels), 8, 8), np.uint8), labels=labels)
    if len(np.unique(labels)) < 2:
        refusal(folder)
        return
    dataset = loaded(folder)
    assert [int(dataset.classes[label]) for label in dataset.labels] == labels.tolist()
    assert [int(name) for name in dataset.classes] == sorted(set(labels.tolist()))
    assert dataset.labels.dtype == np.int32


@given(labels=st.lists(st.text("abcäß雪/", min_size=1, max_size=3), min_size=2, max_size=12))
def test_string_labels_become_positions_in_sorted_classes(
    tmp_path_factory: pytest.TempPathFactory, labels: Any
) -> None:
    """Any text, as strings or as UTF-8 bytes: the same classes, sorted by code point."""
    folder = tmp_path_factory.mktemp("labels")
    found = []
    for kept in (np.array(labels), np.char.encode(np.array(labels), "utf-8")):
        save(folder, images=np.zeros((len(labels), 8, 8), np.uint8), labels=kept)
        if len(set(labels)) < 2:
            refusal(folder)
            continue
        dataset = loaded(folder)
        assert [dataset.classes[label] for label in dataset.labels] == labels
        assert list(dataset.classes) == sorted(set(labels))
        found.append(dataset.fingerprint)
    assert len(set(found)) <= 1


def test_boolean_labels_are_zero_and_one(tmp_path: Path) -> None:
    """A yes-or-no label is a class 0 and a class 1."""
    save(tmp_path, labels=LABELS > 0)
    dataset = loaded(tmp_path)
    assert dataset.classes == ("0", "1")
    assert dataset.labels.tolist() == [0, 1, 1, 1, 1, 0]


@pytest.mark.parametrize("key", ["class_names", "classes"])
@pytest.mark.parametrize("labels", [LABELS, np.array(["c", "b", "a", "a", "b", "c"])])
def test_given_class_names_fix_the_order(tmp_path: Path, key: Any, labels: Any) -> None:
    """Integers count along the given names, strings are looked up in them; nothing is sorted."""
    save(tmp_path, labels=labels, **{key: np.array([b"c", b"b", b"a"])})
    dataset = loaded(tmp_path)
    assert dataset.classes == ("c", "b", "a")
    assert dataset.labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"classes": ["a", "b"]}, "has 2, but with 2 classes"),
        ({"classes": ["a", "b", "c"], "labels": LABELS - 1}, "has -1"),
        ({"classes": ["a", "b", "c", "d"]}, "no image of class 'd'"),
        ({"classes": ["a", "b", "a"]}, "twice"),
        ({"classes": [1, 2, 3]}, "strings"),
        ({"classes": [["a", "b", "c"]]}, "[1, 3]"),
        (
            {"classes": ["a", "b"], "labels": ["a", "b", "z", "a", "b", "a"]},
            "'z', which is none of the classes a, b",
        ),
        ({"classes": ["a", "b", "c"], "class_names": ["a", "b", "c"]}, "keep one"),
    ],
)
def test_class_names_that_are_refused(tmp_path: Path, content: Any, says: Any) -> None:
    """Class names that do not fit the labels are refused with what is wrong."""
    save(tmp_path, **content)
    assert says in refusal(tmp_path)


@pytest.mark.parametrize("missing", ["images", "labels"])
def test_missing_array_is_named_with_those_there(tmp_path: Path, missing: Any) -> None:
    """A missing array is named, and so are the arrays there are."""
    save(tmp_path, **{missing: None}, x_train=np.zeros(3))
    message = refusal(tmp_path)
    assert f"no array '{missing}'" in message
    assert "x_train" in message


def test_empty_archive_is_refused(tmp_path: Path) -> None:
    """An archive without arrays holds nothing."""
    np.savez(tmp_path / "some.npz")
    assert "holds nothing" in refusal(tmp_path)


def zipped(**members: Any) -> Any:
    """Return a zip archive of raw members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        b"PK\x03\x04",
        b"\x93NUMPY\x01\x00",
        b"\x80\x04N.",
        zipped(images=b"raw", labels=b"raw"),
        zipped(**{"images.npy": b"", "labels.npy": b""}),
        zipped(**{"images.npy": b"\x93NUMPY\x01\x00\x10\x00{'descr': import ", "labels.npy": b""}),
    ],
    ids=["empty", "text", "cut zip", "npy", "pickle", "raw members", "empty members", "bad header"],
)
def test_file_that_is_no_npz_is_refused(tmp_path: Path, content: Any) -> None:
    """Whatever is called .npz and is none is refused, never unpickled."""
    (tmp_path / "some.npz").write_bytes(content)
    refusal(tmp_path)


def test_flipped_bits_are_noticed(tmp_path: Path) -> None:
    """A file whose content does not match its checksum is refused."""
    save(tmp_path)
    content = bytearray((tmp_path / "some.npz").read_bytes())
    place = content.index(IMAGES[2].tobytes())
    content[place] ^= 1
    (tmp_path / "some.npz").write_bytes(content)
    assert "'images'" in refusal(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_is_named(tmp_path: Path) -> None:
    """A file without read permission is named with the reason."""
    save(tmp_path)
    (tmp_path / "some.npz").chmod(0)
    assert "Permission denied" in refusal(tmp_path)


TEST = {"test_images": IMAGES[:2], "test_labels": np.array([2, 0])}


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        ({}, [2, 0]),
        ({"labels": LABELS * 10 - 5, "test_labels": np.array([15, -5])}, [2, 0]),
        ({"labels": np.array([*"xyzzyx"]), "test_labels": np.array(["z", "x"])}, [2, 0]),
        ({"classes": ["c", "b", "a"]}, [2, 0]),
        ({"classes": ["c", "b", "a"], "test_labels": np.array(["a", "c"])}, [2, 0]),
        ({"labels": LABELS > 0, "test_labels": np.array([True, False])}, [1, 0]),
    ],
)
def test_test_set_shares_the_classes(tmp_path: Path, content: Any, labels: Any) -> None:
    """Test labels get the same numbers as training labels, also where a class is not met."""
    save(tmp_path, **(TEST | content))
    test = loaded(tmp_path, official)
    assert test.labels.tolist() == labels
    assert test.classes == loaded(tmp_path).classes
    assert np.array_equal(test.images, IMAGES[:2])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"test_labels": np.array([3, 0])}, "'3', which is none of the classes 0, 1, 2"),
        ({"classes": ["a", "b", "c"], "test_labels": np.array([3, 0])}, "has 3, but with 3 classes"),
        ({"test_labels": np.array([0])}, "1 labels for 2 images"),
        ({"test_labels": None}, "no array 'test_labels'"),
        ({"test_images": None}, "no array 'test_images'"),
        ({"test_images": IMAGES[:2, :, :8]}, "shape is (8, 8, 3), not (8, 9, 3)"),
        ({"test_images": IMAGES[:2, :, :, 0]}, "shape is (8, 9, 1)"),
        ({"test_images": IMAGES[:2] / 255}, "pixel type is float32, not uint8"),
        ({"images": IMAGES / 1.0, "test_images": IMAGES[:2] / 255}, "full pixel is 1.0, not 255.0"),
        ({"test_images": IMAGES[:0], "test_labels": LABELS[:0]}, "empty"),
    ],
)
def test_test_sets_that_are_refused(tmp_path: Path, content: Any, says: Any) -> None:
    """A test set of other classes, shape or scale is refused; a score on it would mean nothing."""
    save(tmp_path, **(TEST | content))
    assert says in refusal(tmp_path, official)


def test_test_set_ignores_samples(tmp_path: Path) -> None:
    """``samples`` makes the training data smaller, never the test set."""
    save(tmp_path, images=np.tile(IMAGES, (4, 1, 1, 1)), labels=np.tile(LABELS, 4), **TEST)
    source = DatasetSource(source="some.npz", samples=9)
    assert len(whole(source, base=tmp_path).labels) == 9
    test = official(source, base=tmp_path)
    assert test is not None
    assert len(test.labels) == 2


def test_members_may_lack_the_ending(tmp_path: Path) -> None:
    """NumPy takes such files of other writers."""
    save(tmp_path)
    with zipfile.ZipFile(tmp_path / "some.npz") as archive:
        members = {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "some.npz", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert (loaded(tmp_path).images == IMAGES).all()

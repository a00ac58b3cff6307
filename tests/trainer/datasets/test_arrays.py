"""Datasets given as arrays, as from a notebook."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.whole_dataset import whole
from trainer.datasets import Arrays, DatasetSource, fingerprint_of, load
from trainer.errors import UsageError

PIXELS = np.random.default_rng(1).integers(0, 255, (24, 8, 9), dtype=np.uint8)
NAMES = np.array(["cat", "dog"])[np.arange(24) % 2]


def test_arrays_are_the_same_data_as_a_file_of_them(tmp_path: Path) -> None:
    """The same fingerprint, so the same sweep: images, labels, class names and the value of a full pixel."""
    np.savez(tmp_path / "data.npz", images=PIXELS, labels=NAMES)
    from_file = whole(DatasetSource(source="data.npz"), base=tmp_path)
    given = whole(Arrays(PIXELS, NAMES))
    assert given.fingerprint == from_file.fingerprint
    assert given.classes == ("cat", "dog")
    numbered = Arrays(PIXELS.tolist(), (np.arange(24) % 2).tolist(), classes=["cat", "dog"], name="pets")
    assert whole(numbered).name == "pets"
    assert whole(numbered).fingerprint == from_file.fingerprint
    assert numbered == Arrays(PIXELS, NAMES)


def test_later_changes_of_the_arrays_change_nothing() -> None:
    """They are copied, and the copy cannot be written."""
    images, labels = PIXELS.copy(), np.arange(24) % 2
    given = Arrays(images, labels)
    before = whole(given).fingerprint
    images[:], labels[:] = 0, 1
    assert whole(Arrays(PIXELS, np.arange(24) % 2)).fingerprint == before
    np.testing.assert_array_equal(whole(given).images[..., 0], PIXELS)
    with pytest.raises(ValueError, match="read-only"):
        whole(given).images[0] = 0


@pytest.mark.parametrize(
    ("images", "labels", "more", "said"),
    [
        (
            PIXELS[0, 0],
            NAMES,
            {},
            r"the array of images has the shape \[9\]: it must be \[n, height",
        ),
        (PIXELS, NAMES[:3], {}, "the array of labels has 3 labels for 24 images"),
        (PIXELS, np.eye(24), {}, r"the array of labels has the shape \[24, 24\]: it must be \[n\]"),
        (PIXELS, np.arange(24) % 2 + 0.5, {}, "labels must be integers or strings"),
        (PIXELS * -1.0, NAMES, {}, "they must lie in 0 to 255"),
        ([[1], [1, 2]], NAMES, {}, "the array of images is not an array"),
        (PIXELS.astype(object), NAMES, {}, "is of type object"),
        (PIXELS, np.arange(24), {"classes": ["a", "b"]}, "with 2 classes labels go from 0 on"),
        (PIXELS, NAMES, {"classes": ["cat", "cat"]}, "the name 'cat' is there twice"),
        (PIXELS, NAMES, {"classes": [1, 2]}, r"it must be \[k\] strings"),
        (PIXELS, NAMES, {"name": ""}, "the name of the arrays, '', must"),
    ],
)
def test_what_is_no_dataset_is_said_when_it_is_given(
    images: Any, labels: Any, more: dict[str, Any], said: str
) -> None:
    """One line, in the cell that is wrong, not after half a sweep."""
    with pytest.raises(UsageError, match=said) as caught:
        Arrays(images, labels, **more)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_trained_is_refused_as_from_a_file() -> None:
    """One class only."""
    with pytest.raises(UsageError, match="only the class '1'"):
        load(Arrays(PIXELS, np.ones(24, dtype=int)))


def test_a_recorded_source_says_that_it_has_no_file() -> None:
    """It is found by its fingerprint in a home, never on a disk."""
    source = Arrays(PIXELS, NAMES).source
    assert source.source == f"arrays:{Arrays(PIXELS, NAMES).loaded.search.fingerprint}"
    assert fingerprint_of(source) == Arrays(PIXELS, NAMES).loaded.search.fingerprint
    assert fingerprint_of(DatasetSource(source="arrays:../../victim")) is None
    with pytest.raises(UsageError, match="was given as arrays in Python and has no file: to continue its"):
        load(source)

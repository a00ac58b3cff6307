"""A smaller dataset is stratified, reproducible, and refuses to starve a class."""

import dataclasses
import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.whole_dataset import whole
from trainer.datasets import Arrays, Dataset, DatasetSource
from trainer.datasets.parts import divide
from trainer.datasets.sampling import sampled
from trainer.errors import UsageError

counts_of_classes = st.lists(st.integers(2, 60), min_size=2, max_size=6)


def dataset(counts: Any, *, seed: int = 0) -> Any:
    """Return a dataset with so many images of each class, shuffled; each image holds its own index."""
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    images = np.zeros((len(labels), 8, 8, 1), dtype=np.float32)
    images[:, 0, 0, 0] = np.arange(len(labels))
    return Dataset(
        name="made",
        images=images,
        labels=labels.astype(np.int32),
        classes=tuple(f"class {number}" for number in range(len(counts))),
        pixel_max=255.0,
    )


def subset(dataset: Any, samples: int) -> Any:
    """Return the dataset with the chosen images."""
    chosen = sampled(dataset.labels, samples, classes=dataset.classes, name=dataset.name)
    return dataclasses.replace(dataset, images=dataset.images[chosen], labels=dataset.labels[chosen])


def indices(smaller: Any) -> Any:
    """Return which images of ``dataset`` are in ``smaller``."""
    return smaller.images[:, 0, 0, 0].astype(int)


def enough(counts: Any) -> Any:
    """Return the number of samples that surely leaves every class two."""
    return -(-2 * sum(counts) // min(counts))


@given(counts=counts_of_classes, data=st.data())
def test_subset_is_proportional_ascending_and_labelled_right(counts: Any, data: Any) -> None:
    """So many images as asked for, each class within one of its share, in order, with their labels."""
    whole = dataset(counts)
    samples = data.draw(st.integers(enough(counts), sum(counts)))
    smaller = subset(whole, samples)
    chosen = indices(smaller)
    assert len(chosen) == samples
    assert (np.diff(chosen) > 0).all()
    assert np.array_equal(smaller.labels, whole.labels[chosen])
    shares = np.bincount(smaller.labels, minlength=len(counts))
    assert (np.abs(shares - np.array(counts) * samples / sum(counts)) < 1).all()
    assert (shares <= counts).all()
    assert shares.min() >= 2


@given(counts=counts_of_classes, data=st.data())
def test_subset_is_enough_or_says_how_many_are(counts: Any, data: Any) -> None:
    """Every refusal names a number of samples, and that number works."""
    whole = dataset(counts)
    samples = data.draw(st.integers(-1, sum(counts) + 1))
    try:
        subset(whole, samples)
    except UsageError as error:
        message = str(error)
        assert f"samples = {samples}" in message
        if samples <= sum(counts):
            assert f"samples = {enough(counts)} is enough" in message
            subset(whole, enough(counts))


@given(counts=counts_of_classes)
def test_all_samples_are_the_dataset(counts: Any) -> None:
    """Asking for all images gives the same data."""
    assert subset(dataset(counts), sum(counts)).fingerprint == dataset(counts).fingerprint


def test_class_with_one_image_is_refused_whatever_is_asked() -> None:
    """No number of samples gives two images of a class that has one."""
    with pytest.raises(UsageError, match=r"'class 1'.*leave the class out"):
        subset(dataset([9, 1]), 10)


def test_largest_remainder_goes_to_the_lower_class_in_a_tie() -> None:
    """With equal remainders the split is fixed by class order."""
    assert np.bincount(subset(dataset([10, 10, 10]), 10).labels).tolist() == [4, 3, 3]


def test_the_choice_is_the_same_for_ever() -> None:
    """The choice is pinned: another one would change every sweep that uses samples."""
    chosen = indices(subset(dataset([50, 30, 20]), 20))
    assert hashlib.sha256(chosen.astype("<i8").tobytes()).hexdigest()[:16] == "7aa1732a4e25243f"


def test_samples_keep_their_own_paths_groups_and_places() -> None:
    """Each chosen image has its own path and group, and its place in the source, as the exam's have."""
    count = 120
    images = np.zeros((count, 8, 8), dtype=np.uint8)
    images[:, 0, 0] = np.arange(count)
    given = Arrays(
        images,
        np.arange(count) // 2 % 2,
        groups=[f"g{place // 2}" for place in range(count)],
        paths=[f"{place}.png" for place in range(count)],
    )
    settings = DatasetSource(source="arrays", samples=40)
    loaded = divide(given.labelled, settings)
    assert loaded.exam is not None
    for data, places in ((loaded.search, loaded.search_places), (loaded.exam, loaded.exam_places)):
        assert data.images[:, 0, 0, 0].tolist() == list(places)
        assert data.paths == tuple(f"{place}.png" for place in places)
        assert data.groups is not None
        assert [data.group_names[group] for group in data.groups] == [f"g{place // 2}" for place in places]
    assert len(loaded.search.labels) == 40


def test_load_applies_samples() -> None:
    """A source with samples is that much smaller, still stratified, and another dataset."""
    some, all_of_them = (whole(DatasetSource(source="digits", samples=count)) for count in (200, None))
    assert some.images.shape == (200, 8, 8, 1)
    assert set(np.bincount(some.labels)) <= {19, 20, 21}
    assert some.classes == all_of_them.classes
    assert some.fingerprint != all_of_them.fingerprint
    assert some.fingerprint == whole(DatasetSource(source="digits", samples=200)).fingerprint

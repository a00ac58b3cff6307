"""Duplicates among images: exact ones all, near ones as often as the documentation says."""

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from trainer.datasets import DatasetSource, duplicates, read
from trainer.datasets.duplicates import clusters, together

#: Pairs of the first release of Fashion-MNIST that were equal (zalandoresearch/fashion-mnist#44).
FORMER = [
    (601, 39865),
    (831, 24228),
    (1826, 23718),
    (2024, 53883),
    (4974, 6293),
    (5520, 49165),
    (5790, 11845),
]


def photo(seed: int, side: int = 64) -> Image.Image:
    """A picture with shapes in it, as photos have: smooth noise."""
    noise = np.random.default_rng(seed).integers(0, 255, (side // 8, side // 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC)


def test_exact_and_near_duplicates_of_photos() -> None:
    """Saved again, brightened or blurred is near; another picture is not."""
    first = photo(1)
    made = {
        "same": first,
        "brighter": first.point(lambda value: min(255, int(value * 1.1) + 5)),
        "blurred": first.filter(ImageFilter.GaussianBlur(1)),
    }
    others = [photo(seed) for seed in range(2, 30)]
    images = np.stack([np.asarray(each) for each in (first, *made.values(), *others)])
    assert clusters(images, near=False) == [duplicates.Cluster("exact", (0, 1))]
    assert clusters(images) == [duplicates.Cluster("near", (0, 1, 2, 3))]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30), st.data())
def test_groups_and_duplicates_are_merged(pictures: list[int], data: st.DataObject) -> None:
    """Images of one group, and equal images, are in one group after it; nothing else is."""
    count = len(pictures)
    groups = np.array(
        data.draw(st.lists(st.integers(0, count), min_size=count, max_size=count)), dtype=np.int32
    )
    images = np.random.default_rng(5).integers(0, 255, (7, 8, 8, 1), dtype=np.uint8)[pictures]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "MOST_SMALL", 0)  # exact ones only: seven images of noise are not alike
        found = together(images, groups)
    reached = np.arange(count)
    for _ in range(count):
        for keys in (np.array(pictures), groups):
            for key in set(keys.tolist()):
                reached[keys == key] = reached[keys == key].min()
    assert (found[:, None] == found[None]).tolist() == (reached[:, None] == reached[None]).tolist()
    assert found[0] == 0
    assert set(found.tolist()) == set(range(found.max() + 1))


def test_constant_images_are_no_near_duplicates() -> None:
    """Two plain pictures of different grey have nothing in common that can be seen."""
    images = np.stack([np.full((32, 32, 1), value, dtype=np.uint8) for value in (0, 100, 200)])
    assert clusters(images) == []


@pytest.mark.slow
def test_all_exact_duplicates_of_fashion_mnist_in_five_seconds_of_one_core() -> None:
    """Those that its first release had are put back; today's release has none."""
    if not Path("/usr/share/datasets/fashion-mnist").exists():
        pytest.skip("apt-get install dataset-fashion-mnist")
    images = read(DatasetSource(source="fashion_mnist")).images.copy()
    assert clusters(images, near=False) == []
    for one, other in FORMER:
        images[other] = images[one]
    images[60_000 + 7243] = images[3763]
    began = time.process_time()
    found = clusters(images, near=False)
    seconds = time.process_time() - began
    assert {each.members for each in found} == {*FORMER, (3763, 67_243)}
    assert seconds < 5


def test_digits_moved_by_a_pixel_are_found_and_few_others_alarm() -> None:
    """At least four of five; among 1,797 digits at most 40 images alarm (docs/data.md has the figures)."""
    images = read(DatasetSource(source="digits")).images
    assert sum(len(each.members) for each in clusters(images)) <= 40
    some = images[:200]
    moved = np.zeros_like(some)
    moved[:, :, 1:] = some[:, :, :-1]
    pairs = {each.members for each in clusters(np.concatenate([some, moved]))}
    found = sum(any(place in each and place + 200 in each for each in pairs) for place in range(200))
    assert found >= 160

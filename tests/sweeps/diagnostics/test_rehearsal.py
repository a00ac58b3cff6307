"""What a training step is tried with: a small part of the images, whatever else is known of them."""

from pathlib import Path

import numpy as np

from sweeps.diagnostics.rehearsal import IMAGES, few
from trainer.datasets import Dataset, open_stored, store


def test_a_part_of_named_and_grouped_images_can_be_stored_and_opened(tmp_path: Path) -> None:
    """Names, groups and folds of the images that are left out would not go with those that are kept."""
    count = IMAGES + 88
    data = Dataset(
        name="photos",
        images=np.random.default_rng(1).integers(0, 255, (count, 8, 8, 1), dtype=np.uint8),
        labels=np.arange(count, dtype=np.int32) % 2,
        classes=("cat", "dog"),
        pixel_max=255.0,
        groups=np.arange(count, dtype=np.int32) // 4,
        group_names=tuple(f"p{number}" for number in range(count // 4)),
        folds=np.arange(count, dtype=np.int32) // 4 % 3,
        paths=tuple(f"cat/{number}.png" for number in range(count)),
    )
    part = open_stored(store(few(data), tmp_path))
    assert np.array_equal(part.images, data.images[:IMAGES])
    assert (len(part.labels), part.paths) == (IMAGES, ())

"""Every image is in one batch, and batches are as equal as they can be."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from trainer.engine.batches import batch_bounds


@given(images=st.integers(1, 200_000), batch_size=st.integers(1, 4096))
def test_batches_cover_every_image_and_differ_by_one_at_most(images: int, batch_size: int) -> None:
    """None is empty, none is larger than asked for, and there is none too many."""
    sizes = [end - first for first, end in pairwise(batch_bounds(images, batch_size))]
    assert sum(sizes) == images
    assert 1 <= min(sizes) <= max(sizes) <= min(batch_size, min(sizes) + 1)
    assert len(sizes) == -(-images // batch_size)

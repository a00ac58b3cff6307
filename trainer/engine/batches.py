"""Divides an epoch's images into batches."""


def batch_bounds(images: int, batch_size: int) -> list[int]:
    """Return ``ceil(images / batch_size) + 1`` positions: where each batch begins, and the end of the last.

    Sizes differ by at most one, because the statistics of a tiny last batch would distort batch
    normalisation's moving averages. Computed here with Python's unlimited integers: on a device, step times
    images would overflow int32.

    >>> batch_bounds(10, 4)
    [0, 3, 6, 10]
    """
    steps = -(-images // batch_size)
    return [step * images // steps for step in range(steps + 1)]

"""How an epoch's images are dealt to batches."""


def batch_bounds(images: int, batch_size: int) -> list[int]:
    """Return where batches begin, and at last where they end: ``ceil(images / batch_size) + 1`` positions.

    Sizes differ by at most one: a tiny last batch would leave batch normalisation's moving averages with its
    own odd statistics. Whole numbers without a limit: on a device, step times images would overflow int32.

    >>> batch_bounds(10, 4)
    [0, 3, 6, 10]
    """
    steps = -(-images // batch_size)
    return [step * images // steps for step in range(steps + 1)]

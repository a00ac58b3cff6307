"""Reads the IDX format of MNIST and its successors, compressed with gzip."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer.datasets.checks import require_memory
from trainer.errors import UsageError

MOST_DIMENSIONS = 4  # images, height, width, channels
UNSIGNED_BYTES = 0x08  # the type code of all files of this family


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Return the array of a gzipped IDX file of unsigned bytes, in the shape its header gives.

    Raises:
        UsageError: if the file cannot be read, is damaged, or holds something else.
    """
    try:
        with gzip.open(path) as stream:
            start = stream.read(4)
            known = start[:3] == bytes([0, 0, UNSIGNED_BYTES]) and 1 <= start[-1] <= MOST_DIMENSIONS
            dimensions = start[3] if known and len(start) == 4 else None
            sizes = stream.read(4 * (dimensions or 0))
            shape = struct.unpack(f">{len(sizes) // 4}I", sizes[: len(sizes) // 4 * 4])
            require_memory(math.prod(shape), f"the array in {str(path)!r}")
            content = stream.read(math.prod(shape) + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(
            f"{str(path)!r} cannot be read ({error}): restore or delete it, and run again"
        ) from error
    if dimensions is None:
        raise UsageError(f"{str(path)!r} is not an IDX file of bytes: restore or delete it, and run again")
    if len(shape) != dimensions or len(content) != math.prod(shape):
        raise UsageError(
            f"{str(path)!r} is damaged (its header has another length): restore or delete it, and run again"
        )
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)

"""Reads the IDX format of MNIST and its successors, compressed with gzip."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer.errors import UsageError

UNSIGNED_BYTES = 0x08  # the type code of all files of this family


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Return the array of a gzipped IDX file of unsigned bytes, in the shape its header gives.

    Raises:
        UsageError: if the file cannot be read, is damaged, or holds something else.
    """
    try:
        with gzip.open(path) as stream:
            content = stream.read()
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(
            f"{str(path)!r} cannot be read ({error}): restore or delete it, and run again"
        ) from error
    if len(content) < 4 or content[:3] != bytes([0, 0, UNSIGNED_BYTES]):
        raise UsageError(f"{str(path)!r} is not an IDX file of bytes: restore or delete it, and run again")
    dimensions = content[3]
    start = 4 + 4 * dimensions
    shape = struct.unpack(f">{dimensions}I", content[4:start]) if len(content) >= start else ()
    if len(content) != start + math.prod(shape):
        raise UsageError(
            f"{str(path)!r} is damaged (its header has another length): restore or delete it, and run again"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)

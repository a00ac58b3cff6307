"""Arrays that may be larger than the memory: above a limit they are in a file that is mapped into memory.

The file has no name any more when it is used, so nothing is left behind, however the process ends. It lies in
the folder for temporary files (``TMPDIR``).
"""

import math
import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt

#: Bytes of an array that is kept in memory; larger ones are in a file.
IN_MEMORY = 64 * 2**20

#: Bytes that ``gather`` copies at a time.
_CHUNK = 16 * 2**20


def empty(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return an array to be filled.

    Raises:
        OSError: if it needs a file and there is no room for it.
    """
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    if size <= IN_MEMORY:
        return np.empty(shape, dtype=kind)
    with tempfile.TemporaryFile() as file:
        file.truncate(size)
        return np.memmap(file, dtype=kind, mode="r+", shape=shape)


def gather(array: npt.NDArray[Any], indices: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Return ``array[indices]``, copied part by part."""
    found = empty((len(indices), *array.shape[1:]), array.dtype)
    step = max(1, _CHUNK // max(1, math.prod(array.shape[1:]) * array.dtype.itemsize))
    for start in range(0, len(indices), step):
        found[start : start + step] = array[indices[start : start + step]]
    return found

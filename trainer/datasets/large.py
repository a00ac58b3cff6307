"""Arrays that may be larger than the memory: above a limit they are in a file that is mapped into memory.

The file has no name any more when it is used, so nothing is left behind, however the process ends. It lies in
the folder for temporary files (``TMPDIR``).
"""

import math
import os
import shutil
import tempfile
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from trainer.errors import UsageError
from trainer.quantities import size

#: Bytes of an array that is kept in memory; larger ones are in a file.
IN_MEMORY = 64 * 2**20

#: Bytes that are copied at a time.
_CHUNK = 16 * 2**20


def empty(shape: tuple[int, ...], dtype: npt.DTypeLike, what: str = "the images") -> npt.NDArray[Any]:
    """Return an array to be filled.

    Args:
        shape: of the array.
        dtype: of its elements, which are no objects.
        what: what it is, for messages.

    Raises:
        UsageError: if it needs a file and there is no room for it on the disk.
    """
    kind = np.dtype(dtype)
    needed = math.prod(shape) * kind.itemsize
    if needed <= IN_MEMORY:
        return np.empty(shape, dtype=kind)
    place = tempfile.gettempdir()
    there = shutil.disk_usage(place).free
    try:
        if needed > there:
            raise OSError
        with tempfile.TemporaryFile() as file:
            # Room is taken now: a disk that is full when a mapped page is written kills the process.
            os.posix_fallocate(file.fileno(), 0, needed)
            return np.memmap(file, dtype=kind, mode="r+", shape=shape)
    except OSError as error:
        raise UsageError(
            f"no room for {what}, {size(needed)}: the folder for temporary files, {place!r}, has "
            f"{size(there)} left, so set TMPDIR to a folder with more room, or use fewer or smaller images"
        ) from error


def gather(array: npt.NDArray[Any], indices: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Return ``array[indices]``, copied part by part."""
    found = empty((len(indices), *array.shape[1:]), array.dtype)
    step = rows_at_once(found)
    for start in range(0, len(indices), step):
        found[start : start + step] = array[indices[start : start + step]]
    return found


def copied(array: npt.NDArray[Any], dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
    """Return a C-contiguous copy, of another type if one is given, made part by part."""
    found = empty(array.shape, array.dtype if dtype is None else dtype)
    step = rows_at_once(array)
    for start in range(0, len(array), step):
        found[start : start + step] = array[start : start + step]
    return found


def read_into(stream: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any], what: str) -> npt.NDArray[Any]:
    """Return an array whose bytes, in C order, come next in a stream, read part by part.

    Raises:
        UsageError: see ``empty``.
        EOFError: if the stream ends before.
    """
    found = empty(shape, dtype, what)
    room = found.reshape(-1).view(np.uint8)
    start = 0
    while start < len(room):
        part = stream.read(min(_CHUNK, len(room) - start))
        if not part:
            raise EOFError(f"the file ends after {start} of {len(room)} bytes")
        room[start : start + len(part)] = np.frombuffer(part, dtype=np.uint8)
        start += len(part)
    return found


def rows_at_once(array: npt.NDArray[Any]) -> int:
    """Return how many rows (along the first axis) are copied at a time, at least 1."""
    return max(1, _CHUNK // max(1, math.prod(array.shape[1:]) * array.dtype.itemsize))

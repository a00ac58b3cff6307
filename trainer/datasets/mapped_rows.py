"""Rows of an array in any order, read from its file if it is mapped from one.

By default the system reads 128 KiB around every page that is touched, in the hope that what follows will be
needed. Rows in a shuffled order then cost ten times the bytes they have, which matters where memory does not
hold the file. Here the system is told not to, and is told beforehand which rows come next.
"""

import mmap
from typing import Any

import numpy as np
import numpy.typing as npt


class MappedRows:
    """The rows of an array.

    Args:
        array: ``[n, ...]``, C-contiguous if it is mapped from a file.
    """

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self._array = array
        self._file = _mapping(array)
        if self._file is not None:
            whole = np.frombuffer(self._file, dtype=np.uint8)
            self._start = int(array.ctypes.data - whole.ctypes.data)
            self._file.madvise(mmap.MADV_RANDOM)

    def expect(self, indices: npt.NDArray[np.integer]) -> None:
        """Have the system begin to read rows that are needed soon; does not wait."""
        if self._file is None:
            return
        row = self._array.strides[0]
        for index in indices.tolist():
            begin = self._start + index * row
            aligned = begin - begin % mmap.PAGESIZE
            self._file.madvise(mmap.MADV_WILLNEED, aligned, begin + row - aligned)

    def at(self, indices: npt.NDArray[np.integer]) -> npt.NDArray[Any]:
        """Return a copy of rows, ``[len(indices), ...]``."""
        return np.asarray(self._array[indices])


def _mapping(array: npt.NDArray[Any]) -> mmap.mmap | None:
    """Return the file's mapping that a whole array lies in; None if it lies in memory."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    usable = isinstance(base, mmap.mmap) and hasattr(base, "madvise") and array.flags.c_contiguous
    return base if usable else None

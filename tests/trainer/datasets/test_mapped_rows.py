"""Rows from a file are the rows of the array, whatever their size and order, announced or not."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.datasets.mapped_rows import MappedRows, _mapping


@settings(max_examples=50)
@given(
    rows=st.integers(1, 40),
    width=st.integers(1, 5000),
    order=st.lists(st.integers(0, 39), max_size=30),
)
def test_rows_are_those_of_the_array(
    tmp_path_factory: pytest.TempPathFactory, rows: int, width: int, order: list[int]
) -> None:
    """Mapped from a file with a header in front of it, from a part of one, and in memory."""
    path = tmp_path_factory.mktemp("rows") / "rows.npy"
    whole = np.random.default_rng(rows).integers(0, 255, (rows, width), dtype=np.uint8)
    np.save(path, whole)
    wanted = np.array([index % rows for index in order], dtype=np.int64)
    for array in (np.load(path, mmap_mode="r"), whole):
        found = MappedRows(array)
        found.expect(wanted)
        assert np.array_equal(found.at(wanted), whole[wanted])


def test_only_what_lies_in_a_file_is_announced(tmp_path: Path) -> None:
    """An array in memory, and a part of a mapped one with gaps, are read as they are."""
    np.save(tmp_path / "rows.npy", whole := np.arange(40).reshape(10, 4))
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert _mapping(mapped) is not None
    assert _mapping(whole) is None
    assert _mapping(mapped[:, ::2]) is None
    part = MappedRows(mapped[4:])
    part.expect(np.array([0, 5]))
    assert part.at(np.array([5, 0])).tolist() == [[36, 37, 38, 39], [16, 17, 18, 19]]

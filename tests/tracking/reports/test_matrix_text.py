"""The confusion matrix as text: all counts, within the width, readable."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile_names import HOSTILE, assert_seen
from tracking.reports.matrix_text import matrix_lines
from tracking.reports.text_table import cell_length
from trainer.metrics.confusion import Confusion

CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


@st.composite
def matrices(draw: st.DrawFn) -> Confusion:
    """Draw counts of 2 to 12 classes."""
    size, most = draw(st.integers(2, 12)), draw(st.sampled_from([1, 99, 12345]))
    rows = st.lists(st.integers(0, most), min_size=size, max_size=size).map(tuple)
    return tuple(draw(st.lists(rows, min_size=size, max_size=size)))


def square(size: int, count: int) -> Confusion:
    """Return a matrix with one count everywhere."""
    return ((count,) * size,) * size


@given(matrices(), st.integers(20, 200))
def test_every_count_can_be_read_back(confusion: Confusion, width: int) -> None:
    """From any matrix that fits: the diagonal in brackets, dots for none, the rows' totals at the end."""
    classes = [f"class{label}" for label in range(len(confusion))]
    lines = matrix_lines(classes, confusion, width)
    if lines is None:
        assert matrix_lines(classes, confusion, width - 1) is None, "what is too wide is too wide with less"
        return
    assert max(map(cell_length, lines)) <= width
    assert len({cell_length(line) for line in lines}) == 1
    for true, line in enumerate(lines[1:]):
        numbers = re.search(rf"(?:class{true}|c?…{true}|…) (.*)$", line)
        assert numbers is not None, line
        cells = re.findall(r"\[\d+\]|\d+|·", numbers[1])
        row = [0 if cell == "·" else int(cell.strip("[]")) for cell in cells]
        assert row == [*confusion[true], sum(confusion[true])]
        assert [place for place, cell in enumerate(cells) if "[" in cell] == [true]


def test_columns_have_names_as_long_as_there_is_room_for() -> None:
    """Ten classes of 1000 images at 80 columns, and at 120; whole names where all have room."""
    lines = matrix_lines(CLOTHES, square(10, 100), 80)
    assert lines is not None
    assert lines[0].split() == [
        "T-sh…", "Trou…", "Pull…", "Dress", "Coat", "Sand…", "Shirt", "Snea…", "Bag", "Ankl…", "images",
    ]  # fmt: skip
    assert [line[:11].strip() for line in lines[1:]] == list(CLOTHES)
    wide = matrix_lines(CLOTHES, square(10, 100), 160)
    assert wide is not None
    assert all(name in wide[0] for name in CLOTHES)


def test_columns_without_room_for_names_have_letters() -> None:
    """Which stand before the rows' names; there may be more classes than letters."""
    classes = [f"{label:03d} of the birds" for label in range(30)]
    lines = matrix_lines(classes, square(30, 7), 140)
    assert lines is not None
    heads = lines[0].split()
    assert heads[:2] + heads[25:28] == ["a", "b", "z", "aa", "ab"]
    assert lines[1].startswith("a  000 of the birds")
    assert lines[28].startswith("ab 027 of the birds")


@pytest.mark.parametrize(("size", "width"), [(40, 80), (40, 120), (10, 40), (2, 10)])
def test_what_does_not_fit_is_left_out(size: int, width: int) -> None:
    """Rather than broken."""
    assert matrix_lines([f"species {label}" for label in range(size)], square(size, 30), width) is None


@pytest.mark.parametrize("width", [60, 80, 120, 200, 400])
def test_hostile_names_stay_in_their_places(width: int) -> None:
    """As many cells in every line as in the heading, none beyond the width, nothing but text."""
    for start in range(0, len(HOSTILE), 4):
        classes = HOSTILE[start : start + 4]
        lines = matrix_lines(classes, square(len(classes), 5), width)
        assert lines is not None
        assert {cell_length(line) for line in lines} == {cell_length(lines[0])}
        assert cell_length(lines[0]) <= width
        assert_seen("".join(lines))
    everything = matrix_lines(HOSTILE, tuple(map(tuple, np.eye(len(HOSTILE), dtype=int).tolist())), width)
    assert everything is None or cell_length(everything[0]) <= width

"""The most frequent mistakes: all that were made, in an order that is always the same, in words."""

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile_names import HOSTILE, assert_seen
from tracking.reports.confused import MOST, confused, confused_lines
from tracking.reports.text_table import cell_length
from trainer.metrics.confusion import Confusion

matrices = st.integers(2, 6).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, 20), min_size=size, max_size=size).map(tuple), min_size=size, max_size=size
    ).map(tuple)
)


@given(matrices)
def test_every_mistake_is_counted_once_and_the_largest_come_first(confusion: Confusion) -> None:
    """Ties come in the order of the classes; shares are of the true class."""
    classes = [f"c{label}" for label in range(len(confusion))]
    counts = np.asarray(confusion)
    found = confused(classes, confusion)
    again = np.zeros_like(counts)
    for each in found:
        true, predicted = classes.index(each.true), classes.index(each.predicted)
        again[true, predicted] += each.images
        assert each.of == counts[true].sum()
        assert each.share == each.images / counts[true].sum()
    assert np.array_equal(again, counts - np.diag(np.diag(counts)))
    order = [(-each.images, classes.index(each.true), classes.index(each.predicted)) for each in found]
    assert order == sorted(order)


@given(matrices)
def test_what_is_shown_and_what_is_not_are_all_mistakes(confusion: Confusion) -> None:
    """The numbers of the lines and of the last line add up to the heading's."""
    wrong = int(np.asarray(confusion).sum() - np.trace(np.asarray(confusion)))
    head, *lines = confused_lines(confused([f"c{label}" for label in range(len(confusion))], confusion))
    if not wrong:
        assert (head, lines) == ("no mistake: every image was taken for what it is", [])
        return
    shown = [int(found[1]) for line in lines if (found := re.search(r": (\d+) of", line))]
    rest = re.match(r"  not shown: (\d+) mistakes? in", lines[-1])
    assert f"({wrong} mistake" in head
    assert len(shown) <= MOST
    assert sum(shown) + (int(rest[1]) if rest else 0) == wrong


def test_a_mistake_in_words() -> None:
    """As people say it, with thousands set apart and the share of the true class."""
    confusion = ((959, 41), (1, 99))
    assert confused_lines(confused(["shirt", "t-shirt"], confusion)) == [
        "classes most often mistaken for others (42 mistakes in all):",
        "  shirt taken for t-shirt: 41 of 1,000 (4.1 %)",
        "  t-shirt taken for shirt: 1 of 100 (1.0 %)",
    ]


def test_lines_fit_the_width_whatever_the_classes_are_called() -> None:
    """At 60 columns and more, and nothing but text."""
    size = len(HOSTILE)
    counts = 1000 * np.ones((size, size), dtype=int) + np.arange(size * size).reshape(size, size)
    found = confused(HOSTILE, tuple(map(tuple, counts.tolist())))
    for width in (60, 80, 120):
        lines = confused_lines(found, width)
        assert len(lines) == MOST + 2
        assert max(map(cell_length, lines[1:-1])) <= width
        assert_seen("".join(lines))

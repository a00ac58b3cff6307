"""Shortened names fit, can be seen, and stay apart where that is possible."""

from hypothesis import given
from hypothesis import strategies as st

from tests.hostile_names import HOSTILE, assert_seen
from tracking.reports.short_names import shortened
from tracking.reports.text_table import cell_length
from trainer.escaping import for_terminal

names = st.lists(st.one_of(st.text(max_size=30), st.sampled_from(HOSTILE)), min_size=1, max_size=6)


@given(names, st.integers(1, 40))
def test_whatever_the_names_they_fit_and_can_be_seen(given_names: list[str], room: int) -> None:
    """Wide letters, combining ones, escape codes, joiners: as many cells as there are, or fewer."""
    short = shortened(given_names, room)
    assert len(short) == len(given_names)
    for name, cut in zip(given_names, short, strict=True):
        assert cell_length(cut) <= room
        assert for_terminal(cut) == cut, "a terminal shows it as it was measured"
        assert_seen(cut)
        assert cut == for_terminal(name) or "…" in cut


def test_a_name_that_has_room_is_whole() -> None:
    """And one that has none loses its end; names that begin alike lose their middle instead."""
    assert shortened(["Ankle boot", "Bag"], 10) == ["Ankle boot", "Bag"]
    assert shortened(["Ankle boot", "Bag"], 6) == ["Ankle…", "Bag"]
    assert shortened(["class_0001", "class_0002"], 9) == ["clas…0001", "clas…0002"]
    assert shortened(["数字数字", "数"], 6) == ["数字…", "数"]


def test_names_that_cannot_be_told_apart_are_cut_at_the_end() -> None:
    """Neither end tells them apart: the beginning says most."""
    assert shortened(["begin_1_end", "begin_2_end"], 5) == ["begi…", "begi…"]

"""Tables fit a terminal's width: nothing that is shown is broken, and nothing vanishes without a word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.reports.text_table import Column, Table, cell_length, wrapped

WIDTHS = (60, 80, 200)

NAMES = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=45)
VALUES = st.lists(
    st.builds(lambda name, value: f"{name}={value:.4g}", NAMES, st.floats(1e-6, 1e6)), max_size=9
).map(" ".join)
ROWS = st.lists(st.tuples(NAMES, st.text("0123456789.", max_size=9), NAMES, NAMES, VALUES), max_size=5)
COLUMNS = (
    Column(title="trial"),
    Column(title="macro-F1", right=True),
    Column(title="epochs", rank=2),
    Column(title="folds: mean ± std", rank=1),
    Column(title="hyperparameters", words=True),
)


@pytest.mark.parametrize("width", WIDTHS)
@given(rows=ROWS)
def test_no_word_and_no_value_is_broken(width: int, rows: list[tuple[str, ...]]) -> None:
    """Whatever stands in the cells: each word of a column that is shown is a word of some line."""
    lines = Table(columns=COLUMNS, rows=rows).lines(width)
    words = [word for line in lines for word in line.split()]
    gone = lines[-1] if lines[-1].startswith("(no room for: ") else ""
    for row in rows:
        for column, text in zip(COLUMNS, row, strict=True):
            if column.title not in gone:
                assert set(text.split()) <= set(words)


@pytest.mark.parametrize("width", WIDTHS)
@given(rows=ROWS)
def test_lines_are_no_wider_than_the_terminal(width: int, rows: list[tuple[str, ...]]) -> None:
    """But for columns that are always shown, and for single words that are wider by themselves."""
    table = Table(columns=COLUMNS, rows=rows)
    always = max(len("trial"), *(len(row[0]) for row in rows), 0) + 2 + 9
    longest = 4 + max((len(word) for row in rows for word in row[4].split()), default=0)
    assert all(cell_length(line) <= max(width, always, longest) for line in table.lines(width))


@given(rows=ROWS)
def test_a_pipe_gets_one_line_a_row_with_all_columns(rows: list[tuple[str, ...]]) -> None:
    """Nothing is folded, nothing left out."""
    lines = Table(columns=COLUMNS, rows=rows).lines(None)
    assert len(lines) == 1 + len(rows)
    for line, row in zip(lines[1:], rows, strict=True):
        assert line.split() == " ".join(row).split()


def test_columns_go_by_their_rank_and_are_named() -> None:
    """The least important first; the words stand under their row."""
    row = ("resnet/3", "0.9866", "11+13+15", "0.9866 ± 0.0051", "dropout=0.31 learning_rate=0.001234")
    assert Table(columns=COLUMNS, rows=[row]).lines(45) == [
        "trial     macro-F1  folds: mean ± std",
        "resnet/3    0.9866  0.9866 ± 0.0051",
        "    dropout=0.31 learning_rate=0.001234",
        "(no room for: epochs)",
    ]


def test_words_are_broken_in_their_column_where_there_is_room() -> None:
    """At spaces only, and the next line begins where the column does."""
    columns = (Column(title="subject"), Column(title="finding", words=True))
    lines = Table(
        columns=columns, rows=[("memory", "24 GB available, about 1.3 GB needed by 2 workers")]
    ).lines(42)
    assert lines == [
        "subject  finding",
        "memory   24 GB available, about 1.3 GB",
        "         needed by 2 workers",
    ]


def test_words_under_a_row_may_have_their_title() -> None:
    """Where they would not explain themselves; an empty cell takes no line."""
    columns = (Column(title="pair"), Column(title="what would settle it", words=True, named=True))
    rows = [("alpha - beta", "perhaps 12 folds, or 2.1 times the images"), ("a - b", "")]
    assert Table(columns=columns, rows=rows).lines(43) == [
        "pair",
        "alpha - beta",
        "    what would settle it: perhaps 12 folds,",
        "    or 2.1 times the images",
        "a - b",
    ]


def test_wide_characters_fill_two_cells() -> None:
    """Class names in Chinese are aligned, too."""
    columns = (Column(title="class"), Column(title="f1", right=True))
    lines = Table(columns=columns, rows=[("数字", "0.9"), ("e\u0301", "1.0")]).lines()
    assert {cell_length(line) for line in lines} == {10}


@given(text=st.text("abc ", max_size=60), width=st.integers(1, 30))
def test_wrapping_keeps_every_word(text: str, width: int) -> None:
    """In their order; a line is too wide only if it is one word."""
    lines = wrapped(text, width)
    assert " ".join(lines).split() == text.split()
    assert all(len(line) <= width or len(line.split()) == 1 for line in lines)

"""The table of limits: complete, the same in the documentation, and obeyed by what it names."""

import re
from pathlib import Path

import pytest

from trainer import limits
from trainer.bounded_text import json_from, toml_from
from trainer.limits import Limit

DOCS = Path(__file__).parents[2] / "docs" / "limits.md"


def test_the_documentation_has_the_same_table() -> None:
    """Every limit with its number and its keys, in the same order."""
    section = DOCS.read_text(encoding="utf-8").partition("## The largest sizes")[2]
    rows = re.findall(r"^\| (.+?) \| ([\d,]+) \| (.+?) \|$", section, re.MULTILINE)
    assert rows == [(limit.what, limit.said, limit.where) for limit in limits.TABLE]


def test_every_limit_is_in_the_table() -> None:
    """None is used that users cannot read about."""
    assert set(limits.TABLE) == {value for value in vars(limits).values() if isinstance(value, Limit)}


DEEPEST = limits.NESTING.most

TOML: dict[str, tuple[str, str]] = {
    "lists": ("x = " + "[" * 5_000 + "]" * 5_000, "nested 32 levels deep"),
    "tables": ("x = " + "{a = " * 5_000 + "1" + "}" * 5_000, "nested 32 levels deep"),
    "a key of many parts": (".".join("a" * 400_000) + " = 1", "nested 32 levels deep"),
    "a header of many parts": (f"[{'.'.join('a' * 400_000)}]", "nested 32 levels deep"),
    "lists in a key": (f"{'a.' * 20}b = {'[' * 20}{']' * 20}", "nested 32 levels deep"),
    "decimal": (f"x = {'9' * 5_000}", "thousands of digits"),
    "hexadecimal": (
        f"[a]\nx = 0x{'f' * 5_000}",
        "a.x is too large: whole numbers go up to 9,223,372,036,854,775,8",
    ),
    "65 bits": (f"x = {2**63}", "x is too large"),
    "negative": (f"x = -{2**63}", "x is too large"),
    "text": (f"x = '{'a' * 5_000}'", "x is a text of 5,000 characters: at most 4,096"),
    "key": (f"{'a' * 101} = 1", "is a key of 101 characters: at most 100"),
    "list": (f"x = [{'1,' * 1_001}]", "x is a list of 1,001 entries: at most 1,000"),
    "no TOML": ("x = = 1", "not valid TOML"),
}


@pytest.mark.parametrize("case", TOML)
def test_toml_beyond_a_limit_is_refused_by_name(case: str) -> None:
    """One line, whatever Python's own reader would have said."""
    text, said = TOML[case]
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        toml_from(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f"x = {'[' * DEEPEST}{']' * DEEPEST}",
        f"x = {limits.INTEGER.most}",
        f"x = '''{'[' * 99}''' # {'{' * 99}",
        f'x = "{"a." * 99}"',
        'x = "\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["',
        "x = [1.5, 2.5]\ny = 1979-05-27T07:32:00.999",
        "",
    ],
)
def test_toml_within_the_limits_is_read(text: str) -> None:
    """The limits themselves, and brackets and points in texts and comments."""
    toml_from(text)


def test_json_is_read_within_the_same_limits() -> None:
    """Nesting and digits are errors of one kind."""
    assert json_from('{"a": [1]}') == {"a": [1]}
    for text, said in (("[" * 99_999, "nested"), ("9" * 5_000, "thousands of digits"), ("{", "Expecting")):
        with pytest.raises(ValueError, match=said):
            json_from(text)

"""Strategies that spoil something good: texts token by token, bytes, and JSON value by value."""

import re
from typing import Any

from hypothesis import strategies as st

from tests.hostile_texts import LINES, LONG, MANY

#: A word, a number or a text in quotes; a run of blanks; any other character.
TOKEN = re.compile(r"[\w.+-]+|\"[^\"\n]*\"|'[^'\n]*'|[ \t]+|.", re.DOTALL)

_SPECIAL = (
    *("nan", "-inf", "1e400", "-1", "0", "1e-400", "0x7fffffffffffffff", "9223372036854775808", MANY, LONG),
    *("[", "]", "{", "}", "[[", "]]", "=", ".", ",", '"', "'", '"""', "'''", "\\", "#", "\n", "\r", "\0"),
    *("[]", "{}", "''", "true", "1979-05-27", "07:32:00", "\\u0000", "\x1b[31m"),
    *("\u202e", "\u200d", "é", "e\u0301", "名", "\U0001f600", "../..", "/dev/zero", "/", "~", "%s", "{0}"),
    *(line.partition("=")[2].strip() for line in LINES),
)

#: A hostile token.
tokens = st.one_of(
    st.sampled_from(_SPECIAL),
    st.text(max_size=20),
    st.integers().map(str),
    st.floats().map(str),
    st.integers(1, 200).map(lambda depth: "[" * depth + "]" * depth),
    st.integers(1, 200).map(lambda depth: "{a = " * depth + "1" + "}" * depth),
    st.integers(1, 20_000).map(lambda digits: "9" * digits),
)


@st.composite
def mutated_text(draw: st.DrawFn, good: str) -> str:
    """Return a text with one to six tokens deleted, replaced, repeated, inserted or exchanged."""
    words = TOKEN.findall(good)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(0, len(words) - 1)))
        match draw(st.sampled_from(["delete", "replace", "repeat", "insert", "exchange", "cut"])):
            case "delete":
                del words[place : place + draw(st.integers(1, 5))]
            case "replace":
                words[place : place + 1] = [draw(tokens)]
            case "repeat":
                words[place:place] = words[place : place + draw(st.integers(1, 30))]
            case "insert":
                words.insert(place, draw(tokens))
            case "exchange":
                other = draw(st.integers(0, max(0, len(words) - 1)))
                words[place : place + 1], words[other : other + 1] = (
                    words[other : other + 1],
                    words[place : place + 1],
                )
            case "cut":
                words = words[:place] if draw(st.integers(0, 9)) == 0 else words
    return "".join(words)


@st.composite
def mutated_bytes(draw: st.DrawFn, good: bytes) -> bytes:
    """Return bytes with one to eight places changed, cut out, doubled or filled with others."""
    content = bytearray(good)
    for _ in range(draw(st.integers(1, 8))):
        place = draw(st.integers(0, max(0, len(content) - 1)))
        length = draw(st.integers(1, 16))
        match draw(st.sampled_from(["change", "change", "delete", "double", "insert", "cut"])):
            case "change":
                content[place : place + 1] = bytes([draw(st.integers(0, 255))])
            case "delete":
                del content[place : place + length]
            case "double":
                content[place:place] = content[place : place + length]
            case "insert":
                content[place:place] = draw(st.binary(min_size=1, max_size=8))
            case "cut":
                content = content[:place] if draw(st.integers(0, 5)) == 0 else content
    return bytes(content)


#: Any JSON value, and some that JSON cannot have.
values = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
        *(st.just(10**400), st.just(-1), st.just(LONG)),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated_json(draw: st.DrawFn, good: Any) -> Any:
    """Return JSON data with one to four values replaced, removed or renamed, at any depth."""
    for _ in range(draw(st.integers(1, 4))):
        good = _mutated(draw, good)
    return good


def _mutated(draw: st.DrawFn, good: Any) -> Any:
    if not isinstance(good, dict | list) or not good or draw(st.integers(0, 5)) == 0:
        return draw(values)
    key = draw(st.sampled_from(sorted(good) if isinstance(good, dict) else range(len(good))))
    match draw(st.sampled_from(["within", "within", "within", "remove", "rename"])):
        case "within":
            changed: Any = _mutated(draw, good[key])
            pairs = good.items() if isinstance(good, dict) else enumerate(good)
            kept = {each: changed if each == key else value for each, value in pairs}
        case "remove":
            pairs = good.items() if isinstance(good, dict) else enumerate(good)
            kept = {each: value for each, value in pairs if each != key}
        case _:
            pairs = good.items() if isinstance(good, dict) else enumerate(good)
            kept = {draw(st.text(max_size=9)) if each == key else each: value for each, value in pairs}
    return kept if isinstance(good, dict) else list(kept.values())

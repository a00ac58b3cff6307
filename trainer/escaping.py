r"""Texts from records, data, files and exceptions made safe for each medium, one function a medium.

A name may hold anything where older versions of refold, or other people, have recorded it: escape codes that
rewrite a terminal's lines, HTML, Markdown, characters that reverse the reading direction. What cannot be seen
is shown as in Python's source: ``\x1b``, ``\u202e``. A terminal shows names that ``trainer.names`` accepts
as they are.
"""

import hashlib
import re
import shlex
import unicodedata
from html import escape

#: Control and format characters, halves of surrogate pairs (bytes that are not UTF-8), separators of lines.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

#: Characters of other categories that have no shape either: fillers, variation selectors, the empty Braille.
_SHAPELESS = frozenset(
    chr(code)
    for first, last in (
        (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2065, 0x2065),
        (0x2800, 0x2800), (0x3164, 0x3164), (0xFDD0, 0xFDEF), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0),
        (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF),
    )
    for code in range(first, last + 1)
)  # fmt: skip

#: Zero width non-joiner and joiner: Persian and Indic words are misspelt without them.
_JOINERS = "\u200c\u200d"

#: The first word of the Unicode names of the letters that joiners may stand between.
_JOINED_SCRIPTS = frozenset(
    {"ARABIC", "BENGALI", "DEVANAGARI", "GUJARATI", "GURMUKHI", "KANNADA", "KHMER", "MALAYALAM", "MONGOLIAN"}
    | {"MYANMAR", "NKO", "ORIYA", "SINHALA", "SYRIAC", "TAMIL", "TELUGU", "TIBETAN"}
)

#: Short forms of the commonest control characters.
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

#: What Markdown renderers take for markup wherever it stands. Entities work where backslashes do not: not
#: every renderer knows ``\\<``. ``$`` begins a formula, ``{`` what ``tracking.reports.notes`` fills in.
_MARKUP = {
    "&": "&amp;", "<": "&lt;", ">": "&gt;", "\\": "\\\\", "`": "&#96;", "*": "&#42;", "[": "&#91;",
    "]": "&#93;", "|": "&#124;", "~": "&#126;", "$": "&#36;", "{": "&#123;", "@": "&#64;",
}  # fmt: skip
_IN_MARKDOWN = re.compile(
    r"(?P<markup>[&<>\\`*\[\]|~${@])"
    r"|(?P<scheme>:)(?=//)|(?P<host>(?i:(?<=www)))\."  # renderers make links of bare addresses
    r"|(?P<edge>(?<![^\W_])_|_(?![^\W_]))"  # within a word an underscore is nothing special
)

#: Most bytes that a text has in a file's name; with what is added it stays below the 255 of all disks.
_PART = 150

#: Most characters of a text in a figure.
_DRAWN = 60

#: What is a heading, a list or a quotation at the beginning of a line.
_OPENING = re.compile(r"[-+=#]|\d{1,9}[.)]")


def is_unseen(text: str, place: int) -> bool:
    r"""Return whether the character at ``place`` cannot be seen, or changes how its neighbours are shown.

    >>> is_unseen("a\u202eb", 1), is_unseen("\u0646\u200c\u0645", 1), is_unseen("a\u200cb", 1)
    (True, False, True)

    Args:
        text: any.
        place: from 0.
    """
    character = text[place]
    if character in _JOINERS and 0 < place < len(text) - 1:
        return not (_is_joined(text[place - 1]) and _is_joined(text[place + 1]))
    if character in _SHAPELESS or ord(character) & 0xFFFE == 0xFFFE:  # the last two of each plane
        return True
    return unicodedata.category(character) in _UNSEEN


def for_terminal(text: object) -> str:
    r"""Return a text as one line in which everything can be seen and nothing controls the terminal.

    >>> print(for_terminal("caf\u00e9 \x1b[31mred\n"))
    café \x1b[31mred\n

    Args:
        text: any value; its ``str`` is taken.
    """
    line = str(text)
    if line.isascii() and line.isprintable():
        return line
    return "".join(_escaped(c) if is_unseen(line, place) else c for place, c in enumerate(line))


def for_html(text: object) -> str:
    """Return a text for HTML, between tags or as an attribute's value in quotes.

    >>> for_html('<script> "a"')
    '&lt;script&gt; &quot;a&quot;'
    """
    return escape(for_terminal(text))


def for_markdown(text: object) -> str:
    """Return a text for one line of Markdown, a cell of a table included: no markup, HTML or links in it.

    >>> for_markdown("[x](javascript:1) | <b> my_net")
    '&#91;x&#93;(javascript:1) &#124; &lt;b&gt; my_net'
    """
    line = _IN_MARKDOWN.sub(_entity, " ".join(for_terminal(text).split()))
    opening = _OPENING.match(line)
    if opening is None:
        return line
    last = opening.end() - 1
    return f"{line[:last]}&#{ord(line[last])};{line[last + 1 :]}"


def for_markdown_code(text: object) -> str:
    """Return a text as code in Markdown, with as many backticks around it as it needs.

    >>> for_markdown_code("resnet"), for_markdown_code("a`b")
    ('`resnet`', '`` a`b ``')
    """
    line = " ".join(for_terminal(text).split())
    longest = max(map(len, re.findall("`+", line)), default=0)
    ticks, room = "`" * (longest + 1), " " if longest or not line else ""
    return f"{ticks}{room}{line}{room}{ticks}"


def for_shell(text: object) -> str:
    """Return a text as one word of a command for people to copy: a shell takes nothing in it as a command.

    >>> for_shell("digits"), for_shell("$(reboot)")
    ('digits', "'$(reboot)'")
    """
    return shlex.quote(for_terminal(text))


def for_figure(text: object) -> str:
    """Return a text for a figure, cut to what has room beside others.

    Matplotlib takes what stands between two dollars for a formula.
    """
    line = for_terminal(text)
    return (line if len(line) <= _DRAWN else f"{line[: _DRAWN - 1]}…").replace("$", r"\$")


def for_json(document: str) -> str:
    """Return a JSON document in which all that cannot be seen is escaped; it has the same content."""
    if document.isascii() and "\x7f" not in document:
        return document
    return "".join(
        _in_json(c) if c != "\n" and is_unseen(document, place) else c for place, c in enumerate(document)
    )


def for_file_name(text: str) -> str:
    """Return a text as a part of a file's name; a text that had to be changed gets a digest of it.

    >>> for_file_name("variance-resnet"), for_file_name("../x")
    ('variance-resnet', '.._x-d6b96a97')
    """
    flat = (
        re.sub(r'[/\\:*?"<>|]', "_", for_terminal(text)).encode()[:_PART].decode(errors="ignore").strip(" ")
    )
    if flat == text and flat.strip("."):
        return text
    return f"{flat}-{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:8]}"


def _is_joined(letter: str) -> bool:
    is_letter = unicodedata.category(letter)[0] in "LM"
    return is_letter and unicodedata.name(letter, "").partition(" ")[0] in _JOINED_SCRIPTS


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return _SHORT.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _in_json(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _entity(found: re.Match[str]) -> str:
    return _MARKUP.get(found[0]) or f"&#{ord(found[0])};"

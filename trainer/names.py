"""The rule for the names that users give: to sweeps, architectures, experiments, classes, hyperparameters.

A name has 1 to 100 characters, all of which can be seen: letters of all scripts, digits, punctuation, and
spaces within it. Zero width joiners are allowed only within words of scripts that are written with them, such
as Persian. A name is kept in Unicode's composed form (NFC), so it is the same name however it was typed. More
is asked of a name that becomes a path or an argument: see each function.

Only what is entered now is checked. Names that earlier versions recorded are shown with
``trainer.escaping``.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps

from trainer.escaping import for_terminal, is_unseen
from trainer.limits import NAME

#: ``rule(name) -> name in composed form``; raises ValueError with what is wrong and what to do.
Rule = Callable[[str], str]

#: Spaces that a name may have within it: the ordinary one, and the wide one of East Asian scripts.
_SPACES = " \u3000"

#: What characters without a name of their own are, by category.
_UNNAMED = {"Cc": "control character", "Cs": "a byte that is not UTF-8, or half a character"}

#: Whether names are read that earlier versions have recorded.
_RECORDED = ContextVar("recorded", default=False)

_SWEEP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def _unless_recorded(rule: Callable[[object], str]) -> Callable[[object], str]:
    @wraps(rule)
    def checked(value: object) -> str:
        if _RECORDED.get() and isinstance(value, str) and value.strip():
            return value
        return rule(value)

    return checked


@_unless_recorded
def sweep_name(value: object) -> str:
    """Return a sweep's name: the letters A to Z, digits, ``-``, ``_``, ``.``, for it is typed in commands.

    >>> sweep_name("digits-2")
    'digits-2'

    Raises:
        ValueError: one sentence: what is wrong, and what to do.
    """
    name = _without_separators(_name(value))
    if not _SWEEP.fullmatch(name):
        odd = next((c for c in name if not re.match(r"[A-Za-z0-9._-]", c)), name[0])
        where = "has" if odd != name[0] else "begins with"
        raise ValueError(
            f"{where} {_described(odd)}: write letters from A to Z, digits, '-', '_' or '.', "
            "beginning with a letter or digit"
        )
    return name


@_unless_recorded
def architecture_name(value: object) -> str:
    """Return an architecture's name, which becomes a part of folders' names and of arguments.

    >>> architecture_name("mein Netz")
    'mein Netz'

    Raises:
        ValueError: one sentence: what is wrong, and what to do.
    """
    name = _without_separators(_name(value))
    if name.startswith("-"):
        raise ValueError("begins with '-', as an option of a command does: begin it with a letter")
    return name


@_unless_recorded
def experiment_name(value: object) -> str:
    """Return the name of an experiment in MLflow.

    Raises:
        ValueError: one sentence: what is wrong, and what to do.
    """
    return _without_separators(_name(value))


def class_name(value: object) -> str:
    """Return a class's name, which may have slashes in it: it never becomes a path.

    >>> class_name("T-shirt/top")
    'T-shirt/top'

    Raises:
        ValueError: one sentence: what is wrong, and what to do.
    """
    return _name(value)


def hyperparameter_name(value: object) -> str:
    """Return a hyperparameter's name. One that is not in composed form is refused: ``build`` looks it up.

    Raises:
        ValueError: one sentence: what is wrong, and what to do.
    """
    name = _name(value)
    if not name.isidentifier():
        raise ValueError("is no name for a hyperparameter: letters, digits and _ only")
    if name != value:
        raise ValueError(f"is not in Unicode's composed form (NFC): write {name!a}")
    return name


def distinct(given: Sequence[str], rule: Rule) -> tuple[str, ...]:
    """Return names in composed form, in the same order.

    Args:
        given: as the user has written them.
        rule: what each has to pass.

    Raises:
        ValueError: if one breaks the rule, or two are one name; the message names them.
    """
    first: dict[str, str] = {}
    for name in given:
        try:
            composed = rule(name)
        except ValueError as error:
            raise ValueError(f"the name {quoted(name)} {error}") from None
        if composed in first:
            raise ValueError(f"{_twins(first[composed], name)}: rename one of them")
        first[composed] = name
    return tuple(first)


def rule_for_recorded(names: Iterable[str]) -> Rule:
    """Return the rule for class names that are loaded again to be compared with recorded ones.

    Older versions recorded names as they were written; where these are not as ``class_name`` returns them,
    what is loaded is left as it is too.
    """
    return class_name if all(_is_kept(name) for name in names) else str


@contextmanager
def recorded() -> Iterator[None]:
    """Take any text for a name within the block: earlier versions have recorded what is read there."""
    before = _RECORDED.set(True)
    try:
        yield
    finally:
        _RECORDED.reset(before)


def quoted(name: object) -> str:
    r"""Return a name for a message, in quotes and cut to a readable length.

    >>> print(quoted("a\u202eb"))
    'a\u202eb'
    """
    shown = for_terminal(name)
    return f"'{shown if len(shown) <= NAME.most else shown[: NAME.most] + '…'}'"


def _name(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text that is not blank")
    if len(value) > 4 * NAME.most:  # before all else: composing a million characters takes long
        raise ValueError(f"has {len(value)} characters: at most {NAME.said} are possible")
    name = unicodedata.normalize("NFC", value)
    for place, character in enumerate(name):
        if is_unseen(name, place):
            raise ValueError(f"has {_described(character)}, which cannot be seen: leave it out")
        if unicodedata.category(character) == "Zs" and character not in _SPACES:
            raise ValueError(f"has {_described(character)}: write an ordinary space")
    if name != name.strip():
        raise ValueError("begins or ends with a space: leave it out")
    if unicodedata.category(name[0])[0] == "M":
        raise ValueError(
            f"begins with {_described(name[0])}, which belongs on a letter: write the letter first"
        )
    if len(name) > NAME.most:
        raise ValueError(f"has {len(name)} characters: at most {NAME.said} are possible")
    return name


def _without_separators(name: str) -> str:
    for separator in "/\\":
        if separator in name:
            raise ValueError(f"has {separator!r}, which separates folders in a path: write '-' or '_'")
    if name in (".", ".."):
        raise ValueError("is a folder in every path: write a word")
    return name


def _described(character: str) -> str:
    code = f"U+{ord(character):04X}"
    known = unicodedata.name(character, "").lower() or _UNNAMED.get(unicodedata.category(character), "")
    if character.isprintable() and not character.isspace():
        return f"'{character}' ({code})"
    return f"{code} ({known})" if known else code


def _twins(one: str, other: str) -> str:
    if one == other:
        return f"the name {quoted(one)} is there twice"
    return (
        f"the names {one!a} and {other!a} are one name, {quoted(unicodedata.normalize('NFC', one))}, "
        "in two forms of Unicode"
    )


def _is_kept(name: str) -> bool:
    try:
        return class_name(name) == name
    except ValueError:
        return False

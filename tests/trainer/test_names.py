"""The rule for names: what is accepted, in which form, and one sentence for everything else."""

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer import names
from trainer.escaping import for_terminal, is_unseen

PATHS = (names.architecture_name, names.experiment_name)
EVERY = (*PATHS, names.sweep_name, names.class_name, names.hyperparameter_name)


@pytest.mark.parametrize(
    "name",
    [
        "cat",
        "T-shirt/top",
        "Größe 2",
        "猫　犬",
        "n02089867 Walker hound, Walker foxhound",
        "a'b",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a joiner
        "C++",
        "50 %",
    ],
)
def test_ordinary_class_names_stay_as_they_are(name: str) -> None:
    """Letters of all scripts, spaces within and punctuation are kept, slashes and Persian joiners too."""
    assert names.class_name(name) == name == for_terminal(name)


@pytest.mark.parametrize("rule", EVERY)
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "blank"),
        (" \u3000", "blank"),
        ("a\nb", r"U+000A (control character)"),
        ("a\x1b[31mb", "U+001B"),
        ("a\x9bb", "U+009B"),
        ("a\u202eb", "U+202E (right-to-left override), which cannot be seen"),
        ("a\u2066b", "U+2066"),
        ("a\u200bb", "U+200B (zero width space)"),
        ("a\u200db", "U+200D (zero width joiner)"),
        ("a\u00adb", "U+00AD"),
        ("a\ufe0fb", "U+FE0F"),
        ("a\u3164b", "U+3164"),
        ("a\U000e0041b", "U+E0041"),
        ("a\ufffeb", "U+FFFE"),
        ("a\ud800b", "U+D800 (a byte that is not UTF-8"),
        ("a\u00a0b", "U+00A0 (no-break space): write an ordinary space"),
        (" ab", "begins or ends with a space"),
        ("ab ", "begins or ends with a space"),
        ("\u0301a", "belongs on a letter"),
        ("a" * 101, "101 characters: at most 100"),
        ("a" * 10**6, "1000000 characters"),
        (7, "a text"),
    ],
)
def test_no_kind_of_name_has_what_cannot_be_seen(
    rule: Callable[[object], str], name: object, says: str
) -> None:
    """All kinds of names refuse the same, in one sentence that names the character."""
    with pytest.raises(ValueError, match=r".") as caught:
        rule(name)
    assert says in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("rule", [*PATHS, names.sweep_name])
@pytest.mark.parametrize("name", ["a/b", "../../../x", "/", "a\\b", ".", ".."])
def test_names_that_become_paths_have_no_separators(rule: Callable[[object], str], name: str) -> None:
    """Sweeps, architectures and experiments name files and folders, so no name leads elsewhere."""
    with pytest.raises(ValueError, match=r"separates folders|in every path"):
        rule(name)


def test_more_is_asked_of_what_is_typed_in_commands() -> None:
    """A sweep's name needs no quotes in a shell, and no architecture looks like an option."""
    assert names.sweep_name("a" * 100) == "a" * 100
    for name in ("größe", "a b", "$(x)", "-a", ".a"):
        with pytest.raises(ValueError, match="letters from A to Z"):
            names.sweep_name(name)
    with pytest.raises(ValueError, match="an option"):
        names.architecture_name("--help")


@given(st.text(max_size=120))
def test_an_accepted_name_is_composed_and_seen(text: str) -> None:
    """What any rule returns is in composed form, is shown as it is, and passes the rule again."""
    for rule in EVERY:
        try:
            name = rule(text)
        except ValueError:
            continue
        assert name == unicodedata.normalize("NFC", text) == rule(name) == for_terminal(name)
        assert not any(is_unseen(name, place) for place in range(len(name)))


def test_a_decomposed_name_is_the_composed_one() -> None:
    """Names from macOS are the same names; but what the user's code looks up is not changed in silence."""
    for rule in (*PATHS, names.class_name):
        assert rule("cafe\u0301") == "caf\u00e9"
    with pytest.raises(ValueError, match=r"NFC.*caf\\xe9"):
        names.hyperparameter_name("cafe\u0301")


def test_twins_are_named_both() -> None:
    """Two forms of one name are no two classes."""
    with pytest.raises(ValueError, match=r"'caf\\xe9' and 'cafe\\u0301' are one name"):
        names.distinct(["caf\u00e9", "x", "cafe\u0301"], names.class_name)
    with pytest.raises(ValueError, match="'x' is there twice"):
        names.distinct(["x", "x"], names.class_name)
    assert names.distinct(["b", "a"], names.class_name) == ("b", "a")


def test_recorded_names_are_loaded_again_as_they_were() -> None:
    """A record with names that are refused today is compared with names as they are written."""
    assert names.rule_for_recorded(["cat", "dog"]) is names.class_name
    for old in ("cafe\u0301", "a\u202eb", " a"):
        assert names.rule_for_recorded(["cat", old])(old) == old


def test_a_recorded_text_may_have_names_of_before() -> None:
    """What earlier versions have recorded is read as it is, within the block only."""
    with names.recorded():
        for rule in (*PATHS, names.sweep_name):
            assert rule("team/cafe\u0301") == "team/cafe\u0301"
            with pytest.raises(ValueError, match="blank"):
                rule(" ")
    with pytest.raises(ValueError, match="separates"):
        names.experiment_name("team/digits")

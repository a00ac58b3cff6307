"""A user's code as texts: how it travels, and what its digest covers."""

import os
import pickle
from pathlib import Path

import pytest

from trainer.errors import UsageError
from trainer.user_code import UserSource

FUNCTION = "def Net(hyperparameters, input_shape, classes):\n    return ('net', input_shape, classes)\n"


def source(main: str, *, name: str = "Net", **siblings: str) -> UserSource:
    """Return a source whose file is ``main`` and whose siblings are given by module name."""
    others = tuple(sorted((f"{module}.py", text) for module, text in siblings.items()))
    return UserSource(spec=f"my_models.py:{name}", files=(("my_models.py", main), *others))


def test_a_source_travels() -> None:
    """A source goes through pickle (Dask) and JSON (the record) and stays itself."""
    original = source(FUNCTION, sibling="A = 1\n")
    assert pickle.loads(pickle.dumps(original)) == original  # noqa: S301 - our own bytes
    back = UserSource.from_json(original.to_json())
    assert back == original
    assert hash(back) == hash(original)
    assert back.digest == original.digest


def test_the_digest_is_that_of_names_and_texts() -> None:
    """It notices an edit in a sibling, another file name and another attribute, but not another folder."""
    base = source(FUNCTION, sibling="A = 1\n")
    others = [
        source(FUNCTION, sibling="A = 2\n"),
        source(FUNCTION, brother="A = 1\n"),
        source(FUNCTION + "#", sibling="A = 1\n"),
        source(FUNCTION, name="Other", sibling="A = 1\n"),
    ]
    assert len({other.digest for other in [base, *others]}) == 5
    assert UserSource(spec="sub/my_models.py:Net", files=base.files).digest == base.digest


def test_the_files_are_read_again_from_where_they_lie(tmp_path: Path) -> None:
    """The digest of what lies there now says whether anything was edited; nothing of it is run."""
    recorded = source("raise SystemExit\n", sibling="A = 1\n")
    recorded = UserSource(spec="sub/my_models.py:Net", files=recorded.files)
    (tmp_path / "sub").mkdir()
    for name, text in recorded.files:
        (tmp_path / "sub" / name).write_text(text)
    assert recorded.read_again(tmp_path) == recorded
    (tmp_path / "sub" / "sibling.py").write_text("A = 2\n")
    assert recorded.read_again(tmp_path).digest != recorded.digest


def test_a_cell_stays_as_it_was_and_what_it_imported_is_read_again(tmp_path: Path) -> None:
    """A notebook's cell is in no file, even where one is called like it."""
    recorded = UserSource(spec="notebook:Net", files=(("notebook.py", "A = 1\n"), ("sibling.py", "B = 1\n")))
    (tmp_path / "notebook.py").write_text("A = 2\n")
    (tmp_path / "sibling.py").write_text("B = 1\n")
    assert not recorded.in_file
    assert recorded.read_again(tmp_path) == recorded
    (tmp_path / "sibling.py").write_text("B = 2\n")
    assert recorded.read_again(tmp_path).digest != recorded.digest


def test_a_file_that_is_gone_or_no_text_is_named(tmp_path: Path) -> None:
    """In one line."""
    recorded = source("", sibling="")
    (tmp_path / "my_models.py").write_text("")
    with pytest.raises(UsageError, match=r"sibling\.py cannot be read: No such file"):
        recorded.read_again(tmp_path)
    (tmp_path / "sibling.py").write_bytes(b"\xe9")
    with pytest.raises(UsageError, match=r"sibling\.py cannot be read: it is not UTF-8 text"):
        recorded.read_again(tmp_path)


@pytest.mark.parametrize(
    "name", ["../secret.py", "/etc/secret.py", "a/../../secret.py", "secret.txt", "a\0.py"]
)
def test_names_that_lead_elsewhere_are_not_read(tmp_path: Path, name: str) -> None:
    """A record may have any names; refold records only those of Python files beside the main file."""
    (tmp_path / "secret.py").write_text("mine")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "main.py").write_text("x = 1\n")
    source = UserSource(spec="main.py:Net", files=(("main.py", "x = 1\n"), (name, "mine")))
    with pytest.raises(UsageError, match="is not the name of a Python file beside it"):
        source.read_again(tmp_path / "in")


def test_a_pipe_in_place_of_a_file_is_named_and_not_waited_for(tmp_path: Path) -> None:
    """Reading one waits until somebody writes into it, and a device may never end."""
    os.mkfifo(tmp_path / "main.py")
    source = UserSource(spec="main.py:Net", files=(("main.py", "x = 1\n"),))
    with pytest.raises(UsageError, match="it is no file"):
        source.read_again(tmp_path)

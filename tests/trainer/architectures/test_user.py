"""A user's own architecture as texts: importing, digests, errors. No TensorFlow: nothing is really built."""

import inspect
import sys
from pathlib import Path
from typing import Any

import pytest

from trainer.architectures import load_user
from trainer.architectures.user import UserArchitecture
from trainer.errors import UsageError
from trainer.hyperparameters import Choice, Fixed, Float
from trainer.user_code import UserSource

SHAPE = (8, 8, 1)


def source(main: Any, *, name: str = "Net", **siblings: Any) -> Any:
    """Return a source whose file is ``main`` and whose siblings are given by module name."""
    others = tuple(sorted((f"{module.replace('__', '/')}.py", text) for module, text in siblings.items()))
    return UserSource(spec=f"my_models.py:{name}", files=(("my_models.py", main), *others))


def loaded(user_source: Any) -> Any:
    """Load the source, as one whose digest was recorded."""
    return load_user(user_source, name="mine", digest=user_source.digest)


def built(user_source: Any) -> Any:
    """Load the source and return what its build function returns."""
    return loaded(user_source).build({"width": 3}, SHAPE, 2)


FUNCTION = "def Net(hyperparameters, input_shape, classes):\n    return ('net', input_shape, classes)\n"


def test_a_function_is_an_architecture_with_an_empty_space() -> None:
    """The simplest thing a user can write is enough."""
    architecture = loaded(source(FUNCTION))
    assert (architecture.name, architecture.space) == ("mine", {})
    assert architecture.build({}, SHAPE, 2) == ("net", SHAPE, 2)


@pytest.mark.parametrize("static", ["", "    @staticmethod\n"])
def test_a_class_with_build_and_space(static: Any) -> None:
    """A class is instantiated, unless its build needs no instance; plain values and tables become ranges."""
    self = "" if static else "self, "
    text = (
        "class Net:\n"
        "    space = {'rate': {'low': 0.0, 'high': 0.5}, 'width': {'choices': [1, 2]}, 'depth': 3}\n"
        f"{static}    def build({self}hyperparameters, input_shape, classes):\n        return classes\n"
    )
    architecture = loaded(source(text))
    assert architecture.space == {
        "rate": Float(low=0.0, high=0.5),
        "width": Choice((1, 2)),
        "depth": Fixed(3),
    }
    assert architecture.build({}, SHAPE, 7) == 7


def test_an_instance_and_an_architecture() -> None:
    """An object with build will do, and an Architecture takes the sweep's name for it."""
    instance = "class _Net:\n    def build(self, h, s, c):\n        return 1\nNet = _Net()\n"
    assert built(source(instance)) == 1
    own = (
        "from trainer.architectures import Architecture\n"
        "from trainer.hyperparameters import Integer\n"
        "Net = Architecture(name='x', build=lambda h, *_: h['width'], space={'w': Integer(low=1, high=2)})\n"
    )
    assert built(source(own)) == 3
    assert loaded(source(own)).name == "mine"


def test_siblings_are_imported_from_the_texts_alone() -> None:
    """Modules, packages, packages without __init__.py, and imports inside build all come from the source."""
    main = (
        "import blocks_of_mine\nfrom parts.layers import depth\nfrom loose.one import ONE\n"
        "def Net(hyperparameters, input_shape, classes):\n"
        "    from late import LATE\n"
        "    return blocks_of_mine.width, depth, ONE, LATE\n"
    )
    user_source = source(
        main,
        blocks_of_mine="width = 5\n",
        late="LATE = 'late'\n",
        loose__one="ONE = 1\n",
        parts__layers="from .sizes import depth\n",
        parts__sizes="depth = 6\n",
    )
    init = (("parts/__init__.py", ""),)
    assert built(UserSource(spec=user_source.spec, files=user_source.files + init)) == (5, 6, 1, "late")


def test_two_versions_live_side_by_side() -> None:
    """A worker serves sweeps with different versions of one file; neither sees the other's sibling."""
    main = "import sibling\ndef Net(h, s, c):\n    import sibling as it\n    return sibling.VALUE, it.VALUE\n"
    old, new = source(main, sibling="VALUE = 'old'\n"), source(main, sibling="VALUE = 'new'\n")
    first, second = loaded(old), loaded(new)
    for _ in range(2):
        assert first.build({}, SHAPE, 2) == ("old", "old")
        assert second.build({}, SHAPE, 2) == ("new", "new")
    assert "sibling" not in sys.modules


def test_a_module_of_the_same_name_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sibling that is called like a module somebody else imported hides it only from the user's file."""
    foreign = type(sys)("sibling")
    monkeypatch.setitem(sys.modules, "sibling", foreign)
    assert (
        built(source("import sibling\ndef Net(h, s, c):\n    return sibling.VALUE\n", sibling="VALUE = 1\n"))
        == 1
    )
    assert sys.modules["sibling"] is foreign


def test_nothing_is_left_behind_when_the_import_fails() -> None:
    """After an error, sys.modules and sys.meta_path are as before."""
    modules, finders = set(sys.modules), list(sys.meta_path)
    with pytest.raises(UsageError):
        loaded(source("import sibling\n", sibling="1 / 0\n"))
    assert set(sys.modules) == modules
    assert sys.meta_path == finders


def test_source_text_can_be_read_back() -> None:
    """AutoGraph reads the source of what it converts, and there is no file to read it from."""
    assert inspect.getsource(loaded(source(FUNCTION)).build.__closure__[0].cell_contents) == FUNCTION


def test_only_what_was_imported_is_carried(tmp_path: Path) -> None:
    """From a folder, the file and the modules it imports are taken; the rest of the folder is not read."""
    (tmp_path / "pkg").mkdir()
    files = {
        "my_models.py": "import used\nfrom pkg import part\ndef Net(h, s, c):\n    import late\n",
        "used.py": "",
        "late.py": "",
        "unused.py": "raise SystemExit\n",
        "pkg/__init__.py": "",
        "pkg/part.py": "",
        "pkg/other.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    user = UserArchitecture.from_folder(tmp_path, "my_models.py", "Net", "mine")
    user.architecture.build({}, SHAPE, 2)
    wanted = {"my_models.py", "used.py", "late.py", "pkg/__init__.py", "pkg/part.py"}
    assert set(user.modules.files) == wanted
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.py*")} == set(files), (
        "no litter"
    )


def test_line_ends_do_not_change_the_texts(tmp_path: Path) -> None:
    """A checkout on Windows is the same code."""
    (tmp_path / "my_models.py").write_bytes(FUNCTION.replace("\n", "\r\n").encode())
    user = UserArchitecture.from_folder(tmp_path, "my_models.py", "Net", "mine")
    assert user.modules.files == {"my_models.py": FUNCTION}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import os\n\nx = kers.Model\n", "my_models.py line 3: NameError: name 'kers' is not defined"),
        ("def Net(:\n", "my_models.py line 1: SyntaxError: invalid syntax"),
        ("import tensorfow\n", "my_models.py line 1: ModuleNotFoundError: No module named 'tensorfow'"),
        ("import sibling\n", "sibling.py line 2: ZeroDivisionError: division by zero"),
        ("import broken\n", "broken.py line 1: SyntaxError: '(' was never closed"),
        ("import sys\nsys.exit(3)\n", "my_models.py line 2: it ends the process: 3"),
        ("raise ValueError('first\\nsecond')\n", "my_models.py line 1: ValueError: first"),
        ("raise ValueError\n", "my_models.py line 1: ValueError"),
        ("def Nte(h, s, c): ...\n", "my_models.py has no 'Net': did you mean 'Nte'?"),
        ("from math import pi\n", "my_models.py has no 'Net': it defines nothing that could be one"),
        ("Net = 3\n", "my_models.py:Net is of type int: expected a function"),
        ("class Net: ...\n", "my_models.py:Net is a class: expected a function"),
        (
            "class Net:\n  def __init__(self, x): ...\n  def build(self, h, s, c): ...\n",
            "my_models.py: TypeError",
        ),
        (
            "class Net:\n  space = 3\n  def build(self, h, s, c): ...\n",
            "my_models.py:Net: space: a space is a mapping",
        ),
        (
            "class Net:\n  space = {'d': {'low': 1, 'high': 0}}\n  def build(self, h, s, c): ...\n",
            "my_models.py:Net: space: d: low 1 is above high 0",
        ),
        (
            "class Net:\n  space = {'source': 1}\n  def build(self, h, s, c): ...\n",
            "my_models.py:Net: space: source: the sweep file uses this name",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, message: str) -> None:
    """Each mistake names file, line and reason, and never shows a traceback."""
    with pytest.raises(UsageError) as caught:
        loaded(source(text, sibling="\n1 / 0\n", broken="x = (\n"))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    """Latin-1 without a word about it gets a line, too."""
    (tmp_path / "my_models.py").write_bytes(b"name = '\xe9'\n")
    with pytest.raises(UsageError, match=r"my_models\.py: UnicodeDecodeError"):
        UserArchitecture.from_folder(Path(tmp_path), "my_models.py", "Net", "mine")

"""The text of what was defined in a notebook's cell."""

import linecache
from itertools import count
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from trainer.errors import UsageError
from trainer.user_code import UserSource, source_of

NUMBERS = count()


class Notebook:
    """Runs cells as IPython does: all in one namespace, the text of each kept in linecache."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}

    def run(self, cell: str) -> None:
        """Run a cell."""
        name = f"<ipython-input-{next(NUMBERS)}>"
        linecache.cache[name] = (len(cell), None, cell.splitlines(keepends=True), name)
        exec(compile(cell, name, "exec"), self.names)  # noqa: S102 - what a notebook does


def text(thing: type | FunctionType) -> str:
    """Return the text that stands for a thing."""
    source = source_of(thing)
    assert isinstance(source, UserSource)
    ((name, content),) = source.files
    assert name == "notebook.py"
    return content


CELL = '''
import sys; ran.append("the whole cell")
import json
from json import decoder as kl
WIDTH: int = 32
UNUSED = 3

def hidden(x):
    """A helper."""
    return kl.Dense(WIDTH)(x)

class Base:
    space = {"units": {"choices": [4, 8]}}

@staticmethod
def other(): pass

class Tiny(Base):
    def build(self, hyperparameters, input_shape, classes):
        inner = [len(str(row)) for row in range(3)]
        class Local:
            value = inner
        return json.dumps(hidden(hyperparameters["units"]), sys.maxsize)

print(ran.append("again"))
'''


def test_of_a_cell_only_what_a_class_needs_is_taken() -> None:
    """Imports, functions, classes and plain values of the cell; nothing else of it would run."""
    notebook = Notebook()
    notebook.names["ran"] = []
    notebook.run(CELL)
    content = text(notebook.names["Tiny"])
    for needed in (
        "import sys\n",
        "import json\n",
        "decoder as kl",
        "WIDTH: int = 32",
        "def hidden",
        "class Base",
    ):
        assert needed in content
    for other in ("ran.append", "UNUSED", "other"):
        assert other not in content
    names: dict[str, Any] = {}
    exec(content, names)  # noqa: S102
    assert names["Tiny"].space == {"units": {"choices": [4, 8]}}


def test_the_same_text_has_the_same_digest_wherever_its_cell_is() -> None:
    """Run again, or with another line above it, a cell is the same code; another text is another."""
    digests = []
    for above, width in (("", 1), ("x = 1\n\n", 1), ("", 2)):
        notebook = Notebook()
        notebook.run(f"{above}def build(h, shape, classes):\n    return {width}\n")
        source = source_of(notebook.names["build"])
        assert isinstance(source, UserSource)
        assert source.spec == "notebook:build"
        digests.append(source.digest)
    assert digests[0] == digests[1] != digests[2]


def test_the_latest_definition_of_a_cell_counts() -> None:
    """A cell that was edited and run again; a class that is defined twice in one cell."""
    notebook = Notebook()
    notebook.run("class Tiny:\n    def build(self): return 1\n")
    notebook.run("class Tiny:\n    def build(self): return 2\nclass Tiny:\n    def build(self): return 3\n")
    assert "return 3" in text(notebook.names["Tiny"])


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (
            ["import math", "def build(h, s, c): return math.pi"],
            "build needs 'math', and its own cell has no",
        ),
        (
            ["a, b = [], open", "class build:\n  def m(self): return a, b"],
            "build needs 'a', 'b', and",
        ),
        (["WIDTH = len('abc')\ndef build(h, s, c): return WIDTH"], "build needs 'WIDTH', and its own cell"),
        (["WIDTH = 1\ndef build(h, s, c): return WIDTH", "WIDTH = 2"], "WIDTH is 1 in the cell .* and 2 now"),
        (
            ["def outer():\n  class build:\n    def m(self): pass\n  return build", "build = outer()"],
            "inside some",
        ),
        (["build = lambda h, s, c: None"], "is defined inside something else"),
    ],
)
def test_what_a_cell_s_text_does_not_have_is_named(cells: list[str], said: str) -> None:
    """One line, before anything is trained."""
    notebook = Notebook()
    for cell in cells:
        notebook.run(cell)
    with pytest.raises(UsageError, match=said) as caught:
        source_of(notebook.names["build"])
    assert "\n" not in str(caught.value)


def test_where_the_text_is_gone_that_is_said() -> None:
    """What exec made has no text; nor has a class without a method of its own."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec("class Tiny:\n    def build(self): pass\nclass Bare: pass\n", names)  # noqa: S102
    for name in ("Tiny", "Bare"):
        with pytest.raises(UsageError, match=f'{name} cannot be found .*give source = "file.py:{name}"'):
            source_of(names[name])


def test_a_class_of_a_module_stands_for_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a sweep file had named the file; what the file imports is found as ever."""
    (tmp_path / "models_of_test.py").write_text("class Tiny:\n    def build(self): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    import models_of_test  # type: ignore[import-not-found]

    assert source_of(models_of_test.Tiny) == f"{tmp_path.resolve()}/models_of_test.py:Tiny"

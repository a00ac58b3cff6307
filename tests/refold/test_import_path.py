"""``import refold`` and ``python -m refold`` beside modules named like refold's or Python's own."""

import subprocess
import sys
from pathlib import Path

import pytest

HOSTILE = "raise RuntimeError('the user\\'s own module was imported')\n"


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder."""
    return subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False)


def module(folder: Path, name: str) -> Path:
    """Write a module, or a package, that cannot be imported; return its file."""
    file = folder / name if name.endswith(".py") else folder / name / "__init__.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(HOSTILE)
    return file


def test_the_command_line_imports_nothing_of_the_current_folder(tmp_path: Path) -> None:
    """Packages like refold's, modules like Python's and like those of what it uses."""
    names = ("trainer", "tracking", "sweeps", "queue.py", "numpy.py", "random.py", "typing.py", "rich")
    for name in names:
        module(tmp_path, name)
    done = python("-m", "refold", "--version", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["trainer.py", "tracking", "sweeps"])
@pytest.mark.parametrize("start", ["-c", "script"])
def test_a_module_beside_a_script_that_hides_a_package_is_named(
    tmp_path: Path, name: str, start: str
) -> None:
    """In one sentence, with its file, before anything else of that folder is imported."""
    file = module(tmp_path, name)
    module(tmp_path, "random.py")
    (tmp_path / "script.py").write_text("import refold\n")
    done = python(*(["-c", "import refold"] if start == "-c" else ["script.py"]), cwd=tmp_path)
    package = name.removesuffix(".py")
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: {file} hides refold's own package '{package}': rename it or ")
    assert "was imported" not in done.stderr


def test_a_module_that_was_imported_before_is_named_too(tmp_path: Path) -> None:
    """Also when its folder is not on the path any more."""
    (tmp_path / "trainer.py").write_text("")
    script = "import sys, trainer; del sys.path[0]; import refold"
    done = python("-c", script, cwd=tmp_path)
    assert f"ImportError: {tmp_path / 'trainer.py'} hides" in done.stderr


def test_a_module_without_a_file_is_named_by_what_it_is(tmp_path: Path) -> None:
    """A program may make one by itself."""
    script = "import sys, types; sys.modules['tracking'] = types.ModuleType('tracking'); import refold"
    done = python("-c", script, cwd=tmp_path)
    assert "ImportError: the running program's 'tracking' hides" in done.stderr


def test_a_folder_that_is_no_package_hides_nothing(tmp_path: Path) -> None:
    """Python prefers what has an ``__init__.py``, wherever it is."""
    (tmp_path / "tracking").mkdir()
    (tmp_path / "tracking" / "notes.txt").write_text("")
    done = python("-c", "import refold; print(refold.SweepSpec)", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_was_imported_stays_refolds_when_the_folder_changes(tmp_path: Path) -> None:
    """In a notebook the current folder is the first of the path, whichever it is by then."""
    module(tmp_path, "trainer")
    script = f"import os, sys; sys.path[0] = ''; import refold; os.chdir({str(tmp_path)!r}); refold.SweepSpec"
    (tmp_path / "elsewhere").mkdir()
    done = python("-c", script, cwd=tmp_path / "elsewhere")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_command_line_says_it_in_one_line(tmp_path: Path) -> None:
    """Where PYTHONPATH puts the user's module before refold's."""
    file = module(tmp_path, "trainer")
    script = f"import os, sys; os.environ['PYTHONPATH'] = {str(tmp_path)!r}; "
    script += "os.execv(sys.executable, [sys.executable, '-m', 'refold', 'ls'])"
    (tmp_path / "elsewhere").mkdir()
    done = python("-c", script, cwd=tmp_path / "elsewhere")
    assert done.returncode == 2
    assert done.stderr.startswith(f"refold: {file} hides refold's own package 'trainer'")
    assert len(done.stderr.splitlines()) == 1

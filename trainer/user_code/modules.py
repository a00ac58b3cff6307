"""Imports a user's file and the modules beside it from texts, apart from everything else in the process.

The texts come from a folder when the file is first checked, and from a ``UserSource`` on the machines that
train. Both use the same importer, so the recorded texts are exactly those that were imported from the folder.
Nothing is written to disk. No module of the user's stays in ``sys.modules`` under a name that a second
version of the file, or other code, might import.
"""

import hashlib
import linecache
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Protocol

#: The beginning of the names of users' main files in ``sys.modules``.
MAIN = "refold_user_"


class Texts(Protocol):
    """A source of Python files. Names are relative, with ``/``."""

    def names(self) -> Iterable[str]:
        """Return the names of files that are known before any is imported."""

    def read(self, name: str) -> str | None:
        """Return the file's text, or None if there is no such file."""

    def has_folder(self, name: str) -> bool:
        """Tell whether there is a folder of that name."""


class Folder:
    """Texts on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> Iterable[str]:
        """Return nothing: the folder may hold thousands of files that are never imported."""
        return ()

    def read(self, name: str) -> str | None:
        """Return the file's text, lines ending as on Unix, or None if there is no such file."""
        path = self._folder / name
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def has_folder(self, name: str) -> bool:
        """Tell whether there is a folder of that name."""
        return (self._folder / name).is_dir()


class Beside:
    """A notebook's cell, as if it were a file in the notebook's folder."""

    def __init__(self, cell: Mapping[str, str], folder: Folder) -> None:
        self._cell, self._folder = cell, folder

    def names(self) -> Iterable[str]:
        """Return nothing, as ``Folder``."""
        return self._folder.names()

    def read(self, name: str) -> str | None:
        """Return the cell's or the file's text, or None if there is no such file."""
        return self._cell.get(name) or self._folder.read(name)

    def has_folder(self, name: str) -> bool:
        """Tell whether there is a folder of that name."""
        return self._folder.has_folder(name)


class Carried:
    """Texts in memory."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def names(self) -> Iterable[str]:
        """Return the names of all files."""
        return self._files

    def read(self, name: str) -> str | None:
        """Return the file's text, or None if there is no such file."""
        return self._files.get(name)

    def has_folder(self, name: str) -> bool:
        """Tell whether a file is in a folder of that name."""
        return any(file.startswith(f"{name}/") for file in self._files)


class UserModules(ExecutionLoader, MetaPathFinder):
    """The modules of one version of a user's code.

    Attributes:
        folder: the beginning of their ``__file__``: a real folder, or a unique name.
        files: the texts of the files that were imported so far, by name.
    """

    def __init__(self, folder: str, texts: Texts, identity: str | None = None) -> None:
        """Serve these texts.

        Args:
            folder: see above.
            texts: the texts.
            identity: what the main module's name is made of, if not of the folder.
        """
        self.folder = folder
        self._identity = identity or folder
        self.files: dict[str, str] = {}
        self._texts = texts
        self._names: dict[str, str] = {}  # file name of each module imported so far
        self._tops = {file.partition("/")[0].removesuffix(".py") for file in texts.names()}
        self._modules: dict[str, ModuleType] = {}  # the modules in sys.modules when last installed

    def load(self, file: str) -> ModuleType:
        """Import ``file`` under a name of its own, which stays in ``sys.modules`` for pickle and inspect.

        Raises:
            FileNotFoundError: if there is no such file.
            Exception: any exception that the file raises.
        """
        if not self._serve(name := self._main_name(file), file):
            raise FileNotFoundError(file)
        spec = spec_from_file_location(name, self.get_filename(name), loader=self)
        assert spec is not None  # noqa: S101 - None is for unknown suffixes without a loader
        module = module_from_spec(spec)
        sys.modules[name] = module
        try:
            with self.installed():
                self.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Let ``import`` find these modules during the block."""
        hidden = self._take_out()
        sys.modules.update(self._modules)
        sys.meta_path.insert(0, self)
        try:
            yield
        finally:
            sys.meta_path.remove(self)
            self._modules = self._take_out()
            sys.modules.update(hidden)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where ``fullname`` comes from if it is one of the user's modules."""
        if path is not None and _top(fullname) not in self._tops:
            return None
        stem = fullname.replace(".", "/")
        for file, package in ((f"{stem}/__init__.py", True), (f"{stem}.py", False)):
            if self._serve(fullname, file):
                inside = [f"{self.folder}/{stem}"] if package else None
                return spec_from_file_location(
                    fullname, self.get_filename(fullname), loader=self, submodule_search_locations=inside
                )
        # A folder without __init__.py is a package only if no other module has its name.
        if self._texts.has_folder(stem) and PathFinder.find_spec(fullname, path) is None:
            self._note(fullname, stem)
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [f"{self.folder}/{stem}"]
            return spec
        return None

    def get_source(self, fullname: str) -> str:
        """Return the module's text."""
        return self.files[self._names[fullname]]

    def get_filename(self, fullname: str) -> str:
        """Return the module's ``__file__``."""
        return f"{self.folder}/{self._names[fullname]}"

    def is_package(self, fullname: str) -> bool:
        """Tell whether the module is a package."""
        return self._names[fullname].endswith("/__init__.py")

    def _serve(self, module: str, file: str) -> bool:
        """Note that ``module`` comes from ``file``, if there is such a file."""
        text = self._texts.read(file)
        if text is None:
            return False
        self.files[file] = text
        self._note(module, file)
        # Tracebacks and AutoGraph read the source from here; the file may not exist on this machine.
        path = f"{self.folder}/{file}"
        linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
        return True

    def _main_name(self, file: str) -> str:
        return f"{MAIN}{hashlib.sha256(f'{self._identity}/{file}'.encode()).hexdigest()[:16]}"

    def _note(self, module: str, file: str) -> None:
        self._names[module] = file
        self._tops.add(_top(module))

    def _take_out(self) -> dict[str, ModuleType]:
        """Remove all modules with names of the user's modules from ``sys.modules``; return them."""
        names = [name for name in sys.modules if _top(name) in self._tops and not name.startswith(MAIN)]
        return {name: sys.modules.pop(name) for name in names}


def _top(module: str) -> str:
    return module.partition(".")[0]

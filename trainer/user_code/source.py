"""Users' code as texts, which have a digest and can be sent to another machine."""

import errno
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from trainer.canonical import digest
from trainer.errors import UsageError
from trainer.user_code.declared import read_declared

#: Stands for a file's name if the code was defined in a notebook's cell or a script and is in no file.
CELL = "notebook"


Texts = tuple[tuple[str, str], ...]


@lru_cache(maxsize=32)
def _digest(attribute: str, files: Texts, data: Texts) -> str:
    """Return a source's digest; every fit asks for it, and declared files may have megabytes."""
    return digest([attribute, files, *([data] if data else [])])


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSource:
    """A user's code as text.

    Attributes:
        spec: as written in the sweep file, ``"my_models.py:TinyNet"``; ``"notebook:TinyNet"`` for a
            definition in a cell.
        files: (file name, text) of the file itself, then of each module that it imported from its own folder,
            sorted by name. Names are relative to that folder, with ``/``.
        data: (file name, content in base 64) of the files that the code reads, as they are declared.
    """

    spec: str
    files: tuple[tuple[str, str], ...]
    data: tuple[tuple[str, str], ...] = ()

    @property
    def attribute(self) -> str:
        """The name after the colon."""
        return self.spec.rpartition(":")[2]

    @property
    def in_file(self) -> bool:
        """Whether the code is in a file, not in a notebook's cell."""
        return self.spec.rpartition(":")[0] != CELL

    @property
    def main(self) -> str:
        """The name of the main file, without its folder."""
        return self.files[0][0]

    @property
    def digest(self) -> str:
        """SHA-256 over the name after the colon and over all files; it does not depend on their folder."""
        return _digest(self.attribute, self.files, self.data)

    def paths(self, base: Path) -> tuple[Path, ...]:
        """Return the paths of the files, in their order; without that of a notebook's cell.

        Args:
            base: folder that ``spec`` is relative to.

        Raises:
            UsageError: if a file's name leads out of the main file's folder, or is not that of a Python file:
                refold has recorded no such name.
        """
        folder = (base / self.spec.rpartition(":")[0]).parent
        names = [name for name, _ in self.files[0 if self.in_file else 1 :]]
        for name in names:
            if not name.endswith(".py") or name.startswith("/") or ".." in name.split("/") or "\0" in name:
                raise UsageError(
                    f"source = {self.spec!r}: {name!r} is not the name of a Python file beside it"
                )
        return tuple(folder / name for name in names)

    def read_again(self, base: Path) -> "UserSource":
        """Read the same files again, without running them. A cell's text stays as it is.

        Args:
            base: folder that ``spec`` is relative to.

        Raises:
            UsageError: if one of them is gone or is not text, or its name is not one that refold records.
        """
        paths = self.paths(base)
        files = [] if self.in_file else [self.files[0]]
        for (name, _), path in zip(self.files[len(files) :], paths, strict=True):
            try:
                if path.exists() and not path.is_file():  # a device or a pipe might never end
                    raise IsADirectoryError(errno.EISDIR, "it is no file")
                files.append((name, path.read_text(encoding="utf-8")))
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
                raise UsageError(f'source = "{self.spec}": {path} cannot be read: {reason}') from None
        folder = (base / self.spec.rpartition(":")[0]).parent
        data = read_declared(folder, [name for name, _ in self.data], self.spec) if self.data else ()
        return replace(self, files=tuple(files), data=data)

    def changed(self, other: "UserSource") -> list[str]:
        """Return the names of the files whose content differs, or that only one of the two has."""
        mine, theirs = dict((*self.files, *self.data)), dict((*other.files, *other.data))
        return [name for name in dict.fromkeys((*mine, *theirs)) if mine.get(name) != theirs.get(name)]

    def to_json(self) -> dict[str, Any]:
        """Return the source as plain JSON data; ``from_json`` is the inverse."""
        carried = {"data": [list(file) for file in self.data]} if self.data else {}
        return {"spec": self.spec, "files": [list(file) for file in self.files], **carried}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "UserSource":
        """Rebuild a source from what ``to_json`` returned."""
        return cls(
            spec=data["spec"],
            files=tuple((name, text) for name, text in data["files"]),
            data=tuple((name, content) for name, content in data.get("data", ())),
        )

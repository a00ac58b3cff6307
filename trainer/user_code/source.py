"""What stands for code that a user wrote: texts, which have a digest and can travel to another machine."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trainer.canonical import digest
from trainer.errors import UsageError

#: In the place of a file's name: the code was defined in a notebook's cell or a script, and is in no file.
CELL = "notebook"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSource:
    """A user's code as text.

    Attributes:
        spec: as written in the sweep file, ``"my_models.py:TinyNet"``; ``"notebook:TinyNet"`` for what was
            defined in a cell.
        files: (file name, text) of the file itself, then of each module that it imported from its own
            folder in the order of their names. Names are relative to that folder, with ``/``.
    """

    spec: str
    files: tuple[tuple[str, str], ...]

    @property
    def attribute(self) -> str:
        """The name after the colon."""
        return self.spec.rpartition(":")[2]

    @property
    def in_file(self) -> bool:
        """Whether the code is in a file of the user's, not in a notebook's cell."""
        return self.spec.rpartition(":")[0] != CELL

    @property
    def main(self) -> str:
        """The name of the file itself, without its folder."""
        return self.files[0][0]

    @property
    def digest(self) -> str:
        """SHA-256 over the name after the colon and over the files, wherever their folder lies."""
        return digest([self.attribute, self.files])

    def read_again(self, base: Path) -> "UserSource":
        """Return the same files as they are now; nothing of them is run. A cell's text stays as it was.

        Args:
            base: folder that ``spec`` is relative to.

        Raises:
            UsageError: if one of them is gone or is not text.
        """
        folder = (base / self.spec.rpartition(":")[0]).parent
        files = [] if self.in_file else [self.files[0]]
        for name, _ in self.files[len(files) :]:
            try:
                files.append((name, (folder / name).read_text(encoding="utf-8")))
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
                raise UsageError(
                    f'source = "{self.spec}": {folder / name} cannot be read: {reason}'
                ) from None
        return replace(self, files=tuple(files))

    def to_json(self) -> dict[str, Any]:
        """Return the source as plain JSON data; ``from_json`` is the inverse."""
        return {"spec": self.spec, "files": [list(file) for file in self.files]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "UserSource":
        """Rebuild a source from what ``to_json`` returned."""
        return cls(spec=data["spec"], files=tuple((name, text) for name, text in data["files"]))

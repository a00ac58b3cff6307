"""What stands for an architecture's code: texts, which have a digest and can travel to another machine."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.architectures.registry import built_in
from trainer.canonical import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSource:
    """A user's architecture as text.

    Attributes:
        spec: as written in the sweep file, ``"my_models.py:TinyNet"``.
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
    def main(self) -> str:
        """The name of the file itself, without its folder."""
        return self.files[0][0]

    @property
    def digest(self) -> str:
        """SHA-256 over the name after the colon and over the files, wherever their folder lies."""
        return digest([self.attribute, self.files])

    def to_json(self) -> dict[str, Any]:
        """Return the source as plain JSON data; ``from_json`` is the inverse."""
        return {"spec": self.spec, "files": [list(file) for file in self.files]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "UserSource":
        """Rebuild a source from what ``to_json`` returned."""
        return cls(spec=data["spec"], files=tuple((name, text) for name, text in data["files"]))


def source_digest(name: str) -> str:
    """Return the SHA-256 over the texts of a built-in architecture's file and of ``blocks.py``.

    Raises:
        UsageError: if there is no such architecture.
    """
    content = hashlib.sha256()
    for file in (f"{built_in(name).name}.py", "blocks.py"):
        # Read as text: a checkout with other line endings is the same code.
        content.update(f"{file}\n{Path(__file__).with_name(file).read_text(encoding='utf-8')}".encode())
    return content.hexdigest()

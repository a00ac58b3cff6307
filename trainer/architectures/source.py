"""The digest of a built-in architecture's code."""

import hashlib
from pathlib import Path

from trainer.architectures.registry import built_in


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

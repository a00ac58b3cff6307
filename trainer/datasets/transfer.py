"""A stored dataset on its way to another machine, and whether it is there already.

It goes in parts, since it may be larger than what fits into a message, and counts as arrived only when all of
it has the fingerprint that it is called by.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from trainer.datasets.store import FILES, check_stored, publish
from trainer.errors import UsageError

#: Bytes of one part.
PART = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of one of a stored dataset's files.

    Attributes:
        file: its name.
        offset: in bytes from the file's beginning.
        content: the bytes.
    """

    file: str
    offset: int
    content: bytes


def parts(stored: Path, size: int = PART) -> Iterator[Part]:
    """Yield a stored dataset in parts of at most ``size`` bytes."""
    for name in FILES:
        with (stored / name).open("rb") as stream:
            while content := stream.read(size):
                yield Part(name, stream.tell() - len(content), content)


def take(part: Part, folder: Path, fingerprint: str, sender: str) -> None:
    """Write a part of the dataset that ``sender`` sends beside its place in ``folder``.

    Raises:
        OSError: if it cannot be written.
    """
    if part.file not in FILES:
        raise ValueError(f"{part.file!r} is no file of a dataset")
    partial = _partial(folder, fingerprint, sender)
    partial.mkdir(parents=True, exist_ok=True)
    with (partial / part.file).open("r+b" if part.offset else "wb") as stream:
        stream.seek(part.offset)
        stream.write(part.content)


def complete(folder: Path, fingerprint: str, sender: str) -> Path:
    """Put a dataset of which all parts are there in its place, and return that.

    Raises:
        UsageError: if it is not the dataset that it is said to be; nothing of it is left then.
    """
    partial = _partial(folder, fingerprint, sender)
    checking = partial / fingerprint  # a dataset's folder is called by its fingerprint
    checking.mkdir()
    try:
        for name in FILES:
            (partial / name).rename(checking / name)
        check_stored(checking)
        if find(fingerprint, [folder]) is None:
            shutil.rmtree(folder / fingerprint, ignore_errors=True)  # what was there was damaged
            publish(checking, folder / fingerprint)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder / fingerprint


def _partial(folder: Path, fingerprint: str, sender: str) -> Path:
    return folder / f".{fingerprint[:12]}-{sender}.partial"


def find(fingerprint: str, folders: Sequence[Path]) -> Path | None:
    """Return where a dataset is stored whole in one of the folders, or None.

    All of it is read and compared with its fingerprint, once in a process's life.
    """
    for folder in folders:
        try:
            return _checked(folder / fingerprint)
        except UsageError:
            continue
    return None


@lru_cache(maxsize=64)
def _checked(stored: Path) -> Path:
    check_stored(stored)
    return stored

"""Sends a stored dataset to another machine, and finds one that is there already.

It is sent in parts, because it may be larger than a message. It counts as arrived only when its content has
the fingerprint that names it.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from trainer.datasets.store import ALWAYS, FILES, SOME, check_stored, publish, stored_at
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
        if name in SOME and not (stored / name).exists():
            continue
        with (stored / name).open("rb") as stream:
            while content := stream.read(size):
                yield Part(name, stream.tell() - len(content), content)


def take(part: Part, folder: Path, fingerprint: str, sender: str) -> None:
    """Write a part of a dataset from ``sender`` into a partial folder in ``folder``.

    Raises:
        OSError: if it cannot be written.
    """
    if part.file not in FILES or "/" in sender:
        raise ValueError(f"{part.file!r} from {sender!r} is not a file of a dataset")
    partial = _partial(folder, fingerprint, sender)
    partial.mkdir(parents=True, exist_ok=True)
    with (partial / part.file).open("r+b" if part.offset else "wb") as stream:
        stream.seek(part.offset)
        stream.write(part.content)


def complete(folder: Path, fingerprint: str, sender: str) -> Path:
    """Check a dataset whose parts have all arrived, move it to its final folder, and return that folder.

    Raises:
        UsageError: if its content has another fingerprint; it is deleted then.
    """
    target, partial = stored_at(folder, fingerprint), _partial(folder, fingerprint, sender)
    checking = partial / fingerprint  # check_stored compares the folder's name with the fingerprint
    checking.mkdir()
    try:
        for name in FILES:
            if name in ALWAYS or (partial / name).exists():
                (partial / name).rename(checking / name)
        check_stored(checking)
        if find(fingerprint, [folder]) is None:
            shutil.rmtree(target, ignore_errors=True)  # a folder that is there is damaged
            publish(checking, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _partial(folder: Path, fingerprint: str, sender: str) -> Path:
    return folder / f".{stored_at(folder, fingerprint).name[:12]}-{sender}.partial"


def find(fingerprint: str, folders: Sequence[Path]) -> Path | None:
    """Return the path of a complete dataset in one of the folders, or None.

    Reads all of the dataset and compares it with its fingerprint, once in a process's life.
    """
    for folder in folders:
        try:
            return _checked(stored_at(folder, fingerprint))
        except UsageError:
            continue
    return None


@lru_cache(maxsize=64)
def _checked(stored: Path) -> Path:
    check_stored(stored)
    return stored

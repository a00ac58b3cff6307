"""The lock that the one writer of a home holds, and the queue of those who wait for it.

The lock is ``flock`` on a file beside the ledger: the system frees it however its holder ends. Who waits has
a ticket: a file that its owner keeps locked, named after the time at which the wait began. The lock goes to
the oldest ticket. A ticket that nobody keeps locked is that of a process that was killed, and is removed.
"""

import fcntl
import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from tracking.ledger.leftovers import remove_leftovers
from trainer.errors import UsageError
from trainer.runtime.permissions import as_folder_says, make_private

LOCK = "ledger.lock"

#: In the lock's file, beside whose it is.
_INTERRUPTED = "interrupted"

_TICKET = "ledger.wait."

#: How the names of the files begin that refold itself writes in a home.
_OWN_FILES = ("ledger.", "mlflow.db", "workers.log", "home.id")

#: Seconds between two looks at the queue.
_PAUSE = 0.2

#: Called once, with a line that says for whom a process waits.
OnWait = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Turn:
    """What a process knows of its turn as the writer of a home.

    Attributes:
        lock: the locked file, if the process holds the lock already.
        on_wait: called if it has to wait for the lock; None to refuse instead of waiting.
    """

    lock: IO[str] | None = None
    on_wait: OnWait | None = None


@contextmanager
def turn(home: Path, on_wait: OnWait | None) -> Iterator[Turn]:
    """Wait for one's turn before anything is read, so that what is read is what the writer before has left.

    Args:
        home: the folder that holds the ledger. If it has none yet, nothing is created and nobody waited for.
        on_wait: None for not to wait: then the lock is left to ``Ledger.open``.

    Raises:
        UsageError: if the home cannot be written.
    """
    if on_wait is None or not (home / LOCK).exists():
        yield Turn(on_wait=on_wait)
        return
    with held(home, Turn(on_wait=on_wait)) as lock:
        yield Turn(lock=lock, on_wait=on_wait)


@contextmanager
def held(home: Path, mine: Turn) -> Iterator[IO[str]]:
    """Hold the lock of a home during the block; the folder is created if there is none.

    Raises:
        UsageError: if the home cannot be written, or another process holds the lock and nobody wants to wait.
    """
    if mine.lock is not None:
        yield mine.lock
        return
    try:
        make_private(home)
        _refuse_links(home)
        with as_folder_says(home):
            lock = (home / LOCK).open("a+", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"the home folder {home} cannot be written ({error.strerror}): "
            "choose another with --home or REFOLD_HOME"
        ) from error
    with lock, as_folder_says(home):
        _take(lock, home, mine.on_wait)
        _sign(lock)
        remove_leftovers(home)
        yield lock


def _refuse_links(home: Path) -> None:
    """Refuse a home in which a file of refold's is a symbolic link: what is written would go elsewhere.

    A folder may be a link, to another disk for example: in it, refold writes under names of its own.

    Raises:
        UsageError: if there is such a link.
    """
    for each in sorted(home.iterdir()):
        if each.name.startswith(_OWN_FILES) and each.is_symlink() and not each.is_dir():
            raise UsageError(
                f"{each} is a symbolic link, and refold would write into {each.readlink()}: put the file "
                "itself there, or remove the link; nothing was written"
            )


def is_held(home: Path) -> bool:
    """Whether a process holds the ledger of a home for writing."""
    try:
        with (home / LOCK).open(encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:  # another process holds it, or we may not open the file
        return True
    return False


def is_running(home: Path) -> bool:
    """Whether a sweep may be running: a process holds the ledger, and has not been interrupted."""
    if not is_held(home):
        return False
    try:
        return not json.loads((home / LOCK).read_text(encoding="utf-8")).get(_INTERRUPTED, False)
    except (OSError, ValueError, AttributeError):  # its holder writes it just now
        return True


def note_interrupt(home: Path) -> None:
    """Write beside the lock that its holder, this process, was interrupted and only stops its workers."""
    with suppress(OSError, ValueError, TypeError), (home / LOCK).open("r+", encoding="utf-8") as lock:
        noted = json.dumps({**json.load(lock), _INTERRUPTED: True})
        lock.seek(0)
        lock.write(noted)


def _take(lock: IO[str], home: Path, on_wait: OnWait | None) -> None:
    """Take the lock, after all who came before; without ``on_wait`` refuse to wait."""
    before = _waiting(home)
    if not before and _locked(lock):
        return
    who = _signature(lock if is_held(home) or not before else before[0])
    if on_wait is None:
        raise UsageError(
            f"the ledger in {home} is held by process {who}: wait for it with --wait (in Python: wait=True), "
            "stop it, or use another --home"
        )
    with _ticket(home) as ticket:
        before = _waiting(home, ticket)
        queue = f"; {len(before)} waiting before this command" if before else ""
        on_wait(f"waiting for the ledger in {home}, which is held by process {who}{queue}")
        while _waiting(home, ticket) or not _locked(lock):
            time.sleep(_PAUSE)


def _locked(file: IO[str]) -> bool:
    """Lock a file if nobody else has; return whether it is ours."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sign(file: IO[str]) -> None:
    """Write into a locked file whose it is."""
    since = datetime.now().astimezone().isoformat(" ", "seconds")
    file.truncate(0)
    file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}))
    file.flush()


def _signature(file: IO[str] | Path) -> str:
    """Return whose a locked file is, in words."""
    unknown = {"pid": "?", "host": "?", "since": "?"}
    try:
        if isinstance(file, Path):
            text = file.read_text(encoding="utf-8")
        else:
            file.seek(0)
            text = file.read()
        found = unknown | json.loads(text)
    except (OSError, ValueError, TypeError):  # its owner writes or removes it just now
        found = unknown
    return f"{found['pid']} on {found['host']} since {found['since']}"


@contextmanager
def _ticket(home: Path) -> Iterator[Path]:
    """Stand in the queue during the block."""
    name = f"{time.time_ns():020d}.{secrets.token_hex(4)}"
    draft, path = home / f".{_TICKET}{name}", home / f"{_TICKET}{name}"
    with draft.open("w", encoding="utf-8") as file:
        try:
            _locked(file)
            _sign(file)
            draft.rename(path)  # with its name it is locked already: nobody takes it for one that was left
            yield path
        finally:
            draft.unlink(missing_ok=True)
            path.unlink(missing_ok=True)


def _waiting(home: Path, ticket: Path | None = None) -> list[Path]:
    """Return the tickets of those who wait, oldest first; if ``ticket`` is given, of those before it."""
    found = []
    for path in sorted(home.glob(f"{_TICKET}*")):
        if ticket is not None and path.name >= ticket.name:
            break
        with suppress(FileNotFoundError), path.open(encoding="utf-8") as file:
            if _locked(file):
                path.unlink()
            else:
                found.append(path)
    return found

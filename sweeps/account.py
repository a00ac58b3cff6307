"""What this account remembers outside of all homes: which homes it made, and whose code it trusts.

A home can be copied, sent and received, so nothing in it says who made it. The folder
``${XDG_STATE_HOME:-~/.local/state}/refold`` stays with the account.
"""

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from trainer.runtime.permissions import as_folder_says

#: In the home: a random text, by which the account finds what it remembers of that home.
MARK = "home.id"

_FORM = re.compile("[0-9a-f]{64}")


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of what this account remembers. It need not exist.

    Raises:
        RuntimeError: if neither ``XDG_STATE_HOME`` nor the account's home folder is known.
    """
    given = environment.get("XDG_STATE_HOME", "")
    return (Path(given) if Path(given).is_absolute() else Path.home() / ".local" / "state") / "refold"


def claim(home: Path) -> str | None:
    """Remember that this account made a home.

    Args:
        home: a home that was created just now.

    Returns:
        None; or, if nothing can be remembered here, a line for the user. Everything else works all the same.
    """
    mark = secrets.token_hex(32)
    try:
        with as_folder_says(home):
            (home / MARK).write_text(mark, encoding="ascii")
        _write(state_folder() / "homes" / mark, str(home.resolve()))
    except (OSError, RuntimeError) as error:
        return (
            f"{_place()} cannot be written ({getattr(error, 'strerror', None) or error}), so refold will not "
            "know later that you made this home: it will ask for --trust-code before it runs recorded code "
            "whose file is gone"
        )
    return None


def made(home: Path) -> bool:
    """Return whether this account made the home, and the home is where it was made."""
    try:
        if not (home / MARK).is_file():  # a pipe would never end
            return False
        with (home / MARK).open(encoding="ascii") as file:
            mark = file.read(100)
        if not _FORM.fullmatch(mark):
            return False
        return _read(state_folder() / "homes" / mark) == str(home.resolve())
    except (OSError, RuntimeError, ValueError):
        return False


def trust(digest: str) -> None:
    """Remember that this account trusts the code with this digest. Where that is not possible, do nothing."""
    try:
        _write(state_folder() / "code" / digest, "")
    except (OSError, RuntimeError):
        return


def trusts(digest: str) -> bool:
    """Return whether this account has said that it trusts the code with this digest."""
    try:
        return _read(state_folder() / "code" / digest) is not None
    except (OSError, RuntimeError):
        return False


def _place() -> str:
    try:
        return str(state_folder())
    except RuntimeError:
        return "XDG_STATE_HOME is not set, and the home folder of this account"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _read(file: Path) -> str | None:
    """Return a file's text; None unless it is this account's own."""
    with file.open(encoding="utf-8") as stream:
        return stream.read() if os.fstat(stream.fileno()).st_uid == os.geteuid() else None

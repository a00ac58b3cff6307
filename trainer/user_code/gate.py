"""Decides whether code that a user wrote may run, and where: the only importer of ``modules``.

Recorded code runs only if its text has the digest that the fit was recorded with, and always in a process
that was started for training. ``import_recorded`` is the one place that all of it passes: whether the home
that it was recorded in is trusted would be asked there as well.
"""

from collections.abc import Mapping
from pathlib import Path

from trainer.errors import Mismatch
from trainer.runtime.determinism import in_training_process
from trainer.user_code.modules import Beside, Carried, Folder, UserModules
from trainer.user_code.source import UserSource

__all__ = ["UserModules", "check_digest", "import_from_folder", "import_recorded"]


def import_recorded(source: UserSource, *, name: str, digest: str) -> UserModules:
    """Return the importer of texts that were recorded, or sent by another process.

    Args:
        source: the texts.
        name: what the sweep calls the thing whose code they are, for the message.
        digest: what the fit's spec, or whoever asks, says that the texts have.

    Raises:
        Mismatch: if they have another one; nothing was imported.
        RuntimeError: in a process that was not started for training.
    """
    _check_process()
    check_digest(source, name=name, digest=digest)
    return UserModules(f"refold-user-{source.digest[:16]}", Carried(dict(source.files)))


def import_from_folder(folder: Path, cell: Mapping[str, str] | None = None) -> UserModules:
    """Return the importer of files as they lie in a folder that the user named: they have no digest yet.

    Args:
        folder: the folder.
        cell: name and text of what the user defined in a notebook that is worked on there.

    Raises:
        RuntimeError: in a process that was not started for training.
    """
    _check_process()
    return UserModules(folder.as_posix(), Beside(cell or {}, Folder(folder)))


def check_digest(source: UserSource, *, name: str, digest: str) -> None:
    """Check that a text is the one that was trained. Executes nothing, so any process may ask.

    Raises:
        Mismatch: if it is not.
    """
    if source.digest != digest:
        raise Mismatch(
            f"the recorded code of {name} ({source.spec}) is not what was trained: its text has the digest "
            f"{source.digest[:16]}, its fits {digest[:16]}. The record was changed; nothing of it was run"
        )


def _check_process() -> None:
    if not in_training_process():
        raise RuntimeError("a user's code runs only in a process of its own, started for training")

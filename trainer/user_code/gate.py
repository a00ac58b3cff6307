"""Decides whether users' code may run, and where. Only this module imports ``modules``.

Recorded code runs only if its text has the digest that the fit was recorded with, and only in a process that
was started for training. All recorded code goes through ``import_recorded``. Whether code from a record
is trusted is decided before, where the home is known: ``sweeps.retraining.recorded_code``.
"""

from collections.abc import Mapping
from pathlib import Path

from trainer.errors import Mismatch
from trainer.runtime.determinism import in_training_process
from trainer.user_code.declared import lay_out
from trainer.user_code.modules import Beside, Carried, Folder, UserModules
from trainer.user_code.source import UserSource

__all__ = ["UserModules", "check_digest", "import_from_folder", "import_recorded"]


def import_recorded(source: UserSource, *, name: str, digest: str) -> UserModules:
    """Return the importer of texts that were recorded, or sent by another process.

    Args:
        source: the texts.
        name: the architecture's name in the sweep, for the message.
        digest: the digest that the texts must have, from the fit's spec or from the caller.

    Raises:
        Mismatch: if they have another digest; none of them was imported then.
        RuntimeError: in a process that was not started for training.
    """
    _check_process()
    check_digest(source, name=name, digest=digest)
    identity = f"refold-user-{source.digest[:16]}"
    folder = str(lay_out(source.data, source.spec)) if source.data else identity
    return UserModules(folder, Carried(dict(source.files)), identity)


def import_from_folder(folder: Path, cell: Mapping[str, str] | None = None) -> UserModules:
    """Return the importer of the files in a folder that the user named. They have no digest yet.

    Args:
        folder: the folder.
        cell: name and text of a notebook's cell, as if it were a file in the folder; None for none.

    Raises:
        RuntimeError: in a process that was not started for training.
    """
    _check_process()
    return UserModules(folder.as_posix(), Beside(cell or {}, Folder(folder)))


def check_digest(source: UserSource, *, name: str, digest: str) -> None:
    """Check that the texts are those that were trained. Executes nothing, so any process may call it.

    Raises:
        Mismatch: if they have another digest.
    """
    if source.digest != digest:
        raise Mismatch(
            f"the recorded code of {name} ({source.spec}) is not what was trained: its text has the digest "
            f"{source.digest[:16]}, its fits {digest[:16]}. The record was changed; nothing of it was run"
        )


def _check_process() -> None:
    if not in_training_process():
        raise RuntimeError("a user's code runs only in a process of its own, started for training")

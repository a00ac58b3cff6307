"""Which of the users' code in a record may run here. All of it passes ``admit``.

A record can come from anybody, with code and the digest of that code. So recorded code runs unasked only if
this account made the home, or has the same text in the file that the sweep file names.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sweeps import account
from sweeps.definition.identity import plan_of
from sweeps.home import Home
from tracking.ledger.entry import SweepEntry
from trainer.errors import UsageError
from trainer.escaping import for_shell
from trainer.user_code import UserSource, check_digest


@dataclass(frozen=True, slots=True)
class RecordedCode:
    """Recorded code that may run here; only ``admit`` makes one.

    Attributes:
        sources: by architecture; built-in architectures have none.
    """

    sources: Mapping[str, UserSource]


def admit(
    home: Path, entry: SweepEntry, architectures: Iterable[str], *, trust_code: bool = False
) -> RecordedCode:
    """Return the recorded code of some architectures, if it may run here. Executes nothing.

    Args:
        home: the home that holds the record.
        entry: the sweep.
        architectures: the names of those to be trained.
        trust_code: whether the user has said that the code is trusted. That is remembered for this very text.

    Raises:
        Mismatch: if a text is not the one that the sweep was planned with, trusted or not.
        UsageError: if the code is not trusted; the message says what would run, and how to look at it.
    """
    recorded = entry.details.sources
    wanted = {name: recorded[name] for name in dict.fromkeys(architectures) if name in recorded}
    if not wanted:
        return RecordedCode({})
    digests = {planned.name: planned.digest for planned in plan_of(entry).architectures}
    for name, source in wanted.items():
        check_digest(source, name=name, digest=digests.get(name, ""))
    if not account.made(home):
        foreign = {
            name: source
            for name, source in wanted.items()
            if not (account.trusts(source.digest) or _is_here(home, entry, source))
        }
        if foreign and not trust_code:
            raise UsageError(_question(home, entry, foreign))
        for source in foreign.values():
            account.trust(source.digest)
    return RecordedCode(wanted)


def _is_here(home: Path, entry: SweepEntry, source: UserSource) -> bool:
    """Return whether the files that the sweep file names are here, with the recorded text.

    Their paths are the record's. So only files count that belong to this account, are outside of the home and
    are reached without symbolic links: ``/proc/self/cwd/models.py`` would be wherever the user happens to be.
    """
    if not source.in_file or not Path(entry.details.folder).is_absolute():
        return False
    try:
        for path in source.paths(Path(entry.details.folder)):
            plain = Path(os.path.normpath(path))
            if plain != path.resolve() or plain.is_relative_to(home.resolve()):
                return False
            if path.stat().st_uid != os.geteuid():
                return False
        return source.read_again(Path(entry.details.folder)).digest == source.digest
    except (OSError, RuntimeError, ValueError, UsageError):  # also for a path that cannot be one
        return False


def _question(home: Path, entry: SweepEntry, foreign: Mapping[str, UserSource]) -> str:
    each = [f"{name} ({source.spec}, digest {source.digest[:16]})" for name, source in foreign.items()]
    look = f"refold show {for_shell(entry.name)} --code{Home(home).option}"
    return (
        f"this would run the recorded code of {', '.join(each)}, and refold has no mark that this account "
        f"made the home {home} (one that was copied or moved, or is older, has none): look at the code with "
        f"'{look}', then add --trust-code (trust_code=True in Python) if you trust it"
    )

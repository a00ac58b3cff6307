"""Whether a process may be part of a cluster: what it says of itself, and what differs from the coordinator.

Plain data that crosses machines and, when something is wrong, versions: so it is a mapping of texts.
"""

import hashlib
import platform
import socket
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import sweeps
import tracking
import trainer
from sweeps.definition.changes import changes
from trainer.runtime.environment import environment

#: What a process says of itself: names to texts.
Description = Mapping[str, str]

#: Kinds of hardware: other ones are let in when the user says so.
KINDS = ("processor", "gpu")


@cache
def code_digest() -> str:
    """Return the SHA-256 over refold's own source, wherever it is installed."""
    content = hashlib.sha256()
    for package in (trainer, tracking, sweeps):
        folder = Path(str(package.__file__)).parent
        for file in sorted(folder.rglob("*.py"), key=lambda file: file.relative_to(folder).parts):
            # Read as text: a checkout with other line endings is the same code.
            text = file.read_text(encoding="utf-8")
            content.update(f"{package.__name__}/{file.relative_to(folder).as_posix()}\n{text}\n".encode())
    return content.hexdigest()


def describe(*, device: str = "cpu", gpu: str = "") -> Description:
    """Return what this process says of itself.

    Args:
        device: what it trains on, ``"cpu"`` or ``"gpu"``.
        gpu: kind of its GPU.
    """
    return {
        "code": code_digest()[:16],
        "refold": version("refold"),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "distributed": version("distributed"),
        **dict(environment().platform),
        "device": device,
        "gpu": gpu,
        "host": socket.gethostname(),
    }


def differences(here: Description, there: Description) -> dict[str, str]:
    """Return what differs between a coordinator and a worker, in words, by name; hosts may differ."""
    return {
        change.name: f"{_called(change.name)} {change.said('there', 'here')}"
        for change in changes(there, here)
        if change.name != "host"
    }


def _called(name: str) -> str:
    return "refold's code has the digest" if name == "code" else name


def verdict(here: Description, there: Description, *, mixed: bool) -> tuple[str | None, str | None]:
    """Return why a worker is refused, and what should be known of one that is not; None where nothing is.

    Args:
        here: the coordinator's description.
        there: the worker's.
        mixed: whether other kinds of processors or GPUs are welcome.
    """
    found = differences(here, there)
    kinds = [found.pop(name) for name in KINDS if name in found]
    if "device" in found:
        return f"{found['device']} (the sweep file's 'device')", None
    if found:
        return f"{'; '.join(found.values())}: install the same release of everything there", None
    if kinds and not mixed:
        return f"{'; '.join(kinds)}: its bits would differ; --mixed lets it in and records it per fit", None
    return None, "; ".join(kinds) or None

"""Whether a process may join a cluster: its description, compared with the coordinator's.

A description is a mapping of texts, because it may come from another version of refold.
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

#: The description of a process: its properties by name, all texts.
Description = Mapping[str, str]

#: Kinds of hardware: the user may admit workers that differ in these.
KINDS = ("processor", "gpu")


@cache
def code_digest() -> str:
    """Return the SHA-256 of refold's own source; it does not depend on where refold is installed."""
    content = hashlib.sha256()
    for package in (trainer, tracking, sweeps):
        folder = Path(str(package.__file__)).parent
        for file in sorted(folder.rglob("*.py"), key=lambda file: file.relative_to(folder).parts):
            # Read as text, so that a checkout with other line endings is the same code.
            text = file.read_text(encoding="utf-8")
            content.update(f"{package.__name__}/{file.relative_to(folder).as_posix()}\n{text}\n".encode())
    return content.hexdigest()


def describe(*, device: str = "cpu", gpu: str = "") -> Description:
    """Return the description of this process.

    Args:
        device: the device that it trains on, ``"cpu"`` or ``"gpu"``.
        gpu: the kind of its GPU; empty if it has none.
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
    """Return the differences between coordinator and worker in words, by name; host names may differ."""
    return {
        change.name: f"{_called(change.name)} {change.said('there', 'here')}"
        for change in changes(there, here)
        if change.name != "host"
    }


def _called(name: str) -> str:
    return "refold's code has the digest" if name == "code" else name


def verdict(here: Description, there: Description, *, mixed: bool) -> tuple[str | None, str | None]:
    """Return why a worker is refused, or None, and a remark about an admitted worker, or None.

    Args:
        here: the coordinator's description.
        there: the worker's.
        mixed: whether workers may have other kinds of processors or GPUs.
    """
    found = differences(here, there)
    kinds = [found.pop(name) for name in KINDS if name in found]
    if "device" in found:
        return f"{found['device']} (the sweep file's 'device')", None
    if found:
        return f"{'; '.join(found.values())}: install the same release of refold and its packages there", None
    if kinds and not mixed:
        return (
            f"{'; '.join(kinds)}: its bits would differ; --mixed admits it, and each fit records its kind",
            None,
        )
    return None, "; ".join(kinds) or None

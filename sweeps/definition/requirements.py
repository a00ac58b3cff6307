"""What a recorded sweep that cannot go on here needs: package versions, processor, version of refold."""

from collections.abc import Mapping

from sweeps.definition.changes import changes
from sweeps.definition.prepare import MIXED
from trainer.fits.environment import Environment


def to_go_on(then: Environment, here: Environment) -> str:
    """Return what to install and where to run, as the end of a sentence; empty if nothing differs.

    >>> from trainer.fits.environment import DECIDING
    >>> one = Environment(packages=dict.fromkeys(DECIDING, "1"), cpu={"model name": "A"})
    >>> other = Environment(packages=dict.fromkeys(DECIDING, "1") | {"keras": "2"}, cpu={"model name": "B"})
    >>> to_go_on(one, other)
    "after 'pip install keras==1' and on a processor of the kind A"

    Args:
        then: the environment that the sweep was recorded in.
        here: the present environment.
    """
    packages = [f"{change.name}=={change.before}" for change in changes(then.software, here.software)]
    needed = [f"after 'pip install {' '.join(packages)}'"] if packages else []
    if then.gpu != here.gpu and then.gpu:
        needed.append(f"on a GPU of the kind {then.gpu}")
    if dict(then.cpu) != dict(here.cpu) and then.cpu.get("model name") != MIXED:
        needed.append(_processor(then.cpu, here.cpu))
    return " and ".join(needed)


def version_of_refold(then: Environment) -> str:
    """Return the version of refold in a recorded environment, like ``"0.1.0"``."""
    return then.packages.get("refold", "unknown")


def _processor(then: Mapping[str, str], here: Mapping[str, str]) -> str:
    """Say which processor is needed: by its name, and by other properties if the names are equal."""
    name = then.get("model name", "")
    kind = f"on a processor of the kind {name}" if name else "on a processor"
    if name and name != here.get("model name"):
        return kind
    rest = [f"{key} {then[key]}" for key in sorted(then) if then[key] and then[key] != here.get(key)]
    return f"{kind} with {', '.join(rest)}" if rest else f"{kind} with no further description by the system"

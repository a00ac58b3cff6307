"""refold: hyperparameter sweeps over several architectures that repeat bit for bit.

For notebooks and other programs::

    import refold

    outcome = refold.run("digits.toml")  # or refold.run(refold.SweepSpec(name="digits"))
    outcome.trials()  # pandas: one row a trial; also .folds() and .epochs()
    outcome.export()  # the best model, in a folder of its own

This package only names what others may use; ``sweeps``, ``tracking`` and ``trainer`` hold the code. Each name
is imported when it is first used, so ``import refold`` costs nothing.
"""

# Before any other: it takes the current folder off the module path of 'python -m refold'.
from refold.import_path import claim_packages  # isort: split

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweeps.api import Cluster as Cluster
    from sweeps.api import load as load
    from sweeps.api import ready as ready
    from sweeps.api import run as run
    from sweeps.definition.spec import ArchitectureChoice as ArchitectureChoice
    from sweeps.definition.spec import CrossValidation as CrossValidation
    from sweeps.definition.spec import Limits as Limits
    from sweeps.definition.spec import Search as Search
    from sweeps.definition.spec import SweepSpec as SweepSpec
    from sweeps.outcome import Outcome as Outcome

#: Where each public name is defined.
_PUBLIC = {
    "Cluster": "sweeps.api",
    "load": "sweeps.api",
    "ready": "sweeps.api",
    "run": "sweeps.api",
    "ArchitectureChoice": "sweeps.definition.spec",
    "CrossValidation": "sweeps.definition.spec",
    "Limits": "sweeps.definition.spec",
    "Search": "sweeps.definition.spec",
    "SweepSpec": "sweeps.definition.spec",
    "Outcome": "sweeps.outcome",
}

__all__ = list(_PUBLIC)
__version__ = version("refold")


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'refold' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])


claim_packages()

"""refold: hyperparameter sweeps over several architectures that repeat bit for bit.

For notebooks and other programs::

    import refold

    outcome = refold.run("digits.toml")  # or refold.run(refold.SweepSpec(name="digits"))
    outcome.trials()  # pandas: one row a trial; also .folds() and .epochs()
    outcome.export()  # the best model, in a folder of its own

This package only names what others may use; ``sweeps``, ``tracking`` and ``trainer`` hold the code. Each name
is imported when it is first used, so ``import refold`` costs nothing.
"""

import sys
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
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


def _check_own_packages() -> None:
    """Refuse to go on where another module hides one of refold's packages.

    Raises:
        ImportError: naming the file.
    """
    here = Path(__file__).resolve().parent.parent
    # 'python -m refold' looks in the current folder first; refold's own code never should.
    if sys.argv[:1] == ["-m"] and not sys.flags.safe_path and sys.path[0] and Path(sys.path[0]) != here:
        del sys.path[0]
    for package in ("sweeps", "tracking", "trainer"):
        spec = sys.modules[package].__spec__ if package in sys.modules else find_spec(package)
        found = Path(spec.origin).resolve() if spec and spec.origin else None
        if found != here / package / "__init__.py":
            raise ImportError(
                f"{found or package} hides refold's own package {package!r}: rename that file or folder, or "
                "start Python in another folder"
            )


_check_own_packages()

"""Sees to it that refold's packages are refold's, before anything else is imported.

Importing this module takes the current folder off the module path where ``python -m refold`` has put it
there: the command line has no use for a ``trainer/`` or ``queue.py`` of the user's. Then it imports refold's
packages, or raises an ImportError where a module of the user's hides one. It comes first, and imports hardly
anything itself, because the user's modules may have the names of Python's own as well.
"""

import os
import sys
from importlib import import_module
from importlib.util import find_spec

#: The folder that holds refold's packages.
_ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120

#: Python looks for the module that '-m' names, and has put the current folder first on the path for that.
_BY_NAME = sys.argv[:1] == ["-m"]


def _claim_packages() -> None:
    """Import refold's packages, so that no module of the user's takes their place later.

    Raises:
        ImportError: if one does already; one sentence that names the file.
        SystemExit: the same for ``python -m refold``.
    """
    for package in ("sweeps", "tracking", "trainer"):
        found = _place(package)
        own = os.path.join(_ROOT, package, "__init__.py")  # noqa: PTH118
        if found == own or (os.path.isdir(found) and package not in sys.modules):  # noqa: PTH112
            _import_own(package)
            continue
        sentence = f"{found} hides refold's own package {package!r}: rename it or move it to another folder"
        if _BY_NAME:
            sys.stderr.write(f"refold: {sentence}\n")
            raise SystemExit(2)
        raise ImportError(sentence, name=package)


def _import_own(package: str) -> None:
    """Import a package of refold's, also where the path has a folder of its name that is no package.

    Python itself would prefer refold's, but for an editable install, which it asks last.
    """
    sys.path.insert(0, _ROOT)
    try:
        import_module(package)
    finally:
        sys.path.remove(_ROOT)


def _place(package: str) -> str:
    """Return the file that ``import package`` gives or has given; the folder of one without a file."""
    module = sys.modules.get(package)
    spec = find_spec(package) if module is None else None
    file = getattr(module, "__file__", None) or (spec.origin if spec else None)
    folders = getattr(module, "__path__", None) or (spec.submodule_search_locations if spec else None)
    places = [file, *(folders or ())]
    return next((os.path.realpath(place) for place in places if place), f"the running program's {package!r}")


def _leave_current_folder() -> None:
    """Take the folder off the path that ``-m`` has put there, unless refold itself comes from there."""
    first = sys.path[0]
    if os.path.realpath(first) != _ROOT and os.path.exists(first) and os.path.samefile(first, os.curdir):  # noqa: PTH110, PTH121
        del sys.path[0]


if _BY_NAME and not sys.flags.safe_path:
    _leave_current_folder()
_claim_packages()

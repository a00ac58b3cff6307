"""Makes sure that no module of the user's takes the place of a package of refold's.

``python -m refold`` puts the current folder on the module path. Importing this module takes it off again,
because the command line has no use for a ``trainer/`` or ``queue.py`` of the user's. Then this module imports
refold's packages, or raises an ImportError if a module of the user's hides one. It is imported before
everything else and imports hardly anything itself, because the user's modules may also have the names of
Python's own modules.
"""

import os
import sys
from importlib import import_module
from importlib.util import find_spec

#: The folder that holds refold's packages.
_ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120

#: True while Python looks for the module that '-m' names: the current folder is then first on the path.
_BY_NAME = sys.argv[:1] == ["-m"]


def _claim_packages() -> None:
    """Import refold's packages, so that no module of the user's takes their place later.

    Raises:
        ImportError: if a module of the user's has taken its place already; one sentence that names the file.
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
            sys.stderr.write(f"refold: {repr(sentence)[1:-1]}\n")  # a path may hold escape codes
            raise SystemExit(2)
        raise ImportError(sentence, name=package)


def _import_own(package: str) -> None:
    """Import a package of refold's, even if the path has a folder of the same name that is no package.

    Python itself prefers refold's package, except with an editable install: it asks that last.
    """
    sys.path.insert(0, _ROOT)
    try:
        import_module(package)
    finally:
        sys.path.remove(_ROOT)


def _place(package: str) -> str:
    """Return the file that ``import package`` loads or has loaded; its folder if the package has no file."""
    module = sys.modules.get(package)
    spec = find_spec(package) if module is None else None
    file = getattr(module, "__file__", None) or (spec.origin if spec else None)
    folders = getattr(module, "__path__", None) or (spec.submodule_search_locations if spec else None)
    places = [file, *(folders or ())]
    return next((os.path.realpath(place) for place in places if place), f"the running program's {package!r}")


def _leave_current_folder() -> None:
    """Take the folder that ``-m`` has added off the path, unless refold itself lies in it."""
    first = sys.path[0]
    if os.path.realpath(first) != _ROOT and os.path.exists(first) and os.path.samefile(first, os.curdir):  # noqa: PTH110, PTH121
        del sys.path[0]


if _BY_NAME and not sys.flags.safe_path:
    _leave_current_folder()
_claim_packages()

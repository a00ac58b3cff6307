"""Starts Python processes that import nothing from the current folder.

``python -m`` puts the current folder first on the module path; an empty entry of ``PYTHONPATH`` means it too.
So a user's ``trainer/`` or ``queue.py`` would be imported in the place of refold's or Python's own.
"""

import os
import site
import sys
from collections.abc import Mapping
from pathlib import Path

#: The folder that holds refold's packages.
ROOT = Path(__file__).resolve().parents[2]


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module; start it with the environment of ``import_environment``."""
    return [sys.executable, "-P", "-m", module, *arguments]


def import_environment(inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return ``inherited``, changed so that children and grandchildren do not import from the current folder.

    Other folders of the user's ``PYTHONPATH`` stay. The folder of refold's packages is added as the last one
    if they are not installed, as in a checkout, where this process found them in its current folder.
    """
    given = [Path(entry).absolute() for entry in inherited.get("PYTHONPATH", "").split(os.pathsep) if entry]
    wanted = [folder for folder in given if folder.resolve() != ROOT and not _is_current(folder)]
    if ROOT not in {Path(folder).resolve() for folder in site.getsitepackages()}:
        wanted.append(ROOT)
    others = {name: value for name, value in inherited.items() if name != "PYTHONPATH"}
    path = {"PYTHONPATH": os.pathsep.join(map(str, wanted))} if wanted else {}
    return others | path | {"PYTHONSAFEPATH": "1"}


def _is_current(folder: Path) -> bool:
    return folder.is_dir() and folder.samefile(os.curdir)

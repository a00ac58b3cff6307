"""How refold starts a Python process: so that it imports nothing of the folder it is started in.

``python -m`` puts the current folder first on the module path, and an empty entry of ``PYTHONPATH`` stands
for it too. A user's ``trainer/`` or ``queue.py`` there would take the place of refold's or Python's own.
"""

import os
import site
import sys
from collections.abc import Mapping
from pathlib import Path

#: The folder that holds refold's packages.
ROOT = Path(__file__).resolve().parents[2]


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module; it is to be started with ``import_environment``."""
    return [sys.executable, "-P", "-m", module, *arguments]


def import_environment(inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return ``inherited`` with what keeps the current folder off the module path, of grandchildren as well.

    Other folders of the user's ``PYTHONPATH`` stay. refold's own comes last where Python would not find it by
    itself: this process may have it from its current folder, a checkout.
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

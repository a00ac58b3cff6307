"""A virtual environment for each tool of ``compare_speed``, made from its file in ``environments/``."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = Path(__file__).resolve().parent / "environments"

#: Versions that are reported with the times.
PACKAGES = (
    "tensorflow",
    "keras",
    "numpy",
    "scikit-learn",
    "optuna",
    "mlflow",
    "keras-tuner",
    "ray",
    "refold",
)

_VERSIONS = """
import json, platform, sys
from importlib.metadata import PackageNotFoundError, version
found = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def interpreter(tool: str, folder: Path) -> Path:
    """Return the Python of a tool's environment, made if there is none for its present requirements.

    Everything is byte-compiled once, so that no tool pays for that in its time.

    Args:
        tool: name of a file in ``environments/``.
        folder: where environments are kept.

    Raises:
        subprocess.CalledProcessError: if something cannot be installed.
    """
    place = folder / tool
    python, made_from = place / "bin" / "python", place / "requirements.txt"
    requirements = REQUIREMENTS / f"{tool}.txt"
    wanted = requirements.read_text(encoding="utf-8") + (ROOT / "constraints.txt").read_text(encoding="utf-8")
    if made_from.exists() and made_from.read_text(encoding="utf-8") == wanted:
        return python
    shutil.rmtree(place, ignore_errors=True)
    # The tools take refold's networks, folds and data from this checkout by PYTHONPATH; refold is installed.
    packages = ["-r", str(requirements), *(["-e", str(ROOT)] if tool == "refold" else [])]
    uv = shutil.which("uv")
    if uv:
        _run(uv, "venv", "--quiet", "--python", sys.executable, str(place))
        pip = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    else:
        _run(sys.executable, "-m", "venv", str(place))
        pip = [str(python), "-m", "pip", "install", "--quiet"]
    _run(*pip, *packages)
    made_from.write_text(wanted, encoding="utf-8")
    return python


def versions(python: Path) -> dict[str, str]:
    """Return the versions of Python and of what matters here in an environment."""
    done = subprocess.run(
        [str(python), "-c", _VERSIONS, *PACKAGES], capture_output=True, text=True, check=True
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _run(*command: str) -> None:
    subprocess.run(command, cwd=ROOT, check=True)

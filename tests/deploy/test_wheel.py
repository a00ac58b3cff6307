"""A wheel of refold, installed into an environment that is empty but for what refold needs."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests import hostile

ROOT = Path(__file__).parents[2]
PACKAGES = ("refold", "sweeps", "tracking", "trainer")

SWEEP = """
name = "tiny"
trials = 1
[dataset]
source = "digits"
samples = 100
[cv]
folds = 2
epochs = 1
[architectures.baseline]
"""

# It installs everything anew, which takes minutes on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that finds refold only where it is installed."""
    clean = {name: text for name, text in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network from a copy: a build leaves its own files beside the source."""
    folder = tmp_path_factory.mktemp("wheel")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    done = run(*pip, "--wheel-dir", "built", ".", cwd=folder)
    assert done.returncode == 0, done.stderr
    (built,) = (folder / "built").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment: refold from the wheel, the rest from where this Python has it."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, with_pip=False, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python")]
    done = run(*pip, "install", "--no-deps", "--no-index", str(wheel), cwd=place)
    assert done.returncode == 0, done.stderr
    (packages,) = place.glob("lib/python*/site-packages")
    others = {str(distribution(name).locate_file("")) for name in ("tensorflow", "mlflow", "distributed")}
    (packages / "dependencies.pth").write_text("\n".join(sorted(others)) + "\n")
    return place / "bin"


def test_its_types_are_shipped(wheel: Path) -> None:
    """Of all packages; nothing else is in it."""
    with zipfile.ZipFile(wheel) as content:
        names = set(content.namelist())
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == set(PACKAGES)


def test_refold_runs_in_anybodys_folder(programs: Path, tmp_path: Path) -> None:
    """As the command and as a module, its training included."""
    folder = hostile.fill(tmp_path)
    (folder / "sweep.toml").write_text(SWEEP)
    for command in ([str(programs / "refold")], [str(programs / "python"), "-m", "refold"]):
        done = run(*command, "--version", cwd=folder)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("refold ")
    done = run(str(programs / "refold"), "run", "sweep.toml", "--workers", "1", cwd=folder)
    assert done.returncode == 0, done.stderr
    done = run(str(programs / "refold"), "ls", cwd=folder)
    assert "tiny" in done.stdout


def test_import_refold(programs: Path, tmp_path: Path) -> None:
    """From the wheel; beside modules that hide its packages one sentence names the first of them."""
    python, script = str(programs / "python"), "import refold; print(refold.__file__, refold.SweepSpec)"
    done = run(python, "-c", script, cwd=tmp_path)
    assert done.stdout.startswith(str(programs.parent)), done.stderr
    hidden = hostile.fill(tmp_path) / "sweeps" / "__init__.py"
    done = run(python, "-c", "import refold", cwd=tmp_path)
    assert done.stderr.splitlines()[-1].startswith(
        f"ImportError: {hidden} hides refold's own package 'sweeps'"
    )

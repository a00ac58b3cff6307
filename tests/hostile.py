"""A folder whose modules bear the names of refold's packages and of Python's, and may not be imported."""

from pathlib import Path

#: What a sweep, MLflow's server, NumPy or Python itself would import by mistake.
NAMES = ("trainer", "tracking", "sweeps", "queue.py", "numpy.py", "random.py")


def fill(folder: Path) -> Path:
    """Put them into a folder; each says on import that it was."""
    for name in NAMES:
        file = folder / name if name.endswith(".py") else folder / name / "__init__.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"raise RuntimeError('{name} of the current folder was imported')\n")
    return folder

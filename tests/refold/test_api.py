"""The public interface: what ``import refold`` gives, and what it costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import refold

PROMISED = {
    "load", "open", "run", "ready", "Outcome", "SweepSpec", "CrossValidation", "Search", "Prune", "Limits",
    "ArchitectureChoice", "Arrays", "DatasetSource", "Float", "Integer", "Choice", "Fixed", "Cluster",
    "compare", "plan", "variance", "verify", "export", "predict", "sync", "remove", "RefoldError",
    "UsageError", "Mismatch", "ViewUnavailable", "DiskFull", "WorkersFailed",
}  # fmt: skip


def test_every_promised_name_is_there_under_its_own_name() -> None:
    """Each can be had, is listed, and nothing is listed that cannot be had."""
    assert PROMISED <= set(refold.__all__) <= set(dir(refold))
    for name in refold.__all__:
        assert getattr(refold, name) is getattr(refold, name)
    with pytest.raises(AttributeError, match="no attribute 'sweep'"):
        _ = refold.sweep  # type: ignore[attr-defined]
    assert refold.__version__.count(".") == 2


def test_what_type_checkers_see_is_what_there_is() -> None:
    """The imports for type checkers and the table for Python name the same things in the same modules."""
    tree = ast.parse(Path(str(refold.__file__)).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        str(alias.asname): f"{node.module}:{alias.name}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == refold._PUBLIC


def test_importing_refold_imports_nothing_heavy() -> None:
    """Neither the name itself nor what a sweep is built of brings a framework."""
    program = """
import sys, refold
assert not {"sweeps.api", "sweeps.definition", "numpy"} & set(sys.modules), "not lazy"
spec = refold.SweepSpec(name="x", architectures=["resnet"])
refold.UsageError, refold.Float, refold.run, refold.open
heavy = {"tensorflow", "keras", "mlflow", "distributed", "optuna", "pandas", "matplotlib", "scipy"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""What a fit ran on: versions, processor, switches. Recorded beside every result, never part of its key."""

import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from trainer.runtime.determinism import ENVIRONMENT, FORBIDDEN, device, gpu_kind, switches

#: Packages whose version decides bits or proposals.
PACKAGES = ("refold", "tensorflow", "keras", "numpy", "scikit-learn", "optuna", "mlflow", "distributed")


@cache
def environment() -> dict[str, Any]:
    """Describe this process as plain JSON data, the same for the whole of its life.

    ``switches`` says what TensorFlow was told; it is empty in a process that has not imported it.
    """
    return {
        "packages": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": device().kind,
        "cpu": _cpu(),
        **({"gpu": gpu_kind()} if device().kind == "gpu" else {}),
        "switches": switches(),
        "variables": {name: os.environ[name] for name in (*ENVIRONMENT, *FORBIDDEN) if name in os.environ},
    }


def software(description: Mapping[str, Any]) -> dict[str, str]:
    """Return from a description what must be equal for two fits to belong to one sweep."""
    deciding = ("tensorflow", "keras", "numpy", "scikit-learn", "optuna")
    return {name: description["packages"][name] for name in deciding}


def platform_of(description: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return from a description what decides bits beside a fit's own settings, as sorted pairs."""
    cpu = description["cpu"]
    kinds = {"processor": " ".join(str(cpu[name]) for name in sorted(cpu))}
    if description.get("gpu"):
        kinds["gpu"] = description["gpu"]
    return tuple(sorted({**software(description), **kinds}.items()))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _cpu() -> dict[str, str]:
    """Return what tells one processor kind from another: vendor, family, model, vector instructions."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return {"model name": platform.processor() or "unknown"}
    found = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    kind = {name: found.get(name, "") for name in ("vendor_id", "cpu family", "model", "model name")}
    vectors = sorted(f for f in found.get("flags", "").split() if f.startswith(("avx", "sse", "fma", "amx")))
    return kind | {"vectors": " ".join(vectors)}

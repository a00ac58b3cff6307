"""Describes the software and machine of this process."""

import os
import platform
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from trainer.fits.environment import Environment
from trainer.runtime.determinism import ENVIRONMENT, FORBIDDEN, SWITCHES, device, gpu_kind, switches

#: Packages whose version decides bits or proposals.
PACKAGES = ("refold", "tensorflow", "keras", "numpy", "scikit-learn", "optuna", "mlflow", "distributed")


@cache
def environment() -> Environment:
    """Describe this process; the description stays the same while it lives."""
    return Environment(
        packages={name: _version(name) for name in PACKAGES},
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        device=device().kind,
        cpu=_cpu(),
        gpu=gpu_kind() if device().kind == "gpu" else None,
        switches=switches(),
        variables={name: os.environ[name] for name in (*ENVIRONMENT, *FORBIDDEN) if name in os.environ},
    )


def of_training() -> Environment:
    """Describe a training process of this installation on this machine, without starting one."""
    return replace(environment(), variables=ENVIRONMENT, switches=SWITCHES)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _cpu() -> dict[str, str]:
    """Return what identifies a kind of processor: vendor, family, model, vector instructions."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return {"model name": platform.processor() or "unknown"}
    found = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    kind = {name: found.get(name, "") for name in ("vendor_id", "cpu family", "model", "model name")}
    vectors = sorted(f for f in found.get("flags", "").split() if f.startswith(("avx", "sse", "fma", "amx")))
    return kind | {"vectors": " ".join(vectors)}

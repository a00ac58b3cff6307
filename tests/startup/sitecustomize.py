"""Read by every Python that the tests start, because this folder is on its path: see ``tests.processor``."""

import os
from pathlib import Path
from typing import Any

#: Names the file that stands for the system's description of the processor.
VARIABLE = "REFOLD_TESTS_CPUINFO"

SYSTEM = Path("/proc/cpuinfo")

_read_text = Path.read_text


def read_text(path: Path, *arguments: Any, **options: Any) -> str:
    """Read a file; in the place of the system's description of the processor the made-up one."""
    made_up = os.environ.get(VARIABLE)
    if made_up is not None and path == SYSTEM:
        path = Path(made_up)
    return _read_text(path, *arguments, **options)


if VARIABLE in os.environ:
    Path.read_text = read_text  # type: ignore[method-assign, assignment]

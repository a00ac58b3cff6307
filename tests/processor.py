"""A kind of processor, made up for a run of the tests: results must not depend on which one it is.

The kind of processor is part of every fit's key, and keys decide in which order the ledger has its fits. So
each run of the tests makes up another kind, here and in every Python that it starts. Training is real all the
same: only the name differs. The product knows nothing of it.
"""

import os
import random
import runpy
from pathlib import Path

#: The folder of the ``sitecustomize`` that makes a Python read the made-up description.
STARTUP = Path(__file__).parent / "startup"

#: Names the file with the made-up description.
CPUINFO = "REFOLD_TESTS_CPUINFO"

_VECTORS = ("sse", "sse2", "sse4_1", "sse4_2", "avx", "fma", "avx2", "avx512f", "amx_tile")


def description(number: int) -> str:
    """Return what ``/proc/cpuinfo`` says on the kind of that number."""
    rng = random.Random(number)
    if rng.random() < 0.2:  # as on ARM, where none of the names is there that refold looks for
        return f"processor\t: 0\nCPU implementer\t: {rng.randrange(256):#x}\nFeatures\t: fp asimd\n"
    word = "".join(rng.choice("bdfklmnprst") + rng.choice("aeiou") for _ in range(3)).capitalize()
    fields = {
        "processor": 0,
        "vendor_id": f"Genuine{word}",
        "cpu family": rng.randrange(1, 200),
        "model": rng.randrange(200),
        "model name": f"{word}(R) {rng.randrange(1000, 10000)} CPU @ {rng.uniform(1, 5):.2f}GHz",
        "flags": " ".join(["fpu", "msr", *_VECTORS[: rng.randrange(2, len(_VECTORS) + 1)]]),
    }
    return "".join(f"{name}\t: {value}\n" for name, value in fields.items())


def name(number: int) -> str:
    """Return how the kind of that number is called."""
    lines = (line.partition("\t: ") for line in description(number).splitlines())
    return {key: value for key, _, value in lines}.get("model name", "one without a name")


def pretend(number: int, folder: Path) -> None:
    """Make this process, and every Python that it starts, believe to run on the kind of that number.

    Args:
        number: of the kind.
        folder: takes the description, and has to stay as long as it is believed.
    """
    file = folder / "cpuinfo"
    file.write_text(description(number))
    os.environ |= {CPUINFO: str(file), "PYTHONPATH": python_path()}
    runpy.run_path(str(STARTUP / "sitecustomize.py"))


def python_path(*folders: Path | str) -> str:
    """Return the ``PYTHONPATH`` of a Python that is to believe it too.

    Args:
        folders: what is to be on its path besides; without any, what is on it here.
    """
    here = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    rest = [str(folder) for folder in folders or here if Path(folder) != STARTUP]
    return os.pathsep.join([str(STARTUP), *rest])

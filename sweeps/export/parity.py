"""The proof that a file is the trained model: its own runtime, a fresh process, the same numbers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer.errors import Mismatch
from trainer.formats.catalogue import FORMATS
from trainer.quantities import counted
from trainer.runtime.determinism import training_environment
from trainer.runtime.lifeline import started
from trainer.runtime.output import last_line
from trainer.runtime.python_process import module_command

Probabilities = npt.NDArray[np.float32]

#: A file may differ from the trained model by so much in a probability: another kernel, not another model.
TOLERANCE = 1e-5

#: Two classes whose probabilities are closer than this may change places.
TIE = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How an exported model compares with the trained one.

    Attributes:
        images: how many were compared.
        largest_difference: of any probability, at most ``TOLERANCE``.
        ties: images whose class differs, all within ``TIE`` of a tie.
        ms_per_image: milliseconds for one image alone, the median of many, loading not included.
    """

    images: int
    largest_difference: float
    ties: int
    ms_per_image: float


def compare(name: str, trained: Probabilities, loaded: Probabilities, ms_per_image: float) -> Parity:
    """Compare two models' probabilities, ``[n, classes]``, for the same images.

    Args:
        name: the format's name, for the message.
        trained: what the trained model gave.
        loaded: what the exported one gives.
        ms_per_image: to be noted with it.

    Raises:
        Mismatch: if they are not those of the same model.
    """
    title = FORMATS[name].title
    if trained.shape != loaded.shape:
        raise Mismatch(f"the {title} model gives {loaded.shape} probabilities, not {trained.shape}")
    apart = float(np.abs(trained.astype(np.float64) - loaded.astype(np.float64)).max())
    if not apart <= TOLERANCE:  # NaN is not
        raise Mismatch(
            f"the {title} model that was loaded again differs from the trained one by {apart:.2g} in a "
            f"probability (at most {TOLERANCE:g} is allowed): nothing was exported"
        )
    best = np.sort(trained, axis=1)
    tie = best[:, -1] - best[:, -2] < TIE
    other = trained.argmax(axis=1) != loaded.argmax(axis=1)
    if (other & ~tie).any():
        raise Mismatch(
            f"the {title} model gives another class for {counted(int((other & ~tie).sum()), 'image')}"
        )
    return Parity(
        images=len(trained),
        largest_difference=apart,
        ties=int(other.sum()),
        ms_per_image=ms_per_image,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a model said that a fresh process loaded.

    Attributes:
        probabilities: ``[n, classes]``.
        ms_per_image: milliseconds for one image alone, the median of many, loading not included.
        modules: that the process had imported.
    """

    probabilities: Probabilities
    ms_per_image: float
    modules: tuple[str, ...]


def score(name: str, model: Path, images: Path, work: Path) -> Loaded:
    """Have a fresh process load a model with its own runtime and classify images.

    Args:
        name: the format's name.
        model: file or folder.
        images: ``.npy`` of raw pixels.
        work: takes what the process writes.

    Raises:
        Mismatch: if the model cannot be loaded.
    """
    out = work / f"{name}-loaded.npy"
    report = json.loads(run("trainer.formats.reload", [name, str(model), str(images), str(out)], work))
    return Loaded(
        probabilities=np.load(out, allow_pickle=False),
        ms_per_image=report["ms_per_image"],
        modules=tuple(report["modules"]),
    )


def run(module: str, arguments: Sequence[str], work: Path) -> str:
    """Run a module in a fresh process that ends when this one does, and return what it prints.

    Raises:
        Mismatch: if it fails, with the last line that it wrote.
    """
    errors = work / f"{module}.log"
    with errors.open("w", encoding="utf-8") as log:
        command = module_command(module, *arguments)
        with started(command, environment=training_environment(), log=log) as process:
            assert process.stdout is not None  # noqa: S101 - it was asked for
            printed = process.stdout.read()
            code = process.wait()
    if code:
        said = last_line(errors.read_text(encoding="utf-8", errors="replace")) or "it said nothing"
        raise Mismatch(f"{module} ended with code {code}: {said}")
    return printed

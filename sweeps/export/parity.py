"""Parity: proof that a file, loaded by its runtime in a fresh process, predicts as the trained model."""

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

#: Largest allowed difference of a probability: other kernels round differently, another model differs more.
TOLERANCE = 1e-5

#: If the probabilities of two classes are closer than this, either may be predicted.
TIE = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """The comparison of an exported model with the trained one.

    Attributes:
        images: number of images that were compared.
        largest_difference: largest difference of a probability, at most ``TOLERANCE``.
        ties: number of images whose class differs; the two probabilities differ by at most ``TIE``.
        ms_per_image: median milliseconds for one image at a time, without loading.
    """

    images: int
    largest_difference: float
    ties: int
    ms_per_image: float


def compare(name: str, trained: Probabilities, loaded: Probabilities, ms_per_image: float) -> Parity:
    """Compare two models' probabilities, ``[n, classes]``, for the same images.

    Args:
        name: the format's name, for the message.
        trained: the trained model's probabilities.
        loaded: the exported model's probabilities.
        ms_per_image: the exported model's time per image, kept in the result.

    Raises:
        Mismatch: if they differ by more than the tolerance.
    """
    title = FORMATS[name].title
    if trained.shape != loaded.shape:
        raise Mismatch(f"the {title} model returns {loaded.shape} probabilities, not {trained.shape}")
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
            f"the {title} model predicts another class for {counted(int((other & ~tie).sum()), 'image')}"
        )
    return Parity(
        images=len(trained),
        largest_difference=apart,
        ties=int(other.sum()),
        ms_per_image=ms_per_image,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The predictions of a model that a fresh process has loaded.

    Attributes:
        probabilities: ``[n, classes]``.
        ms_per_image: median milliseconds for one image at a time, without loading.
        modules: the modules that the process had imported.
    """

    probabilities: Probabilities
    ms_per_image: float
    modules: tuple[str, ...]


def score(name: str, model: Path, images: Path, work: Path) -> Loaded:
    """Have a fresh process load a model with its own runtime and classify images.

    Args:
        name: the format's name.
        model: its file or folder.
        images: ``.npy`` file of raw pixels.
        work: the folder for the files that the process writes.

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
    """Run a module in a fresh process, which cannot outlive this one; return what it prints.

    Raises:
        Mismatch: if it fails; the message has the last line that it wrote.
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

"""What one test set adds to the difference of two networks: ``python -m benchmarks.shared_test_set``.

Trains three of refold's architectures several times each, with the middle of their search space and other
seeds each time, and scores all runs on Fashion-MNIST's 10,000 test images. ``refold plan --test-images``
assumes what this measures: how much the difference of two networks varies from image to image.
"""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer.datasets import Dataset, load, store
from trainer.datasets.dataset import DatasetSource
from trainer.fits.seeds import Seeds
from trainer.fits.specs import FitSpec
from trainer.hyperparameters import Value
from trainer.runtime import determinism

#: Whether each run was right, [runs, images].
Right = npt.NDArray[np.bool_]

#: The recipe of every run.
RECIPE: dict[str, Value] = {
    "batch_size": 64,
    "learning_rate": 1e-3,
    "optimizer": "adam",
    "weight_decay": 0.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two networks on the same images.

    Attributes:
        disagree: share of images on which a run of one is right and a run of the other is wrong.
        variance: of the difference of the two networks' chances to be right, over images.
        shared: correlation of these chances over images, in [-1, 1].
    """

    disagree: float
    variance: float
    shared: float


def compared(one: Right, other: Right) -> Pair:
    """Estimate how two networks differ from image to image; the chance of their seeds is taken out.

    Args:
        one: [runs, images] of one network, at least 2 runs.
        other: the same of another.
    """
    means = [one.mean(axis=0), other.mean(axis=0)]
    chance = [_chance(right) for right in (one, other)]
    variance = float((means[0] - means[1]).var(ddof=1)) - sum(chance)
    single = [float(mean.var(ddof=1)) - noise for mean, noise in zip(means, chance, strict=True)]
    covariance = float(np.cov(means)[0, 1])
    return Pair(
        disagree=float(np.mean([(a != b).mean() for a in one for b in other])),
        variance=variance,
        shared=covariance / float(np.sqrt(single[0] * single[1])),
    )


def _chance(right: Right) -> float:
    """Return how much of the variance of the runs' mean over images is the chance of their seeds.

    That of a whole run's score is no part of it: it moves all images alike.
    """
    around = right - right.mean(axis=1, keepdims=True)
    return float(around.var(axis=0, ddof=1).mean()) / len(right)


def trained(name: str, stored: Path, exam: Dataset, runs: int, epochs: int) -> Right:
    """Train an architecture several times on all search images; return where each run was right."""
    from trainer.architectures import built_in, source_digest
    from trainer.architectures.middle import middle
    from trainer.engine import fit
    from trainer.process.jobs import architecture_of, data_of, engines

    digest = source_digest(name)
    spec = FitSpec(
        dataset=stored.name,
        architecture=name,
        architecture_digest=digest,
        hyperparameters=tuple(sorted({**middle(built_in(name).space), **RECIPE}.items())),
        folds=5,
        repeat=0,
        fold=None,
        seeds=Seeds.of_fit(1, trial=0, repeat=0, fold="all"),
        epochs=epochs,
        stopping=None,
    )
    found = []
    for run in range(runs):
        seeds = Seeds.of_fit(1, trial=f"{name} {run}", repeat=0, fold="all")
        done = fit.train(
            replace(spec, seeds=seeds),
            data_of(str(stored)),
            architecture_of(name, None, digest),
            engines(),
        )
        if done.model is None:
            raise RuntimeError(done.result.reason)
        guessed = done.model.predict(exam.images, 500, verbose=0)  # it scales pixels itself
        found.append(guessed.argmax(axis=1) == exam.labels)
        print(f"{name} {run}: {found[-1].mean():.4f}, {sum(done.epoch_seconds):.0f} s", file=sys.stderr)
    return np.array(found)


def main() -> None:
    """Print two tables as Markdown: the networks, and each pair of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("architectures", nargs="*", default=["lenet", "baseline", "mobilenet"])
    options = parser.parse_args()
    if not determinism.in_training_process():
        command = [sys.executable, "-m", "benchmarks.shared_test_set", *sys.argv[1:]]
        os.execve(sys.executable, command, determinism.training_environment())  # noqa: S606 - this program
    determinism.prepare()
    samples = None if options.samples == 60_000 else options.samples
    loaded, right = load(DatasetSource(source="fashion_mnist", samples=samples)), {}
    assert loaded.exam is not None  # noqa: S101 - Fashion-MNIST has a test set
    folder = tempfile.TemporaryDirectory()
    stored = store(loaded.search, Path(folder.name))
    _head("network", "accuracy", "spread of runs, points", "time")
    for name in options.architectures:
        began = time.monotonic()
        right[name] = trained(name, stored, loaded.exam, options.runs, options.epochs)
        scores = right[name].mean(axis=1)
        spread = f"{100 * scores.std(ddof=1):.2f}"
        _line(name, f"{scores.mean():.4f}", spread, f"{time.monotonic() - began:.0f} s")
    print()
    _head("pair", "disagree on", "paired variance an image", "shared")
    for one, other in combinations(right, 2):
        found = compared(right[one], right[other])
        _line(
            f"{one}, {other}", f"{100 * found.disagree:.1f} %", f"{found.variance:.4f}", f"{found.shared:.2f}"
        )


def _line(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def _head(*cells: str) -> None:
    _line(*cells)
    _line(*("---" for _ in cells))


if __name__ == "__main__":
    main()

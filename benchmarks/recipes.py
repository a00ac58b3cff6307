"""What recipes gain where they should: ``python -m benchmarks.recipes`` prints the table of docs/recipe.md.

Two sweeps, each of one small network under two recipes, with equal numbers of trials:

- ``imbalance``: Fashion-MNIST thinned out so that the most frequent class has a hundred times as many images
  as the rarest. One recipe has class weights, the other none. The exam is the official test set, in which all
  classes are equally frequent.
- ``moved``: scikit-learn's digits, each moved and turned once at random. One recipe has augmentation, the
  other none. The exam is a fifth of the digits.

``refold compare`` judges both.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from sklearn.datasets import load_digits

import refold
from refold import ArchitectureChoice, Arrays, Choice, Float, SweepSpec
from trainer.datasets import load

#: Images of the most frequent class of the thinned data, and how many times more these are than the rarest's.
MOST, RATIO = 1000, 100

#: Side of the canvas that digits are moved on, and how far: pixels and degrees to either side.
CANVAS, MOVED, TURNED = 16, 3, 30.0

NETWORK = "small_network.py:Network"

#: What both recipes of a sweep have in common.
USUAL: Mapping[str, Any] = {"optimizer": "adam", "batch_size": 32}


def thinned(seed: int = 0) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Return Fashion-MNIST's training images and labels, of class k MOST / RATIO ** (k / 9) images."""
    data = load(refold.DatasetSource(source="fashion_mnist", exam=0.0)).search
    rng = np.random.default_rng(seed)
    kept = []
    for label in range(len(data.classes)):
        count = round(MOST / RATIO ** (label / (len(data.classes) - 1)))
        kept.append(rng.choice(np.flatnonzero(data.labels == label), count, replace=False))
    places = np.sort(np.concatenate(kept))
    return np.asarray(data.images)[places], data.labels[places]


def moved_digits(seed: int = 0) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Return the 1,797 digits on a canvas of CANVAS pixels, each turned and moved once at random."""
    digits = load_digits()
    rng = np.random.default_rng(seed)
    border = (CANVAS - 8) // 2
    images = np.zeros((len(digits.target), CANVAS, CANVAS, 1), np.uint8)
    for place, digit in enumerate(digits.images):
        canvas = np.pad(digit * 15.0, border)
        turned = ndimage.rotate(canvas, rng.uniform(-TURNED, TURNED), reshape=False, order=1)
        put = ndimage.shift(turned, rng.integers(-MOVED, MOVED + 1, 2), order=0)
        images[place, :, :, 0] = np.clip(put, 0, 255)
    return images, digits.target.astype(np.int32)


def imbalance(trials: int, folder: Path) -> SweepSpec:
    """Return the sweep of the thinned images, which it writes into a folder."""
    images, labels = thinned()
    test, true = _official_test()
    np.savez(folder / "thinned.npz", images=images, labels=labels, test_images=test, test_labels=true)
    weighted = {
        "class_weights": Choice(("balanced", "effective")),
        "effective_beta": Choice((0.99, 0.999)),
        "loss": Choice(("cross-entropy", "focal")),
    }
    return _sweep("imbalance", str(folder / "thinned.npz"), trials, plain={}, weighted=weighted)


def _official_test() -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    found = load(refold.DatasetSource(source="fashion_mnist")).exam
    assert found is not None  # noqa: S101 - Fashion-MNIST has an official test set
    return np.asarray(found.images), found.labels


def moved(trials: int, _folder: Path) -> SweepSpec:
    """Return the sweep of the moved digits."""
    augmented = {
        "augment_shift": Float(low=0.07, high=0.25),
        "augment_rotate": Float(low=5.0, high=40.0),
    }
    return _sweep("moved", moved_digits(), trials, plain={}, augmented=augmented)


def _sweep(name: str, dataset: Any, trials: int, **recipes: Mapping[str, Any]) -> SweepSpec:
    """Return a sweep of one network under several recipes."""
    return SweepSpec(
        name=name,
        dataset=dataset if isinstance(dataset, str) else Arrays(*dataset),
        trials=trials,
        cv=refold.CrossValidation(epochs=50, patience=12),
        architectures=[
            ArchitectureChoice(name=recipe, source=NETWORK, ranges={**USUAL, **ranges})
            for recipe, ranges in recipes.items()
        ],
        folder=Path(__file__).parent,
    )


SWEEPS: Mapping[str, Callable[[int, Path], SweepSpec]] = {"imbalance": imbalance, "moved": moved}


def judged(sweep: SweepSpec, home: Path) -> str:
    """Run a sweep and judge its recipes; return a line of the table."""
    begun = time.perf_counter()
    refold.run(sweep, home=home, progress=False)
    found = refold.compare(sweep.name, home=home).to_json()
    scores = {each["name"]: each for each in found["architectures"]}
    [pair] = found["pairs"]
    told = [
        f"{name} {each['score']:.4f} ({each['low']:.4f} to {each['high']:.4f})"
        for name, each in scores.items()
    ]
    reach = [100 * pair[key] for key in ("difference", "low", "high")]
    return (
        f"| {sweep.name} | {'; '.join(told)} | {reach[0]:+.1f} ({reach[1]:+.1f} to {reach[2]:+.1f}) | "
        f"{pair['one']}: {pair['verdict']} | {(time.perf_counter() - begun) / 60:.0f} min |"
    )


def main(trials: int, names: list[str]) -> None:
    """Print the table."""
    print("| sweep | macro-F1 on the exam (95 % interval) | points | verdict | took |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as home:
        for name in names or SWEEPS:
            print(judged(SWEEPS[name](trials, Path(home)), Path(home)), flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("names", nargs="*", help=f"{' and '.join(SWEEPS)} if none is named")
    options.add_argument("--trials", type=int, default=6, help="of each recipe")
    given = options.parse_args()
    if unknown := set(given.names) - set(SWEEPS):
        sys.exit(f"unknown sweep {min(unknown)!r}: choose from {', '.join(SWEEPS)}")
    main(given.trials, given.names)

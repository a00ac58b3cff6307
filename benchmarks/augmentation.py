"""What augmentation adds to a training epoch.

``python -m benchmarks.augmentation`` trains epochs of two networks on made-up images of two sizes, with
``augment`` none, light and strong by turns, and prints the median CPU time of each and its ratio to none.
What is compared ran in the same process, one after the other. ``--rounds`` is the number of turns.
"""

import argparse
import statistics
import subprocess
import sys
import time

import numpy as np

from trainer.architectures import BUILT_IN
from trainer.datasets import Dataset
from trainer.hyperparameters import Value
from trainer.recipe.augmentation import PRESETS, random_rows
from trainer.runtime import determinism

SIZES = {"28x28 grey": (28, 28, 1), "32x32 colour": (32, 32, 3)}
NETWORKS: dict[str, dict[str, Value]] = {
    "baseline": {"filters": 16, "dense_units": 128, "dropout": 0.3},
    "lenet": {"filters": 16, "dense_units": 128, "dropout": 0.2},
    "resnet": {"filters": 24, "blocks": 1, "dropout": 0.2},
}
SHARED: dict[str, Value] = {
    "batch_size": 64, "learning_rate": 1e-3, "optimizer": "adam", "weight_decay": 1e-4,
}  # fmt: skip


def dataset(shape: tuple[int, int, int], images: int) -> Dataset:
    """Return made-up images of ten classes."""
    pixels = np.random.default_rng(1).integers(0, 256, (images, *shape)).astype(np.uint8)
    labels = np.arange(images, dtype=np.int32) % 10
    return Dataset(name="made", images=pixels, labels=labels, classes=tuple("0123456789"), pixel_max=255.0)


def measure(name: str, data: Dataset, rounds: int) -> dict[str, float]:
    """Return the median CPU seconds of an epoch for each value of ``augment``, trained by turns."""
    from trainer.engine.engine import EngineCache
    from trainer.engine.feed import feed

    images, order = feed(data), np.arange(len(data.labels))
    engines, taken = {}, {preset: list[float]() for preset in PRESETS}
    for preset in PRESETS:
        values = {**SHARED, **NETWORKS[name], "augment": preset}
        engines[preset] = EngineCache().engine_for(
            BUILT_IN[name], name, values, data, initialisation_seed=1, dropout_seed=1
        )
    for turn in range(rounds + 1):
        for preset, engine in engines.items():
            begun = time.process_time()
            rows = None if preset == "none" else random_rows(turn, order)
            engine.train_epoch(images, order, 64, order[:0], rows)
            taken[preset].append(time.process_time() - begun)
    return {preset: statistics.median(seconds[1:]) for preset, seconds in taken.items()}  # the first traces


def main() -> None:
    """Measure in a training process and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--images", type=int, default=2048)
    options = parser.parse_args()
    if not determinism.in_training_process():
        command = [sys.executable, "-m", "benchmarks.augmentation", *sys.argv[1:]]
        sys.exit(subprocess.run(command, env=determinism.training_environment(), check=False).returncode)
    determinism.prepare()
    sys.stdout.write(
        "| network | images | none, CPU ms a step | light | strong |\n| --- | --- | --- | --- | --- |\n"
    )
    for name in NETWORKS:
        for size, shape in SIZES.items():
            took = measure(name, dataset(shape, options.images), options.rounds)
            step = 1000 * took["none"] / (options.images / 64)
            ratios = " | ".join(f"{took[each] / took['none']:.2f}" for each in ("light", "strong"))
            sys.stdout.write(f"| {name} | {size} | {step:.1f} | {ratios} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()

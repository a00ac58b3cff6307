"""Image data: where it comes from, what it is, and how it reaches a worker.

``load(source)`` gives the images to train on, ``load_test(source)`` the official test set, which only export
opens. Every dataset has a fingerprint over its content.
"""

from trainer.datasets.arrays import Arrays, fingerprint_of
from trainer.datasets.dataset import Dataset, DatasetSource
from trainer.datasets.loading import load, load_test
from trainer.datasets.store import open_stored, store

__all__ = [
    "Arrays", "Dataset", "DatasetSource", "fingerprint_of", "load", "load_test", "open_stored", "store",
]  # fmt: skip

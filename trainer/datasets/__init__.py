"""Image data: sources, the checked dataset, and its way to a worker.

``load(source)`` returns the images to train on, ``load_test(source)`` the official test set, which only an
exam opens. Every dataset has a fingerprint over its content.
"""

from trainer.datasets.arrays import Arrays, fingerprint_of
from trainer.datasets.dataset import Dataset, DatasetSource
from trainer.datasets.loading import load, load_test
from trainer.datasets.store import open_stored, store, stored_at

__all__ = [
    "Arrays", "Dataset", "DatasetSource", "fingerprint_of", "load", "load_test", "open_stored", "store",
    "stored_at",
]  # fmt: skip

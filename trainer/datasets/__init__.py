"""Image data: sources, the checked dataset, and its way to a worker.

``load(source)`` returns the images of the search and those of the exam. Every dataset has a fingerprint over
its content.
"""

from trainer.datasets.arrays import Arrays, fingerprint_of
from trainer.datasets.dataset import Dataset, DatasetSource
from trainer.datasets.loading import divided, load, read
from trainer.datasets.parts import Loaded
from trainer.datasets.store import open_stored, store, stored_at

__all__ = [
    "Arrays", "Dataset", "DatasetSource", "Loaded", "divided", "fingerprint_of", "load", "open_stored",
    "read", "store", "stored_at",
]  # fmt: skip

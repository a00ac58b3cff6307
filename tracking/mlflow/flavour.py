"""Describes a ``.keras`` file as an MLflow model: ``python -m tracking.mlflow.flavour REQUEST``.

A process of its own, because MLflow's Keras flavour imports TensorFlow. The model is never loaded here:
MLflow asks it to save itself, and gets a copy of the file. No pickle is written.
"""

import json
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np

from tracking.mlflow.flavour_request import FlavourRequest


class _KerasFile:
    """Saves itself as a copy of a file that is there already: all that MLflow asks of a model."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def save(self, path: str) -> None:
        """Copy the file to ``path``."""
        shutil.copyfile(self._file, path)


def describe(request: FlavourRequest) -> None:
    """Write the folder of an MLflow model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.keras
        import mlflow.models

    pixels = np.array(np.load(request.images, mmap_mode="r")[:1], dtype=np.float32)
    probabilities = np.array(np.load(request.probabilities, mmap_mode="r")[:1], dtype=np.float32)
    folder = Path(request.folder)
    folder.mkdir()  # or MLflow 3.17 finds no place for the example
    mlflow.keras.save_model(
        _KerasFile(Path(request.keras)),
        str(folder),
        signature=mlflow.models.infer_signature(pixels, probabilities),
        input_example=pixels,
        pip_requirements=list(request.requirements),
        metadata=dict(request.metadata),
    )


if __name__ == "__main__":
    describe(FlavourRequest.from_json(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))

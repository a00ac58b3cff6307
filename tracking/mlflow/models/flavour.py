"""Makes an MLflow model of a ``.keras`` file: ``python -m tracking.mlflow.models.flavour REQUEST``.

This is a process of its own, because MLflow's Keras flavour imports TensorFlow. The model is never loaded
here: when MLflow calls its ``save``, the file is copied. No pickle is written.
"""

import json
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np

from tracking.mlflow.models.flavour_request import FlavourRequest


class _KerasFile:
    """A model whose ``save`` copies an existing file; MLflow calls nothing else of a model."""

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
    folder.mkdir()  # without the folder MLflow 3.17 cannot write the example
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

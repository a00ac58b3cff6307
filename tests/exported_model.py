"""What ``model.json`` says of a made-up model."""

from dataclasses import replace
from typing import Any

import numpy as np

from sweeps.export.about import (
    CrossValidationScore,
    ExportedFit,
    FormatReport,
    InMlflow,
    ModelAbout,
    Scores,
    SweptDataset,
)
from sweeps.export.parity import Parity
from tests.closed_formula import plan
from trainer.formats.catalogue import FORMATS

PROOF = Parity(images=40, largest_difference=3e-7, ties=0, ms_per_image=1.5)


def score(classes: int, hits: int = 9) -> dict[str, Any]:
    """Return the fields of a score; some of each class are taken for the next one."""
    confusion = np.eye(classes, dtype=int) * hits + np.roll(np.eye(classes, dtype=int), 1, axis=1)
    return {
        "images": int(confusion.sum()),
        "f1": 0.9,
        "accuracy": 0.9,
        "confusion": tuple(map(tuple, confusion.tolist())),
    }


def report(name: str, size: int = 2_000_000) -> FormatReport:
    """Return what is said of one format."""
    place = InMlflow(uri="models:/s/1", champion_uri="models:/s@champion", tracking_uri="http://here:5000")
    return FormatReport(
        file=FORMATS[name].file, bytes=size, proof=PROOF, mlflow=place if name == "mlflow" else None
    )


def cross_validated(classes: int, **more: Any) -> Scores:
    """Return the scores of a refit without an official test set."""
    spread = {"f1_mean": 0.91, "f1_std": 0.02, "f1_folds": (0.89, 0.93), "best_epochs": (7, 7)}
    cross = CrossValidationScore(**score(classes) | spread | more)
    return Scores(cross_validation=cross, fold=None, test=None)


def about(count: int = 3, **more: Any) -> ModelAbout:
    """Return what is said of a made-up model in every format, for so many classes."""
    spec = plan().fit_specs(plan().architectures[0], 2, {"learning_rate": 0.001})[0]
    fit = ExportedFit(
        key=spec.key,
        spec=spec,
        epochs=9,
        best_epoch=7,
        initial_weights_sha256="i" * 64,
        weights_sha256="w" * 64,
    )
    made = ModelAbout(
        name="s-lenet", sweep="s", architecture="lenet", trial=2, how="refit", key="k", seed=1, fits=(fit,),
        scores=cross_validated(count), compared_on="the official test set", weights_sha256="w" * 64,
        hyperparameters={"learning_rate": 0.001}, versions={"keras": "3"}, platform={"system": "Linux"},
        dataset=SweptDataset(name="photos", fingerprint="f" * 64, images=100),
        classes=tuple(f"class {index}" for index in range(count)), input_shape=(8, 8, 3),
        pixel_max=255.0, image_size=None, colour=None, formats={name: report(name) for name in FORMATS},
    )  # fmt: skip
    return replace(made, **more)

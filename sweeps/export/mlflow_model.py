"""A model in MLflow: logged, registered, served, compared; only then it may become the champion."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sweeps.analysis.best_trial import find_trial
from sweeps.export import model_folder, parity
from sweeps.export.about import FormatReport, InMlflow, ModelAbout
from sweeps.export.evaluation_images import EvaluationImages
from sweeps.export.parity import Probabilities
from sweeps.export.request import ExportRequest
from tracking.mlflow.models.flavour_request import FlavourRequest
from tracking.mlflow.models.scoring import serving
from tracking.mlflow.uri import shown
from tracking.records import SweepRecord
from trainer.fits.names import trial_name
from trainer.formats.catalogue import FORMATS

if TYPE_CHECKING:
    from tracking.mlflow.models.registry import Registered
    from tracking.mlflow.view import MlflowView

#: Number of images that are sent to MLflow's scoring server; few, because they are sent as text.
SERVED_IMAGES = 1000

#: The tag of a version that has the digest of its weights.
WEIGHTS = "refold.weights_sha256"

REQUIREMENTS = ("mlflow", "keras", "tensorflow", "numpy")


def register(
    request: ExportRequest,
    work: Path,
    model: Path,
    images: EvaluationImages,
    trained: Probabilities,
    about: ModelAbout,
) -> tuple["Registered", FormatReport]:
    """Register a model in MLflow and compare what its scoring server predicts with the trained model.

    Args:
        request: the export request, which has MLflow's view.
        work: a folder for intermediate files.
        model: the folder with the Keras file.
        images: the evaluation images, ``[n, height, width, channels]``.
        trained: the trained model's probabilities for these images.
        about: the content of ``model.json`` so far; parts of it become the model's metadata.

    Returns:
        The registered version, which is not the champion yet, and its report for ``model.json``.

    Raises:
        Mismatch: if the served model predicts something else; its version is removed again.
        ViewUnavailable: if MLflow cannot register or serve it.
    """
    record, trial, view = request.record, request.choice.trial, request.view
    assert view is not None  # noqa: S101 - a request for this format has a view
    folder = _described(model / str(FORMATS["keras"].file), images, trained, about, work)
    registered = view.add_model(record, trial, folder, title=_title(about), tags=_tags(about))
    try:
        asked = images.images[:SERVED_IMAGES]
        with serving(registered.uri, request.tracking_uri, work / "serving.log") as server:
            served, ms_per_image = server.score(asked)
        proof = parity.compare("mlflow", trained[: len(asked)], served, ms_per_image)
    except BaseException:
        view.withdraw(registered)
        raise
    place = InMlflow(
        uri=registered.uri,
        champion_uri=registered.champion_uri,
        tracking_uri=shown(request.tracking_uri),
    )
    return registered, FormatReport(file=None, bytes=model_folder.size_of(folder), proof=proof, mlflow=place)


def register_again(record: SweepRecord, about: ModelAbout, folder: Path, view: "MlflowView") -> "Registered":
    """Register a model again that MLflow has lost, and make it the champion.

    Args:
        record: the sweep.
        about: the content of the model's ``model.json``.
        folder: of the MLflow model, as the export wrote it.
        view: the view of the sweep's record.

    Raises:
        UsageError: if the sweep has no such trial.
        ViewUnavailable: if MLflow cannot be written to.
    """
    trial = find_trial(record, trial_name(about.architecture, about.trial))
    registered = view.add_model(record, trial, folder, title=_title(about), tags=_tags(about))
    view.promote(registered)
    return registered


def _title(about: ModelAbout) -> str:
    return f"{about.architecture}-{about.how}"


def _tags(about: ModelAbout) -> dict[str, str]:
    return {
        "refold.sweep": about.sweep,
        "refold.architecture": about.architecture,
        "refold.trial": str(about.trial),
        "refold.how": about.how,
        WEIGHTS: about.weights_sha256,
    }


def _described(
    keras_file: Path, images: EvaluationImages, trained: Probabilities, about: ModelAbout, work: Path
) -> Path:
    """Write the folder of an MLflow model around the Keras file."""
    folder = work / "mlflow"
    np.save(work / "example.npy", images.images[:1])
    np.save(work / "example-probabilities.npy", trained[:1])
    message = FlavourRequest(
        keras=str(keras_file),
        folder=str(folder),
        images=str(work / "example.npy"),
        probabilities=str(work / "example-probabilities.npy"),
        requirements=tuple(f"{name}=={version(name)}" for name in REQUIREMENTS),
        metadata={
            "name": about.name,
            "classes": list(about.classes),
            "pixel_max": about.pixel_max,
            "weights_sha256": about.weights_sha256,
        },
    )
    (work / "mlflow.json").write_text(json.dumps(message.to_json()), encoding="utf-8")
    parity.run("tracking.mlflow.models.flavour", [str(work / "mlflow.json")], work)
    return folder

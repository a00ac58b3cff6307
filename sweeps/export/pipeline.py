"""Exports a model: makes it, writes it in every format asked for, and proves each file.

Everything is prepared in a folder of the home; the ledger's lock allows one export at a time. Files that a
killed export left there are removed when the next one begins. The model's own folder appears when it is
complete.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sweeps.export import evaluation_images, model_card, model_folder, model_json, parity
from sweeps.export.about import FormatReport, ModelAbout
from sweeps.export.evaluation_images import EvaluationImages
from sweeps.export.mlflow_model import register
from sweeps.export.parity import Probabilities
from sweeps.export.request import ExportRequest
from sweeps.export.retraining import Member, check_code, retrain
from tracking.ledger.leftovers import EXPORT
from trainer.datasets import store
from trainer.errors import Mismatch, UsageError
from trainer.formats.catalogue import FORMATS, require
from trainer.formats.request import ConvertAnswer, ConvertRequest, KeptWeights


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A model that was exported.

    Attributes:
        folder: the folder with its files, ``model.json`` and ``README.md``.
        about: the content of ``model.json``.
        opened: when the exam was opened for this model, in words; empty without an exam.
        chosen: on what its trial was chosen, in words.
    """

    folder: Path
    about: ModelAbout
    opened: str = ""
    chosen: str = ""


def export(request: ExportRequest) -> Exported:
    """Make a model, write it and prove each file. The caller holds the ledger's lock.

    Raises:
        UsageError: if the model cannot be exported like that; nothing was written.
        Mismatch: if a fit trained again differs from its record, or a file from the trained model; nothing is
            left under the final name.
        ViewUnavailable: if the model cannot be written to MLflow.
    """
    for name in request.formats:
        require(name)
    model_folder.check_target(request.target, request.choice.key, force=request.force)
    if request.trained_on is None and not request.dataset.exists():
        raise UsageError(f"the stored dataset {request.dataset} is gone: run the sweep again to store it")
    check_code(request.entry, request.choice)
    with _working(request.home) as work:
        if request.trained_on is not None:
            store(request.trained_on, work / "datasets")
        images = evaluation_images.gather(request.home, request.entry, request.choice, request.dataset)
        request = _rehearse(request, work, images)
        if request.view is not None:  # fails before training if MLflow cannot be written
            request.view.write(request.record)
        np.save(work / "images.npy", images.images)
        members = retrain(request, work)
        _check_earlier(request, members)
        return _written(request, work, images, members)


@contextmanager
def _working(home: Path) -> Iterator[Path]:
    """Yield an empty folder, and remove it afterwards."""
    work = home / EXPORT
    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        yield work
    except OSError as error:
        raise UsageError(
            f"{error.filename or work} cannot be written ({error.strerror or error}): make room, or choose "
            "another folder with --home"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _rehearse(request: ExportRequest, work: Path, images: EvaluationImages) -> ExportRequest:
    """Write the untrained model, so that a full disk or an impossible format is found before training.

    Returns:
        The request with the formats that can hold the model.
    """
    draft = work / "rehearsal"
    draft.mkdir()
    request = _without(request, _convert(request, [], draft, work))
    files = model_folder.size_of(draft)
    shutil.rmtree(draft)
    # The work folder needs the weights of each member, the files and MLflow's copy; the target needs the
    # files.
    model_folder.check_room(work, (2 + len(request.choice.specs)) * files + images.images.nbytes)
    model_folder.check_room(request.target, files)
    return request


def _without(request: ExportRequest, left_out: Mapping[str, str]) -> ExportRequest:
    """Return the request without the formats that cannot hold the model, which are said.

    Raises:
        UsageError: if none is left.
    """
    formats = tuple(name for name in request.formats if name not in left_out)
    if not formats:
        raise UsageError(f"no format can hold the model: {'; '.join(left_out.values())}")
    for why in left_out.values():
        request.say(f"left out: {why}")
    view = request.view if "mlflow" in formats else None
    return replace(request, formats=formats, dispensable=(), left_out=left_out, view=view)


def _written(
    request: ExportRequest, work: Path, images: EvaluationImages, members: Sequence[Member]
) -> Exported:
    """Convert the model, prove each file, and publish the folder."""
    model = work / "model"
    model.mkdir()
    request.say(f"writing {', '.join(FORMATS[name].title for name in request.formats)} ...")
    _convert(request, members, model, work)
    trained = _mean([np.load(member.probabilities) for member in members])
    evaluation_images.check_predictions(request.choice, images, trained)
    opened = "" if images.test is None else request.opening(images.test.fingerprint)
    about = model_card.describe(request, members, images, trained)
    registered, formats = None, {}
    for name in request.formats:  # MLflow is last, because others see it there at once
        request.say(f"loading {FORMATS[name].title} in a fresh process ...")
        if name == "mlflow":
            registered, formats[name] = register(request, work, model, images, trained, about)
        else:
            formats[name] = _proven(name, model, work, trained)
    try:
        _unneeded_keras(request, model)
        complete = replace(about, formats=formats)
        about = model_folder.carry_over(request.target, model, complete, force=request.force)
        (model / model_json.ABOUT).write_text(model_card.to_json(about), encoding="utf-8")
        (model / model_folder.CARD).write_text(model_card.card(about), encoding="utf-8")
        model_folder.publish(model, request.target)
    except BaseException:
        if registered is not None and request.view is not None:
            request.view.withdraw(registered)
        raise
    if registered is not None and request.view is not None:
        request.view.promote(registered)
    return Exported(folder=request.target, about=about, opened=opened)


def _mean(probabilities: Sequence[Probabilities]) -> Probabilities:
    """Return the mean of several models' probabilities; those of a single model are returned unchanged."""
    return np.asarray(np.mean(np.stack(probabilities), axis=0, dtype=np.float64), dtype=np.float32)


def _convert(
    request: ExportRequest, members: Sequence[Member], folder: Path, work: Path
) -> Mapping[str, str]:
    """Write the model in all formats, in a process of its own.

    Returns:
        The dispensable formats that cannot hold the model, each with the reason in one line.

    Raises:
        UsageError: if another format cannot hold the model, or the disk is full.
        Mismatch: if the kept weights are not the trained ones.
    """
    message = ConvertRequest(
        architecture=request.choice.trial.architecture,
        source=request.source,
        digest=request.choice.specs[0].architecture_digest,
        hyperparameters=dict(request.choice.trial.hyperparameters),
        dataset=str(request.dataset),
        members=tuple(
            KeptWeights(weights=str(member.weights), sha256=member.run.result.weights_sha256)
            for member in members
        ),
        count=len(request.choice.specs),
        formats=request.formats,
        dispensable=request.dispensable,
        folder=str(folder),
    )
    (work / "request.json").write_text(json.dumps(message.to_json()), encoding="utf-8")
    printed = parity.run("trainer.formats.convert", [str(work / "request.json")], work)
    answer = ConvertAnswer.from_json(json.loads(printed))
    match answer.obstacle:
        case "refused":
            raise UsageError(f"{answer.what}; choose other formats with --format")
        case "unwritable":
            raise UsageError(f"{answer.what}; make room, or choose another folder with --home")
        case "mismatch":
            raise Mismatch(answer.what)
    return answer.left_out


def _proven(name: str, model: Path, work: Path, trained: Probabilities) -> FormatReport:
    """Compare a format's file with the trained model; return its report for ``model.json``."""
    file = model / str(FORMATS[name].file)
    loaded = parity.score(name, file, work / "images.npy", work)
    proof = parity.compare(name, trained, loaded.probabilities, loaded.ms_per_image)
    found = model_folder.digest_of(file)
    return FormatReport(file=file.name, bytes=model_folder.size_of(file), proof=proof, sha256=found)


def _unneeded_keras(request: ExportRequest, model: Path) -> None:
    """Remove the Keras file if it was written only for MLflow."""
    if "keras" not in request.formats:
        (model / str(FORMATS["keras"].file)).unlink(missing_ok=True)


def _check_earlier(request: ExportRequest, members: Sequence[Member]) -> None:
    """Compare the weights with those of the same fits in earlier exports: a refit has no other record.

    Raises:
        Mismatch: if the weights differ.
    """
    recorded = {key: sha256 for earlier in request.earlier for key, sha256 in earlier.weights.items()}
    for member in members:
        now = member.run.result
        if recorded.get(now.key, now.weights_sha256) != now.weights_sha256 and not request.force:
            raise Mismatch(
                f"an earlier export trained the same fit to other weights ({recorded[now.key][:16]} then, "
                f"{now.weights_sha256[:16]} now): 'refold doctor' looks for the cause; nothing was exported"
            )

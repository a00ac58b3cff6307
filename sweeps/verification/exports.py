"""Exported models: what the record says of each, against the trial that it was made from and its folder.

What is here are a model's description and the digests of its files. The weights of a refit are recorded with
the refit that ``refold compare`` has scored on the exam, if it has; otherwise they are in no record but the
model's own, and only exporting it again proves them.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from sweeps.analysis.best_trial import find_trial
from sweeps.definition.changes import changes
from sweeps.definition.identity import Difference, identity_of
from sweeps.export import evaluation_images, model_folder, model_json
from sweeps.export.about import ExportedFit, ModelAbout, SweptDataset
from sweeps.export.exam_score import score_on
from sweeps.export.selection import Made, ModelSelection, choose, earlier_name, model_name
from sweeps.export.with_exam import joined
from sweeps.retraining.refit import examined_twin, refit_spec
from tracking.ledger.entry import SweepEntry
from tracking.records import FoldRecord, SweepRecord, TrialRecord
from trainer.canonical import digest, recorded
from trainer.datasets import Dataset, Loaded
from trainer.errors import UsageError, one_line
from trainer.fits.environment import DECIDING
from trainer.fits.names import trial_name
from trainer.formats.catalogue import FORMATS
from trainer.metrics.metric import MACRO_F1

Found = tuple[list[Difference], list[str]]

#: What reading a description raises that is none, or that has values of wrong types.
UNUSABLE = (
    ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError, RecursionError, OSError,
    UsageError,
)  # fmt: skip


#: How a model was made that was trained on the exam too.
WITH_EXAM: Made = "refit-all"

#: What is said of what is in no record, or in none any more.
UNCOMPARED = "its weights, of a training on the exam too, were not compared: exporting it again compares them"
LATER = (
    "the exam has scored other refits since it was exported, so the interval of its exam score, its other "
    "refits and its runner-up were not compared"
)

#: What of an exam score follows from all winners' refits that were recorded when the model was exported.
_OF_LATER: Mapping[str, Any] = {
    "low": None, "high": None, "level": None, "of_models": None, "refits": None, "runner_up": None
}  # fmt: skip


def export_differences(
    record: SweepRecord, entry: SweepEntry, cards: Sequence[Mapping[str, Any]], loaded: Loaded
) -> Found:
    """Compare the recorded descriptions of exported models with the record, and with their folders.

    Args:
        record: the sweep.
        entry: its entry in the ledger.
        cards: the descriptions, the oldest first.
        loaded: the images of the search and of the exam.

    Returns:
        The differences; and a line for each folder or file that is gone, as models may be moved.
    """
    found: list[Difference] = []
    notes: list[str] = []
    last = {_folder(card): index for index, card in enumerate(cards)}
    for index, card in enumerate(cards):
        where, newest = _name(card), last[_folder(card)] == index
        try:
            about = ModelAbout.from_json(card)
            differ, gone = [*_of_record(about, record, entry, loaded)], list[str]()
            if not differ:
                differ, gone = _of_exam(about, record, loaded.exam)
            if newest and not differ:  # an export to the same folder replaces the one before it
                differ, missing = _of_folder(about, Path(_folder(card)))
                gone += missing
        except UNUSABLE as error:
            differ, gone = [("card", f"it does not describe a model of this sweep: {one_line(error)}")], []
        found += [Difference(subject=name, where=where, what=what) for name, what in differ]
        notes += [f"{where}: {what}" for what in gone]
    return found, notes


def _folder(card: object) -> str:
    """Return the folder that a description names, the same for all ways to write its path."""
    return os.path.realpath(str(card.get("folder"))) if isinstance(card, Mapping) else ""


def _name(card: object) -> str:
    known = card if isinstance(card, Mapping) else {}
    return f"export of {known.get('architecture')}/{known.get('trial')}, {known.get('how')}"


def _of_record(
    about: ModelAbout, record: SweepRecord, entry: SweepEntry, loaded: Loaded
) -> Iterator[tuple[str, str]]:
    """Yield what does not follow from the trial that a model was made from."""
    trial = find_trial(record, trial_name(about.architecture, about.trial))
    if trial.state != "complete" or about.how not in get_args(Made):
        yield "trial", f"{about.how} of {trial.name}, which is {trial.state}"
        return
    with_exam, smaller = about.how == WITH_EXAM, about.scores.smaller_training is not None
    if with_exam != smaller or (with_exam and (about.scores.test is not None or loaded.exam is None)):
        yield "scores", f"{about.how} has no such scores: nobody has measured them"
        return
    derived = _derived(about, _choice(about, trial, record, loaded), record, entry)
    told = {name: getattr(about, name) for name in derived if hasattr(about, name)}
    told["scores"] = {"cross_validation": about.scores.cross_validation, "fold": about.scores.fold}
    told["versions"] = {name: about.versions.get(name) for name in DECIDING}
    if about.scores.test is not None:
        told["test"] = {name: getattr(about.scores.test, name) for name in ("images", "f1", "accuracy")}
    for change in changes(recorded(told), recorded(derived)):
        yield change.name, change.said("recorded", "follows from the rest of the record")


def _choice(about: ModelAbout, trial: TrialRecord, record: SweepRecord, loaded: Loaded) -> ModelSelection:
    """Return the fits that make the model; of a refit on the exam too it is planned from all the images."""
    if about.how != "refit-all":
        return choose(record, trial, about.how)
    assert loaded.exam is not None  # noqa: S101 - without an exam there is no such model
    spec = refit_spec(trial, record.seed, about.fits[0].spec.platform)
    spec = replace(spec, dataset=joined(loaded.search, loaded.exam).fingerprint)
    return ModelSelection(trial=trial, how=about.how, specs=(spec,), recorded=(None,))


def _derived(
    about: ModelAbout, choice: ModelSelection, record: SweepRecord, entry: SweepEntry
) -> dict[str, Any]:
    """Return what the record says of a model; what only its refit knows is taken from its description."""
    fits = tuple(_refit(choice, about, record) if fold is None else _fold(fold) for fold in choice.recorded)
    weights = [fit.weights_sha256 for fit in fits]
    data, source = record.dataset, entry.details.dataset
    own = choice.recorded[0] if about.how == "best-fold" else None
    test = about.scores.test and evaluation_images.score_of(about.scores.test.confusion, MACRO_F1, None)
    key = digest([about.how, [fit.spec.key for fit in fits]])
    space = identity_of(entry).space_of(choice.trial.architecture)
    earlier = earlier_name(record, choice)
    return {
        "name": earlier if about.name == earlier else model_name(record, choice, space, key),
        "sweep": record.name,
        "key": key,
        "seed": record.seed,
        "hyperparameters": dict(choice.trial.hyperparameters),
        "fits": fits,
        "weights_sha256": weights[0] if len(weights) == 1 else digest(weights),
        "dataset": SweptDataset(name=data.name, fingerprint=data.fingerprint, images=data.samples),
        "classes": data.classes,
        "input_shape": data.input_shape,
        "pixel_max": data.pixel_max,
        "image_size": source.image_size,
        "colour": source.colour,
        "fit": source.fit,
        "scores": {
            "cross_validation": evaluation_images.cross_validation(choice.trial),
            "fold": own and evaluation_images.own_fold(own),
        },
        "versions": {name: dict(fits[0].spec.platform).get(name) for name in DECIDING},
        **({"test": {name: test[name] for name in ("images", "f1", "accuracy")}} if test else {}),
    }


def _fold(fold: FoldRecord) -> ExportedFit:
    result = fold.run.result
    return ExportedFit(
        key=fold.spec.key,
        spec=fold.spec,
        epochs=len(result.epochs),
        best_epoch=result.best_epoch,
        initial_weights_sha256=result.initial_weights_sha256,
        weights_sha256=result.weights_sha256,
    )


def _refit(choice: ModelSelection, about: ModelAbout, record: SweepRecord) -> ExportedFit:
    """Return the fit on all the data: the record plans it.

    Its weights are those of the recorded refit on the exam; without one only the model's description has
    them.
    """
    kept = about.fits[0]
    spec = replace(choice.specs[0], platform=kept.spec.platform)
    fit = replace(kept, key=spec.key, spec=spec, epochs=spec.epochs, best_epoch=spec.epochs)
    twin = examined_twin(record, choice.trial, spec)
    if twin is None or twin.run.result.state != "complete":
        return fit
    result = twin.run.result
    return replace(
        fit,
        initial_weights_sha256=result.initial_weights_sha256,
        weights_sha256=result.weights_sha256,
    )


def _of_exam(
    about: ModelAbout, record: SweepRecord, exam: Dataset | None
) -> tuple[list[tuple[str, str]], list[str]]:
    """Compare the exam score of a refit with what its recorded predictions give; say what was not compared.

    The models that could have been chosen, and the refits of the trial, are those that were recorded when it
    was exported: what needs them is compared only while they are the same.
    """
    told = about.scores.test or about.scores.smaller_training
    trial = find_trial(record, trial_name(about.architecture, about.trial))
    notes = [UNCOMPARED] if about.how == WITH_EXAM else []
    spec = replace(about.fits[0].spec, dataset=record.dataset.fingerprint)
    twin = examined_twin(record, trial, spec) if about.how in ("refit", WITH_EXAM) else None
    if twin is None and notes:
        return [("scores.smaller_training", "no recorded refit on the images of the search has it")], []
    if told is None or exam is None or twin is None:
        return [], notes
    derived = score_on(exam, record, trial, twin.for_metric())
    if (told.of_models, told.refits) != (derived.of_models, derived.refits):
        told, derived = (replace(each, **_OF_LATER) for each in (told, derived))
        notes.append(LATER)
    part = "test" if about.scores.test else "smaller_training"
    return [
        (f"scores.{part}.{change.name}", change.said("recorded", "follows from the recorded refit"))
        for change in changes(recorded(told), recorded(derived))
    ], notes


def _of_folder(about: ModelAbout, folder: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """Compare a model's folder with its description; return what differs, and what is gone."""
    if not folder.is_dir():
        return [], [f"its folder {folder} is gone, so its files were not compared"]
    gone = []
    if not (folder / model_json.ABOUT).exists():
        return [], [f"{folder} has no {model_json.ABOUT} any more, so its files were not compared"]
    try:
        here = model_json.read(folder)
    except UsageError as error:
        return [(model_json.ABOUT, str(error))], []
    differ = changes(recorded(about.to_json()), recorded(here.to_json()))
    found = [(f"{each.name} in {model_json.ABOUT}", each.said("recorded", f"in {folder}")) for each in differ]
    for name, report in about.formats.items():
        file = FORMATS[name].file if name in FORMATS else None  # never a path that the record has
        if file is None:
            continue
        if not (folder / file).exists():
            gone.append(f"{folder / file} is gone")
        elif model_folder.size_of(folder / file) != report.bytes:
            now = model_folder.size_of(folder / file)
            found.append((file, f"{report.bytes} bytes recorded, {now} in {folder}"))
        elif report.sha256 and (digest_now := model_folder.digest_of(folder / file)) != report.sha256:
            found.append((file, f"digest {report.sha256[:16]} recorded, {digest_now[:16]} in {folder}"))
    return found, gone

"""Descriptions of an exported model: ``model.json`` for programs, ``README.md`` (a model card) for people."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from sweeps.export.about import ExamScore, ExportedFit, ModelAbout, Score, Scores, SweptDataset
from sweeps.export.evaluation_images import EvaluationImages, scores
from sweeps.export.exam_words import interval_in_words, refits_in_words, runner_up_in_words, smaller_in_words
from sweeps.export.parity import Probabilities
from sweeps.export.request import ExportRequest
from sweeps.export.retraining import Member
from trainer.canonical import digest
from trainer.escaping import for_json, for_markdown, for_markdown_code, for_shell
from trainer.fits.specs import FitSpec
from trainer.formats.catalogue import FORMATS
from trainer.metrics.confusion import Confusion, class_scores
from trainer.quantities import counted, size
from trainer.runtime.environment import PACKAGES, environment

#: Up to this many classes the confusion matrix is a table; for more only the largest confusions are listed.
LARGEST_TABLE = 20

HOW = {
    "refit": "trained once more on all training images, for the median of the folds' best epochs",
    "refit-all": "trained once more on all images, the exam's too, for the median of the folds' best epochs",
    "ensemble": "the fold models of the cross-validation as one model that averages their probabilities",
    "best-fold": "the fold model whose held-out fold was predicted best",
}


def describe(
    request: ExportRequest, members: Sequence[Member], images: EvaluationImages, trained: Probabilities
) -> ModelAbout:
    """Return the content of ``model.json`` without the formats.

    Args:
        request: the export request.
        members: the trained fits that make the model.
        images: the evaluation images.
        trained: the trained model's probabilities for these images, ``[n, classes]``.
    """
    record, choice = request.record, request.choice
    source = request.entry.details.dataset
    here = environment()
    weights = [member.run.result.weights_sha256 for member in members]
    return ModelAbout(
        name=request.target.name,
        sweep=record.name,
        architecture=choice.trial.architecture,
        trial=choice.trial.number,
        how=choice.how,
        key=choice.key,
        scores=_with_smaller(scores(record, choice, images, trained), request),
        compared_on=images.name,
        hyperparameters=dict(choice.trial.hyperparameters),
        seed=record.seed,
        fits=tuple(_fit(member, spec) for member, spec in zip(members, choice.specs, strict=True)),
        weights_sha256=weights[0] if len(weights) == 1 else digest(weights),
        dataset=SweptDataset(
            name=record.dataset.name,
            fingerprint=record.dataset.fingerprint,
            images=record.dataset.samples,
        ),
        classes=record.dataset.classes,
        input_shape=record.dataset.input_shape,
        pixel_max=record.dataset.pixel_max,
        image_size=source.image_size,
        colour=source.colour,
        fit=source.fit,
        versions={name: here.packages[name] for name in PACKAGES} | {"python": here.python},
        platform={"system": here.system, "cpu": here.cpu["model name"]},
        left_out=dict(request.left_out) or None,
    )


def _with_smaller(found: Scores, request: ExportRequest) -> Scores:
    """Add the score of the smaller training, if the model was trained on the exam too."""
    from sweeps.export.exam_score import score_on  # SciPy takes a second

    smaller = request.choice.smaller
    if smaller is None or request.exam is None:
        return found
    score = score_on(request.exam, request.record, request.choice.trial, smaller.for_metric())
    return replace(found, smaller_training=score)


def _fit(member: Member, spec: FitSpec) -> ExportedFit:
    result = member.run.result
    return ExportedFit(
        key=result.key,
        spec=spec,
        epochs=len(result.epochs),
        best_epoch=result.best_epoch,
        initial_weights_sha256=result.initial_weights_sha256,
        weights_sha256=result.weights_sha256,
    )


def card(about: ModelAbout) -> str:
    """Return the model card as Markdown.

    Args:
        about: the content of ``model.json``.
    """
    parts = [
        f"# {for_markdown(about.sweep)}: {for_markdown(about.architecture)}, {about.how}",
        _summary(about),
        "## Scores\n\n" + _scores(about),
        "## Input and output\n\n" + _interface(about),
        "## Load it\n\n" + "\n\n".join(_loading(name, about) for name in about.formats),
        "## The same model\n\n" + _parity(about),
        "## Confusion matrix\n\n" + _confusion(about),
        "## How it was made\n\n" + _making(about),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(about: ModelAbout) -> str:
    epochs = " + ".join(str(fit.best_epoch) for fit in about.fits)
    dataset, architecture = for_markdown_code(about.dataset.name), for_markdown_code(about.architecture)
    return (
        f"An image classifier for the {len(about.classes)} classes of {dataset}: the "
        f"architecture {architecture}, trial {about.trial} of the sweep {for_markdown_code(about.sweep)}, "
        f"{HOW[about.how]} (epochs: {epochs})."
    )


def _scores(about: ModelAbout) -> str:
    found = about.scores
    cross = found.cross_validation
    measured: dict[str, Score | None] = {
        "cross-validation, all held-out folds together": cross,
        "this model's own held-out fold": found.fold,
        "the exam, images that no fit of the search saw": found.test,
        "not this model: the smaller training, on the exam": found.smaller_training,
    }
    own = cross.value is not None
    rows = [
        f"| {where} | {score.images} |{f' {score.score:.4f} |' if own else ''} {score.f1:.4f} "
        f"| {score.accuracy:.4f} |"
        for where, score in measured.items()
        if score
    ]
    more, line = (f" {for_markdown(cross.title)} |", " --- |") if own else ("", "")
    table = [
        f"| measured on | images |{more} macro-F1 | accuracy |",
        f"| --- | --- |{line} --- | --- |",
        *rows,
    ]
    spread = "" if cross.f1_std is None else f" ± {cross.f1_std:.4f}"
    return (
        "\n".join(table) + f"\n\nMacro-F1 of the single folds: {cross.f1_mean:.4f}{spread} (mean ± standard "
        "deviation). A trial is chosen by its cross-validated score, so expect a "
        "slightly lower score on new data." + _smaller(about) + _on_the_exam(found.test)
    )


def _smaller(about: ModelAbout) -> str:
    """Return whose score the exam's is, if the model was trained on the exam too."""
    words = smaller_in_words(about.scores.smaller_training, about.dataset.images)
    return f"\n\n**Score of the smaller training:** {words}." if words else ""


def _on_the_exam(score: ExamScore | None) -> str:
    """Return what the score on the exam means, a paragraph each."""
    if score is None:
        return ""
    parts = []
    if (interval := interval_in_words(score)) is not None:
        title = for_markdown(score.title)
        parts.append(f"{title[:1].upper()}{title[1:]} on the exam: {interval}.")
    if (refits := refits_in_words(score)) is not None:
        parts.append(f"On the exam {refits}. A refit is exported by its seed, never by its score.")
    if score.runner_up is not None:
        other = for_markdown_code(score.runner_up.trial)
        parts.append(f"Against the model of {other}, on the same images: {runner_up_in_words(score)}.")
    return "".join(f"\n\n{part}" for part in parts)


def _interface(about: ModelAbout) -> str:
    height, width, channels = about.input_shape
    colour = {1: "grey", 3: "red, green, blue"}.get(channels, f"{channels} channels")
    return (
        f"In: raw pixels, `[n, {height}, {width}, {channels}]` ({colour}), `uint8` or float, from 0 to "
        f"{about.pixel_max:g}; the scaling is a layer of the model. ONNX, LiteRT and MLflow take them as "
        f"`float32`.\n\nOut: probabilities `[n, {len(about.classes)}]` in the order of `classes` in "
        f"`model.json`: {', '.join(map(for_markdown, about.classes))}."
    )


def _loading(name: str, about: ModelAbout) -> str:
    return f"### {FORMATS[name].title}\n\n```python\n{snippet(name, about)}```" + _serving(name, about)


def snippet(name: str, about: ModelAbout) -> str:
    """Return a program that classifies one image with a format's file; it runs in the model's folder."""
    shape = ", ".join(map(str, (1, *about.input_shape)))
    modules, load, predict = _SNIPPETS[name]
    facts = {**about.formats[name].to_json(), "file": FORMATS[name].file}
    values = {key: _literal(value) for key, value in facts.items()}
    imports = "".join(f"import {module}\n" for module in sorted(("numpy as np", *modules)))
    pixels = f'np.zeros(({shape}), dtype="float32")'
    return (
        f"import json\n\n{imports}\n"
        f'about = json.load(open("model.json"))\n'
        f"{load.format_map(values)}"
        f"pixels = {pixels}  # your images, raw, from 0 to {about.pixel_max:g}\n"
        f"{predict}"
        'print(about["classes"][probabilities[0].argmax()], probabilities[0].max())\n'
    )


def _literal(value: object) -> str:
    """Return a value as Python's source; a text is in double quotes unless it is unusual."""
    return json.dumps(value) if isinstance(value, str) and value.isascii() else ascii(value)


#: For each format: the code for imports, loading and predicting.
_SNIPPETS: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    "keras": (
        ("keras",),
        "model = keras.saving.load_model({file})\n",
        "probabilities = model.predict(pixels, verbose=0)\n",
    ),
    "savedmodel": (
        ("tensorflow as tf",),
        "model = tf.saved_model.load({file})\n",
        "probabilities = model.serve(pixels).numpy()\n",
    ),
    "onnx": (
        ("onnxruntime",),
        "session = onnxruntime.InferenceSession({file})\n",
        '(probabilities,) = session.run(None, {"pixels": pixels})\n',
    ),
    "litert": (
        ("ai_edge_litert.interpreter",),
        "interpreter = ai_edge_litert.interpreter.Interpreter({file})\n"
        "classify = interpreter.get_signature_runner()\n",
        "(probabilities,) = classify(pixels=pixels).values()\n",
    ),
    "mlflow": (
        ("mlflow",),
        "mlflow.set_tracking_uri({tracking_uri})\nmodel = mlflow.pyfunc.load_model({uri})\n",
        "probabilities = model.predict(pixels)\n",
    ),
}


def _serving(name: str, about: ModelAbout) -> str:
    place = about.formats[name].mlflow
    if place is None:
        return ""
    serve = "mlflow models serve --env-manager local --port 5001"
    return (
        '\n\nOr serve it, and POST `{"inputs": [...]}` to `http://127.0.0.1:5001/invocations`:\n\n```sh\n'
        f"MLFLOW_TRACKING_URI={for_shell(place.tracking_uri)} \\\n"
        f"  {serve} --model-uri {for_shell(place.champion_uri)}\n```"
    )


def _parity(about: ModelAbout) -> str:
    rows = ["| format | file | size | ms per image | largest difference |", "| --- | --- | --- | --- | --- |"]
    for name, form in about.formats.items():
        rows.append(
            f"| {FORMATS[name].title} | {_in_table(form.where)} | {size(form.bytes)} | "
            f"{form.proof.ms_per_image:.2f} | {form.proof.largest_difference:.1e} |"
        )
    images = counted(next(iter(about.formats.values())).proof.images, "image")
    return (
        "Each was loaded in a fresh process by its own runtime and classified "
        f"{for_markdown(about.compared_on)} ({images}); the last column is the largest difference of any "
        "probability from the trained model's. One image at a time, loading not included.\n\n"
        + "\n".join(rows)
        + "".join(f"\n\nLeft out: {for_markdown(why)}." for why in (about.left_out or {}).values())
    )


def _in_table(text: str) -> str:
    """Return a text as code in a table's cell, which ends at a bar even within code."""
    return for_markdown_code(text).replace("|", "\\|")


def _confusion(about: ModelAbout) -> str:
    found, classes = about.scores, [for_markdown(name) for name in about.classes]
    if found.test:
        where, confusion = "The exam, images that no fit of the search saw.", found.test.confusion
    elif found.fold:
        where, confusion = "This model's held-out fold.", found.fold.confusion
    else:
        where = "All held-out folds of the cross-validation together: what the fold models said."
        confusion = found.cross_validation.confusion
    table = _table(confusion, classes) if len(classes) <= LARGEST_TABLE else _largest(confusion, classes)
    return f"{where} {table}"


def _table(confusion: Confusion, classes: list[str]) -> str:
    by_class = class_scores(confusion)
    rows = [
        "Rows are true classes, columns predicted ones.\n",
        f"| | {' | '.join(classes)} | F1 |",
        "| --- " * (len(classes) + 2) + "|",
    ]
    rows += [
        f"| **{name}** | {' | '.join(map(str, row))} | {score.f1:.3f} |"
        for name, row, score in zip(classes, confusion, by_class, strict=True)
    ]
    return "\n".join(rows)


def _largest(confusion: Confusion, classes: list[str]) -> str:
    counts = np.array(confusion)
    np.fill_diagonal(counts, 0)
    places = np.argsort(-counts, axis=None, kind="stable")[:LARGEST_TABLE]
    pairs = [(int(place) // len(classes), int(place) % len(classes)) for place in places]
    rows = [
        f"The {len(pairs)} most frequent confusions.\n",
        "| true | predicted | images |",
        "| --- | --- | --- |",
    ]
    rows += [f"| {classes[i]} | {classes[j]} | {counts[i, j]} |" for i, j in pairs if counts[i, j]]
    return "\n".join(rows)


def _making(about: ModelAbout) -> str:
    values = "\n".join(
        f"| {for_markdown(name)} | {for_markdown(value)} |" for name, value in about.hyperparameters.items()
    )
    weights = for_markdown_code(about.weights_sha256)
    packages = ", ".join(
        f"{for_markdown(name)} {for_markdown(number)}" for name, number in about.versions.items()
    )
    return (
        f"| hyperparameter | value |\n| --- | --- |\n{values}\n\n"
        f"Seed of the sweep {about.seed}; dataset {for_markdown_code(about.dataset.fingerprint)}; weights "
        f"{weights}. `model.json` has the seeds of each fit and all the rest.\n\n"
        f"Made by {packages}."
    )


def to_json(about: ModelAbout) -> str:
    """Return the text of ``model.json``."""
    return for_json(json.dumps(about.to_json(), indent=2, ensure_ascii=False)) + "\n"

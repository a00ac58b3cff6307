"""The best model exported, used and scored: ``refold export``, ``predict``, ``evaluate``."""

import argparse
import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps.cli.class_scores import put_classes, put_confusion, put_scores
from sweeps.cli.image_progress import ImageProgress
from sweeps.cli.options import Arguments, Verbs, json_option, tracking_option, trust_option, wait_option
from sweeps.cli.output import check_writable, print_json, put, put_table, say
from sweeps.export.selection import HOWS
from tracking.reports.text_table import Column, Table
from trainer.errors import UsageError
from trainer.escaping import for_shell
from trainer.fits.names import trial_name
from trainer.formats.catalogue import ALL, FORMATS
from trainer.quantities import counted, size

if TYPE_CHECKING:
    from sweeps.evaluation import Evaluation
    from sweeps.export.about import ExamScore, FormatReport, Score
    from sweeps.export.pipeline import Exported
    from sweeps.export.predict import Prediction


def add_verbs(verbs: Verbs) -> None:
    """Add ``export``, ``predict`` and ``evaluate``."""
    _export_options(verbs.add(export, "export digits --how ensemble --format keras,onnx --out models"))
    _evaluate_options(verbs.add(evaluate, "evaluate models/digits-resnet-refit-f1_0.9811 photos"))
    predicting = verbs.add(predict, "predict models/digits-resnet-refit-f1_0.9811 photos")
    predicting.add_argument("model", type=Path, help="an exported model's folder, or a file in it")
    predicting.add_argument("images", type=Path, nargs="+", help="image files or folders of them")
    predicting.add_argument(
        "--trust-model",
        action="store_true",
        help="load a model that could read and write files or run code (default: refuse it, and say why)",
    )
    json_option(predicting)


def _evaluate_options(added: argparse.ArgumentParser) -> None:
    added.add_argument("model", type=Path, help="the folder of an exported model, or a file in it")
    added.add_argument("source", help="labelled images: a folder, table, .npz file or built-in dataset")
    added.add_argument(
        "--groups",
        metavar="PATTERN",
        help="which images belong together: a pattern for their paths, a level of folders, a table's column",
    )
    added.add_argument(
        "--part",
        choices=("test", "all"),
        help="score the official test set (the default if there is one) or all",
    )
    added.add_argument("--csv", type=Path, metavar="FILE", help="write each image's prediction")
    added.add_argument(
        "--trust-model",
        action="store_true",
        help="load a model that could read and write files or run code (default: refuse it, and say why)",
    )
    json_option(added)


def _export_options(added: argparse.ArgumentParser) -> None:
    added.add_argument("sweep", help="name of the sweep")
    added.add_argument("--architecture", help="take the best trial of this architecture (default: of all)")
    added.add_argument("--trial", metavar="ARCHITECTURE/NUMBER", help="take this trial (default: the best)")
    added.add_argument(
        "--how",
        choices=HOWS,
        default="refit",
        help="train on all the data for the median best epoch of the folds (refit, the default), average the "
        "fold models (ensemble), or take the best fold model (best-fold)",
    )
    added.add_argument(
        "--format",
        action="append",
        metavar="FORMAT[,FORMAT]",
        help=f"{', '.join(FORMATS)}, or {ALL} that can hold the model (default: keras)",
    )
    added.add_argument(
        "--out", type=Path, default=Path(), help="folder to make the model's folder in (default: here)"
    )
    added.add_argument("--force", action="store_true", help="replace another model of the same name")
    added.add_argument(
        "--include-exam",
        action="store_true",
        help="train the refit on the exam's images too: none is left to score it on, so it is given with the "
        "score of the smaller training",
    )
    wait_option(added)
    trust_option(added)
    tracking_option(added)
    json_option(added)


def export(options: Arguments) -> int:
    """Export the best model in the formats that other programs need."""
    from sweeps.api import record

    done = record.export(
        options.sweep,
        options.home,
        how=options.how,
        architecture=options.architecture,
        trial=options.trial,
        formats=options.format or ["keras"],
        out=options.out,
        force=options.force,
        include_exam=options.include_exam,
        tracking_uri=options.tracking_uri,
        say=say,
        wait=options.wait,
        trust_code=options.trust_code,
    )
    if options.json:
        print_json({"folder": str(done.folder), **done.about.to_json()})
    else:
        _print_export(done)
    return 0


def evaluate(options: Arguments) -> int:
    """Score an exported model on labelled images, with intervals."""
    from sweeps.api.evaluation import evaluate

    check_writable("--csv", options.csv)
    groups = int(options.groups) if options.groups and options.groups.isdecimal() else options.groups
    done = evaluate(
        options.model,
        options.source,
        options.home,
        groups=groups,
        part=options.part,
        trust_model=options.trust_model,
        progress=ImageProgress(),
    )
    if options.csv is not None:
        _write_csv(done, options.csv)
    if options.json:
        print_json(done.to_json())
    else:
        _print_evaluation(done)
    return 0


def _write_csv(done: "Evaluation", path: Path) -> None:
    """Write one row for each image: its name, true class, predicted class and probability."""
    try:
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["image", "true", "predicted", "probability"])
            rows = zip(done.names, done.labels, done.probabilities, strict=True)
            for name, label, row in rows:
                writer.writerow([name, label, done.classes[int(row.argmax())], repr(float(row.max()))])
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from None


def _print_evaluation(done: "Evaluation") -> None:
    grouped = done.groups is not None
    groups = f" of {counted(done.groups or 0, 'group')}" if grouped else ""
    put(f"{done.model} on {counted(done.images, 'image')}{groups} of {done.source}", "")
    units = "new groups: groups count, not images" if grouped else "new images, each by itself"
    put_scores(done.f1, done.accuracy, units)
    put("")
    put_classes(done.classes, done.by_class)
    put("")
    put_confusion(done.classes, done.confusion)
    if done.notes:
        put("", *(f"note: {line}" for line in done.notes))


def predict(options: Arguments) -> int:
    """Classify image files with an exported model."""
    from sweeps.export import predict

    predictions = predict.predict(options.model, options.images, trust_model=options.trust_model)
    if options.json:
        print_json([asdict(each) for each in predictions])
    else:
        put_table(predictions_table(predictions))
        _mention_evaluate(options.model, options.images, predictions)
    return 0


def _mention_evaluate(model: Path, images: Sequence[Path], predictions: "Sequence[Prediction]") -> None:
    """Say that a folder with a folder for each class can be scored."""
    for folder in images:
        if folder.is_dir() and all((folder / name).is_dir() for name in predictions[0].probabilities):
            words = f"refold evaluate {for_shell(str(model))} {for_shell(str(folder))}"
            say(f"the folders in {folder} are called like the classes: '{words}' scores the model on them")


def _print_export(done: "Exported") -> None:
    """Print what was exported."""
    from sweeps.export.exam_words import smaller_in_words

    about, scores = done.about, done.about.scores
    epochs = "+".join(str(fit.best_epoch) for fit in about.fits)
    epochs += " epoch" if epochs == "1" else " epochs"
    put(
        f"{trial_name(about.architecture, about.trial)}, {about.how}, {epochs}; {done.chosen}",
        _scored("cross-validation", scores.cross_validation, ", held out fold by fold"),
    )
    if scores.fold:
        put(_scored("its held-out fold", scores.fold, ""))
    if scores.test:
        put(_scored("exam", scores.test, f", {about.compared_on}, {done.opened}"))
        _print_exam(scores.test)
    if smaller := smaller_in_words(scores.smaller_training, about.dataset.images):
        put(f"{'smaller training':<17}  {smaller}")
    put("", f"each loaded in a fresh process, compared on {about.compared_on}:")
    put_table(formats_table(about.formats), indent="  ")
    put(*(f"  left out: {why}" for why in (about.left_out or {}).values()))
    put("", f"{done.folder}/", "  README.md is the model card; model.json has the same facts for programs")


def _print_exam(score: "ExamScore") -> None:
    """Print what the score on the exam means, a line each."""
    from sweeps.export.exam_words import interval_in_words, refits_in_words, runner_up_in_words

    put(*(f"{'':<17}  {line}" for line in (interval_in_words(score), refits_in_words(score)) if line))
    if score.runner_up is not None:
        put(f"{f'against {score.runner_up.trial}':<17}  {runner_up_in_words(score)}")


def formats_table(formats: "Mapping[str, FormatReport]") -> Table:
    """Return a row for each format: its file, size and speed, and its difference from the trained model."""
    rows = [
        [
            name,
            form.where,
            size(form.bytes),
            f"{form.proof.ms_per_image:.2f} ms",
            f"{form.proof.largest_difference:.1e}",
            counted(form.proof.images, "image"),
            str(form.proof.ties or ""),
        ]
        for name, form in formats.items()
    ]
    columns = (
        Column(title="format"),
        Column(title="file"),
        Column(title="size", right=True, rank=1),
        Column(title="an image", right=True, rank=2),
        Column(title="largest difference", right=True),
        Column(title="on", right=True, rank=3),
        Column(title="ties", right=True, rank=4),
    )
    return Table(columns=columns, rows=rows)


def _scored(where: str, score: "Score", more: str) -> str:
    own = "" if score.value is None else f"{score.title} {score.value:.4f}, "
    figures = f"{own}macro-F1 {score.f1:.4f}, accuracy {score.accuracy:.4f}"
    return f"{where:<17}  {figures} ({counted(score.images, 'image')}{more})"


def predictions_table(predictions: "Sequence[Prediction]") -> Table:
    """Return image, class and probability in columns."""
    columns = (Column(title="image"), Column(title="class"), Column(title="probability", right=True))
    rows = [[each.image, each.class_name, f"{each.probability:.4f}"] for each in predictions]
    return Table(columns=columns, rows=rows)

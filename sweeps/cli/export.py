"""The best model taken home, and asked: ``refold export``, ``predict``."""

import argparse
from dataclasses import asdict
from pathlib import Path

from sweeps.cli import tables
from sweeps.cli.options import Arguments, Verbs, json_option, tracking_option
from sweeps.cli.output import err, out, print_json
from sweeps.export.selection import HOWS
from trainer.formats.catalogue import ALL, FORMATS


def add_verbs(verbs: Verbs) -> None:
    """Add ``export`` and ``predict``."""
    _export_options(verbs.add(export, "export digits --how ensemble --format keras,onnx --out models"))
    predicting = verbs.add(predict, "predict models/digits-resnet-refit-f1_0.9811 photos")
    predicting.add_argument("model", type=Path, help="an exported model's folder, or a file in it")
    predicting.add_argument("images", type=Path, nargs="+", help="image files (PNG, JPEG) or folders of them")
    json_option(predicting)


def _export_options(added: argparse.ArgumentParser) -> None:
    added.add_argument("sweep", help="name of the sweep")
    added.add_argument("--architecture", help="its best trial instead of the best of all")
    added.add_argument("--trial", metavar="ARCHITECTURE/NUMBER", help="this trial instead of the best")
    added.add_argument(
        "--how",
        choices=HOWS,
        default="refit",
        help="train on all the data for the median best epoch of the folds (refit, the default), average the "
        "fold models (ensemble), or take the best of them (best-fold)",
    )
    added.add_argument(
        "--format",
        action="append",
        metavar="FORMAT[,FORMAT]",
        help=f"{', '.join(FORMATS)} or {ALL} (default: keras)",
    )
    added.add_argument("--out", type=Path, default=Path(), help="folder for the model's own (default: here)")
    added.add_argument("--force", action="store_true", help="replace another model of the same name")
    tracking_option(added)
    json_option(added)


def export(options: Arguments) -> int:
    """Take the best model home, in the format that the next program needs."""
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
        tracking_uri=options.tracking_uri,
        say=lambda text: err.print(text, markup=False),
    )
    if options.json:
        print_json({"folder": str(done.folder), **done.about.to_json()})
    else:
        for line in tables.export_lines(done):
            out.print(line, markup=False)
    return 0


def predict(options: Arguments) -> int:
    """Classify image files with an exported model."""
    from sweeps.export import predict

    predictions = predict.predict(options.model, options.images)
    if options.json:
        print_json([asdict(each) for each in predictions])
    else:
        for line in tables.prediction_lines(predictions):
            out.print(line, markup=False)
    return 0

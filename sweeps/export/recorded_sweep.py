"""The model of a recorded sweep, found by the sweep's name: exported, or exported before and still there."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sweeps.diagnostics.machine import available_cores
from sweeps.export import model_folder
from sweeps.export.pipeline import Exported, export
from sweeps.export.request import ExportRequest
from sweeps.export.selection import How, ModelSelection, choose, pick
from sweeps.home import Home
from sweeps.mlflow_record import mlflow_view
from sweeps.tracking_place import place_of
from tracking.ledger.ledger import Ledger
from trainer.errors import Mismatch
from trainer.fits.names import fit_name
from trainer.formats.catalogue import FORMATS, parse

KERAS = str(FORMATS["keras"].file)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """How a model is to be exported.

    Attributes:
        how: ``"refit"`` (trained on all training data), ``"ensemble"`` (the fold models, averaged) or
            ``"best-fold"``.
        architecture: its best trial instead of the best of all.
        trial: this one, like ``"resnet/3"``.
        formats: of ``trainer.formats.catalogue.FORMATS``, or ``"all"``.
        out: folder that takes the model's own folder.
        force: replace another model of the same name.
        tracking_uri: MLflow's store, for its format; where the sweep's record is if None.
        processes: number of processes that train side by side; one per core if None.
        say: called with what is being done, once the input has been found right.
    """

    how: How = "refit"
    architecture: str | None = None
    trial: str | None = None
    formats: Sequence[str] = ("keras",)
    out: Path | str = Path()
    force: bool = False
    tracking_uri: str | None = None
    processes: int | None = None
    say: Callable[[str], None] = lambda _text: None


def export_recorded(home: Home, name: str, options: ExportOptions) -> Exported:
    """Make a model of a recorded sweep, write it in every format asked for, prove each file.

    Raises:
        UsageError: if there is no such sweep or trial, or the model cannot be exported like that.
        Mismatch: if the record was changed, or what was trained again is not what was recorded, or a file not
            what was trained.
        ViewUnavailable: if MLflow cannot take the model.
    """
    with Ledger.read(home.path) as ledger:  # says so where there is none, and creates nothing
        choose_recorded(ledger, name, options)
    wanted = parse(list(options.formats))
    with Ledger.open(home.path) as ledger:  # now, not when a trained model would have to be entered
        chosen = choose_recorded(ledger, name, options)
        entry = ledger.entry(name)
        assert entry is not None  # noqa: S101 - choosing has raised otherwise
        place = place_of(home, entry, options.tracking_uri) if "mlflow" in wanted else None
        for note in place.notes if place else ():
            options.say(note)
        _check_checksums(ledger, name, chosen)
        request = ExportRequest(
            record=ledger.sweep(name),
            entry=entry,
            earlier=ledger.exports(name),
            choice=chosen,
            formats=wanted,
            out=Path(options.out),
            force=options.force,
            home=home.path,
            log=home.worker_log,
            processes=options.processes or available_cores(),
            tracking_uri=place.uri if place else "",
            view=mlflow_view(home, place.uri, entry.details.experiment) if place else None,
            say=options.say,
        )
        done = export(request)
        ledger.add_export(name, {**done.about.to_json(), "folder": str(done.folder.absolute())}, time.time())
    return done


def exported_folder(home: Home, name: str, options: ExportOptions) -> Path:
    """Return the folder of a model in Keras' form: of an earlier export that still stands, else of a new one.

    Raises:
        UsageError, Mismatch: as ``export_recorded``.
    """
    with Ledger.read(home.path) as ledger:
        key = choose_recorded(ledger, name, options).key
        folders = [Path(each.folder) for each in ledger.exports(name) if each.key == key]
    for folder in reversed(folders):
        about = model_folder.read_about(folder)
        if about and about.key == key and "keras" in about.formats and (folder / KERAS).is_file():
            return folder
    return export_recorded(home, name, replace(options, formats=("keras",))).folder


def choose_recorded(ledger: Ledger, name: str, options: ExportOptions) -> ModelSelection:
    """Return which model of a sweep is meant.

    Raises:
        UsageError: if there is no such sweep, architecture or trial.
    """
    record = ledger.sweep(name)
    return choose(record, pick(record, options.architecture, options.trial), options.how)


def _check_checksums(ledger: Ledger, name: str, choice: ModelSelection) -> None:
    """Refuse a trial whose rows are not what was written: its scores and epochs decide the model.

    Raises:
        Mismatch: naming the first fit.
    """
    changed = set(ledger.changed_fits(name))
    for fold in choice.trial.folds:
        if fold.spec.key in changed:
            raise Mismatch(
                f"the record of {fit_name(fold.spec, choice.trial.number)} was changed after it was written: "
                f"nothing was exported; 'refold verify {name}' says what differs"
            )

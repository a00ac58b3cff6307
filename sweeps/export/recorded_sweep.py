"""The model of a recorded sweep, by the sweep's name: exported now, or found from an earlier export."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sweeps import account
from sweeps.analysis.best_trial import pick, reason
from sweeps.definition.exam import exam_images
from sweeps.diagnostics.machine import worker_count
from sweeps.export import model_folder
from sweeps.export.pipeline import Exported, export
from sweeps.export.request import ExportRequest
from sweeps.export.selection import How, ModelSelection, choose
from sweeps.export.with_exam import chosen as chosen_with_exam
from sweeps.home import Home
from sweeps.mlflow_record import mlflow_view
from sweeps.retraining.recorded_code import admit
from sweeps.retraining.recorded_fits import dataset_of
from sweeps.tracking_place import place_of
from tracking.ledger.ledger import Ledger
from tracking.ledger.lock import Turn, turn
from tracking.records import Opening
from trainer.datasets import Dataset
from trainer.errors import Mismatch
from trainer.escaping import for_shell
from trainer.fits.names import fit_name
from trainer.formats.catalogue import FORMATS, parse, unnamed

KERAS = str(FORMATS["keras"].file)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """The options of an export.

    Attributes:
        how: ``"refit"`` (trained on all training data), ``"ensemble"`` (the average of the fold models) or
            ``"best-fold"`` (one fold's model).
        architecture: take the best trial of this architecture; the best of all architectures if None.
        trial: take this trial, like ``"resnet/3"``.
        formats: names in ``trainer.formats.catalogue.FORMATS``, or ``"all"``: those that can hold the model.
        out: the folder in which the model's own folder is made.
        force: whether to replace another model of the same name.
        tracking_uri: MLflow's store, for the format ``"mlflow"``; if None, the store that has the sweep's
            record.
        processes: number of processes that train side by side; one per core if None.
        say: called with each line about the progress, after the input has been checked.
        wait: whether to wait for another process that holds the ledger.
        trust_code: whether recorded code may run; see ``recorded_code.admit``.
        include_exam: whether to train the refit on the exam's images too; no image is left to score it on.
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
    wait: bool = False
    trust_code: bool = False
    include_exam: bool = False


def export_recorded(home: Home, name: str, options: ExportOptions) -> Exported:
    """Make a model of a recorded sweep, write it in every format asked for, prove each file.

    Raises:
        UsageError: if there is no such sweep or trial, the model cannot be exported like that, or its
            recorded code is not trusted.
        Mismatch: if the record was changed, a fit trained again differs from its record, or a file differs
            from the trained model.
        ViewUnavailable: if the model cannot be written to MLflow.
    """
    wanted = parse(list(options.formats))
    with turn(home.path, options.say if options.wait else None) as mine:
        return _export_now(home, name, options, wanted, mine)


def _export_now(
    home: Home, name: str, options: ExportOptions, wanted: tuple[str, ...], mine: Turn
) -> Exported:
    """Export in one's turn to write to the home."""
    with Ledger.read(home.path) as ledger:  # raises if there is no ledger, and creates none
        _choose(home, ledger, name, options)
    # The lock is taken before hours of training, because the export is entered at their end.
    with Ledger.open(home.path, mine) as ledger:
        chosen, data, exam = _choose(home, ledger, name, options)
        entry = ledger.entry(name)
        assert entry is not None  # noqa: S101 - choose_recorded has raised otherwise
        place = place_of(home, entry, options.tracking_uri) if "mlflow" in wanted else None
        for note in place.notes if place else ():
            options.say(note)
        _check_checksums(ledger, name, chosen)
        architecture = chosen.trial.architecture
        request = ExportRequest(
            record=ledger.sweep(name),
            entry=entry,
            code=admit(home.path, entry, [architecture], trust_code=options.trust_code),
            earlier=ledger.exports(name),
            choice=chosen,
            trained_on=data,
            exam=exam,
            formats=wanted,
            dispensable=unnamed(list(options.formats)),
            out=Path(options.out),
            force=options.force,
            home=home.path,
            log=home.worker_log,
            processes=worker_count(options.processes),
            tracking_uri=place.uri if place else "",
            view=mlflow_view(home, place.uri, entry.details.experiment) if place else None,
            say=options.say,
            opening=lambda exam: _open(ledger, exam, name, chosen),
        )
        because = reason(request.record, options.architecture, options.trial)
        done = replace(export(request), chosen=because)
        ledger.add_export(name, {**done.about.to_json(), "folder": str(done.folder.absolute())}, time.time())
    return done


def _open(ledger: Ledger, exam: str, name: str, choice: ModelSelection) -> str:
    """Record that the model is scored on the exam; return when it was first, in words."""
    before = [opening for opening in ledger.openings(exam) if opening.model == choice.key]
    if before:
        day = datetime.fromtimestamp(before[0].at).date().isoformat()
        return f"opened by {before[0].purpose} on {day}"
    ledger.add_opening(Opening(exam=exam, sweep=name, purpose="export", model=choice.key, at=time.time()))
    return "opened now"


def exported_folder(home: Home, name: str, options: ExportOptions) -> Path:
    """Return a folder with the model's Keras file, from an earlier export if it still exists.

    Raises:
        UsageError, Mismatch: as for ``export_recorded``.
    """
    with Ledger.read(home.path) as ledger:
        key = choose_recorded(ledger, name, options).key
        folders = [Path(each.folder) for each in ledger.exports(name) if each.key == key]
    if not account.made(home.path):  # a record of somebody else's could name any model of this machine
        folders = [folder for folder in folders if home.path.resolve() in folder.resolve().parents]
    for folder in reversed(folders):
        about = model_folder.read_about(folder)
        if about and about.key == key and "keras" in about.formats and (folder / KERAS).is_file():
            return folder
    return export_recorded(home, name, replace(options, formats=("keras",))).folder


def choose_recorded(ledger: Ledger, name: str, options: ExportOptions) -> ModelSelection:
    """Return the model of a sweep that the options select.

    Raises:
        UsageError: if there is no such sweep, architecture or trial.
    """
    record = ledger.sweep(name)
    return choose(record, pick(record, options.architecture, options.trial), options.how)


def _choose(
    home: Home, ledger: Ledger, name: str, options: ExportOptions
) -> tuple[ModelSelection, Dataset | None, Dataset | None]:
    """Return the model; if it is trained on the exam too, all its images and the exam."""
    if not options.include_exam:
        return choose_recorded(ledger, name, options), None, None
    record, entry = ledger.sweep(name), ledger.entry(name)
    assert entry is not None  # noqa: S101 - the line above has raised otherwise
    found = exam_images(home.path, entry) if entry.dataset.exam is not None else None
    exam = None if found is None else found[0]
    trial = pick(record, options.architecture, options.trial)
    choice, data = chosen_with_exam(record, trial, options.how, lambda: (dataset_of(home.path, entry), exam))
    return choice, data, exam


def _check_checksums(ledger: Ledger, name: str, choice: ModelSelection) -> None:
    """Refuse a trial whose recorded rows were changed: its scores and epochs decide the model.

    Raises:
        Mismatch: if a row was changed; the message names the first fit.
    """
    changed = set(ledger.changed_fits(name))
    for fold in choice.trial.folds:
        if fold.spec.key in changed:
            raise Mismatch(
                f"the record of {fit_name(fold.spec, choice.trial.number)} was changed after it was written: "
                f"nothing was exported; 'refold verify {for_shell(name)}' says what differs"
            )

"""Looking at what is recorded, and removing it: ``refold ls``, ``show``, ``study``, ``rm``."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from sweeps.cli import tables
from sweeps.cli.options import Arguments, Verbs, json_option, tracking_option
from sweeps.cli.output import err, out, print_json, say
from sweeps.home import Home
from sweeps.tracking_place import said_of, shown_uri
from trainer.errors import UsageError

if TYPE_CHECKING:
    from tracking.records import SweepRecord, TrialRecord


def add_verbs(verbs: Verbs) -> None:
    """Add ``ls``, ``show``, ``study`` and ``rm``."""
    json_option(verbs.add(ls, "ls --json"))
    showing = verbs.add(show, "show digits --trial resnet/3")
    showing.add_argument("sweep", help="name of the sweep")
    showing.add_argument("--trial", metavar="ARCHITECTURE/NUMBER", help="one trial: folds, seeds, report")
    json_option(showing)
    studying = verbs.add(study, "study digits --storage sqlite:///study.db")
    studying.add_argument("sweep", help="name of the sweep")
    studying.add_argument("--storage", required=True, metavar="URL", help="a database: SQLite or PostgreSQL")
    json_option(studying)
    removing = verbs.add(rm, "rm digits --yes")
    removing.add_argument("sweep", help="name of the sweep")
    removing.add_argument("--yes", action="store_true", help="do not ask")
    removing.add_argument("--keep-mlflow", action="store_true", help="leave MLflow's record alone")
    tracking_option(removing)


def ls(options: Arguments) -> int:
    """List the sweeps of a home."""
    from tracking.ledger.ledger import Ledger

    records = []
    with Ledger.read(Home.chosen(options.home).path) as ledger:
        for name in ledger.sweep_names():
            try:
                records.append(ledger.sweep(name))
            except UsageError as error:  # one damaged sweep must not hide the others
                err.print(f"refold: {error}", markup=False)
    if options.json:
        keep = ("sweep", "seed", "key", "digest", "finished", "dataset")
        print_json([{key: tables.sweep_json(record)[key] for key in keep} for record in records])
    else:
        out.print(tables.sweeps_table(records))
    return 0


def show(options: Arguments) -> int:
    """Show one sweep, or one of its trials."""
    from sweeps.export.selection import find_trial
    from tracking.ledger.ledger import Ledger

    home = Home.chosen(options.home)
    with Ledger.read(home.path) as ledger:
        record, entry = ledger.sweep(options.sweep), ledger.entry(options.sweep)
    kept = entry.details.tracking if entry else None
    if options.trial:
        return _show_trial(record, find_trial(record, options.trial), options)
    if options.json:
        print_json(tables.sweep_json(record) | {"tracking_uri": shown_uri(home, kept)})
        return 0
    out.print(
        f"sweep {record.name}: seed {record.seed}, {record.dataset.samples} images of {record.dataset.name}, "
        f"dataset {record.dataset.fingerprint[:16]}",
        markup=False,
    )
    out.print(f"digest {record.digest}" + ("" if record.finished else " (not finished)"))
    if kept is not None:
        out.print(f"MLflow's record is {said_of(home, kept)}", markup=False)
    out.print()
    tables.print_leaderboard(out, record)
    out.print()
    out.print(tables.trials_table(record))
    return 0


def _show_trial(record: "SweepRecord", trial: "TrialRecord", options: Arguments) -> int:
    from tracking.reports.class_report import class_report, report_text

    if options.json:
        more = {"confusion": trial.confusion, "classes": list(record.dataset.classes)}
        print_json(tables.trial_json(trial) | more)
        return 0
    out.print(f"{trial.name}: {trial.state}, proposed with seed {trial.seed}")
    for name, value in sorted(trial.hyperparameters.items()):
        out.print(f"  {name:<16} {value}", markup=False)
    if trial.reason:
        out.print(f"  {trial.reason}", markup=False)
    out.print()
    out.print(tables.folds_table(trial))
    if trial.confusion:
        out.print("\nout-of-fold predictions of all folds together:")
        out.print(report_text(class_report(trial, record.dataset.classes)), markup=False)
    return 0


def study(options: Arguments) -> int:
    """Write a sweep as Optuna studies, for optuna-dashboard and Optuna's own plots."""
    from sweeps.search.optuna_export import write_studies
    from tracking.ledger.ledger import Ledger
    from tracking.mlflow.uri import shown

    home = Home.chosen(options.home)
    with Ledger.read(home.path) as ledger:
        record, entry = ledger.sweep(options.sweep), ledger.entry(options.sweep)
    assert entry is not None  # noqa: S101 - ledger.sweep has raised otherwise
    written = write_studies(record, entry, options.storage, home.path)
    if options.json:
        print_json([asdict(each) for each in written])
        return 0
    width = max(len(each.study) for each in written)
    for each in written:
        more = f", {each.waiting} not ended yet" if each.waiting else ""
        out.print(f"{each.study:<{width}}  {each.trials} trials, {each.added} added now{more}", markup=False)
    out.print("\nnext:")
    out.print(
        f"  optuna-dashboard {shown(options.storage)}  (after pip install optuna-dashboard)", markup=False
    )
    return 0


def rm(options: Arguments) -> int:
    """Delete a sweep: its ledger entries, its MLflow runs and their artifacts."""
    from sweeps.removal import removal_of, remove

    home = Home.chosen(options.home)
    removal = removal_of(
        home, options.sweep, tracking_uri=options.tracking_uri, mlflow=not options.keep_mlflow
    )
    for line in removal.lines():
        say(line)
    if not options.yes and not _confirmed():
        raise UsageError("nothing was removed: answer y, or add --yes")
    remove(removal)
    say("removed")
    return 0


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        return False
    err.print("remove it? [y/N] ", end="")
    return input().strip().lower() in ("y", "yes")

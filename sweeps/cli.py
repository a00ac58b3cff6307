"""The command line: ``refold VERB``. Each verb is one function; what they do stands elsewhere.

Exit codes: 0 done; 1 the answer is no; 2 wrong input; 130 interrupted.
"""

import argparse
import json
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console

from sweeps import tables
from sweeps.home import Home
from trainer.errors import Mismatch, UsageError

#: A pipe or a file has no width of its own; tables should not be folded to 80 columns in it.
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Arguments = argparse.Namespace


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    options = parser().parse_args(arguments)
    try:
        code = options.verb(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        err.print("\ninterrupted; what has finished is recorded, run the same command again to go on")
        code = 130
    except BrokenPipeError:  # 'refold show ... | head'
        sys.stderr.close()
        code = 0
    except Exception as error:  # noqa: BLE001 - the one place where nothing may get past
        if options.debug:
            traceback.print_exc()
        code = 2 if isinstance(error, UsageError) else 1
        known = isinstance(error, UsageError | Mismatch) or type(error).__name__ in KNOWN
        hint = "" if known else " (an error in refold; --debug shows where)"
        name = "" if known else f"{type(error).__name__}: "
        err.print(f"refold: {name}{error}{hint}", markup=False)
    sys.exit(code)


#: Errors that say all there is to say; named, so that Dask and MLflow are not imported for it.
KNOWN = ("WorkersFailed", "ViewUnavailable")


def run(options: Arguments) -> int:
    """Run or resume a sweep."""
    from sweeps import sessions

    prepared = sessions.ready(Path(options.sweep))
    if options.dry_run:
        return _dry_run(prepared, options)
    outcome = sessions.run(
        prepared,
        home=options.home,
        workers=options.workers,
        tracking_uri=options.tracking_uri,
        progress=not options.quiet,
        console=err,
    )
    record = outcome.record
    if options.json:
        _print_json(tables.sweep_json(record))
    else:
        _print_leaderboard(record)
        _say_what_next(record, options)
    lost = set(record.architectures) - {trial.architecture for trial in record.winners}
    return 1 if lost else 0


def _print_leaderboard(record: Any) -> None:
    out.print(tables.leaderboard(record))
    for line in tables.without_winner(record):
        out.print(line, markup=False)


def _say_what_next(record: Any, options: Arguments) -> None:
    for trial in record.winners:
        for note in dict.fromkeys(note for fold in trial.folds for note in fold.run.result.notes):
            out.print(f"note on {trial.architecture} {tables.label(trial)}: {note}", markup=False)
    home = f" --home {options.home}" if options.home else ""
    out.print(f"\nsweep {record.name}, seed {record.seed}, digest {record.digest}", markup=False)
    if len(record.trials) > len(record.winners):
        out.print("Each is the best of its trials, so expect a little less of it on new data.")
    lines = (
        (f"refold show {record.name}{home}", "every trial; --trial ARCHITECTURE/NUMBER for one"),
        (f"refold ui{home}", "curves and confusion matrices, in MLflow"),
        (f"refold export {record.name}{home}", "the best model, trained on all the data"),
    )
    width = max(len(command) for command, _ in lines)
    out.print("\nnext:")
    for command, what in lines:
        out.print(f"  {command:<{width}}  {what}", markup=False)


def _dry_run(prepared: Any, options: Arguments) -> int:
    plan, dataset = prepared.plan, prepared.dataset
    fits = plan.trials * plan.cv.folds
    report = {
        "sweep": prepared.spec.name,
        "dataset": {"name": dataset.name, "samples": len(dataset.labels), "input_shape": dataset.input_shape},
        "trials_per_architecture": plan.trials,
        "folds": plan.cv.folds,
        "fits": fits * len(plan.architectures),
        "epochs_at_most": fits * len(plan.architectures) * plan.cv.epochs,
        "architectures": {a.name: {k: _words(r) for k, r in a.space.items()} for a in plan.architectures},
    }
    if options.json:
        _print_json(report)
        return 0
    height, width, channels = dataset.input_shape
    out.print(
        f"sweep {prepared.spec.name}: {len(dataset.labels)} images {height}x{width}x{channels} of "
        f"{dataset.name}, {len(dataset.classes)} classes",
        markup=False,
    )
    out.print(
        f"{len(plan.architectures)} architectures x {plan.trials} trials x {plan.cv.folds} folds = "
        f"{report['fits']} fits of at most {plan.cv.epochs} epochs"
    )
    for name, space in report["architectures"].items():
        out.print(f"\n{name}")
        for hyperparameter, words in space.items():
            out.print(f"  {hyperparameter:<16} {words}", markup=False)
    return 0


def _words(choices: Any) -> str:
    fields = {name: getattr(choices, name) for name in type(choices).__slots__}
    if "low" in fields:
        return f"{fields['low']:g} to {fields['high']:g}" + (" (log)" if fields["log"] else "")
    return ", ".join(map(str, fields["values"])) if "values" in fields else f"{fields['value']} (fixed)"


def ls(options: Arguments) -> int:
    """List the sweeps of a home."""
    from tracking.ledger import Ledger

    with Ledger.read(Home.chosen(options.home).path) as ledger:
        records = [ledger.sweep(name) for name in ledger.sweep_names()]
    if options.json:
        keep = ("sweep", "seed", "key", "digest", "finished", "dataset")
        _print_json([{key: tables.sweep_json(record)[key] for key in keep} for record in records])
    else:
        out.print(tables.sweeps_table(records))
    return 0


def show(options: Arguments) -> int:
    """Show one sweep, or one of its trials."""
    from tracking.ledger import Ledger

    with Ledger.read(Home.chosen(options.home).path) as ledger:
        record = ledger.sweep(options.sweep)
    if options.trial:
        return _show_trial(record, _trial(record, options.trial), options)
    if options.json:
        _print_json(tables.sweep_json(record))
        return 0
    out.print(
        f"sweep {record.name}: seed {record.seed}, {record.dataset.samples} images of {record.dataset.name}, "
        f"dataset {record.dataset.fingerprint[:16]}",
        markup=False,
    )
    out.print(f"digest {record.digest}" + ("" if record.finished else " (not finished)"))
    out.print()
    _print_leaderboard(record)
    out.print()
    out.print(tables.trials_table(record))
    return 0


def _trial(record: Any, text: str) -> Any:
    architecture, _, number = text.partition("/")
    for trial in record.trials:
        if f"{trial.architecture}/{trial.number}" == f"{architecture}/{number.lstrip('t0') or 0}":
            return trial
    last = record.trials_per_architecture - 1
    known = ", ".join(f"{name}/0 to {name}/{last}" for name in record.architectures)
    raise UsageError(f"the sweep {record.name!r} has no trial {text!r}; it has {known}")


def _show_trial(record: Any, trial: Any, options: Arguments) -> int:
    from tracking.report import class_report, report_text

    if options.json:
        more = {"confusion": trial.confusion, "classes": list(record.dataset.classes)}
        _print_json(tables.trial_json(trial) | more)
        return 0
    out.print(f"{trial.architecture} {tables.label(trial)}: {trial.state}, trial seed {trial.seed}")
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


def export(options: Arguments) -> int:
    """Export the best model."""
    from sweeps.sessions import Outcome

    err.print("training on all the data, then loading the file in a new process to compare ...")
    done = Outcome(Home.chosen(options.home), options.sweep).export(
        architecture=options.architecture, out=options.out, force=options.force
    )
    card = done.card
    if options.json:
        _print_json({"model": str(done.model), "card": str(done.card_file), **card})
        return 0
    out.print(f"model  {done.model}", markup=False)
    out.print(f"card   {done.card_file}", markup=False)
    score = card["cross_validation"]
    out.print(f"{card['architecture']} trial {card['trial']}, trained for {card['epochs']} epochs")
    out.print(f"cross-validation  macro-F1 {score['f1']:.4f}")
    if card["test"]:
        test = card["test"]
        out.print(
            f"official test set macro-F1 {test['f1']:.4f}, accuracy {test['accuracy']:.4f} "
            f"({test['images']} images, opened now)"
        )
    checked = card["reloaded"]
    out.print(
        f"loaded again in a new process: the same probabilities for {checked['images']} images "
        f"(largest difference {checked['largest_difference']:.2g})"
    )
    return 0


def rm(options: Arguments) -> int:
    """Delete a sweep: its ledger entries, its MLflow runs and their artifacts."""
    from sweeps.sessions import mlflow_view
    from tracking.ledger import Ledger

    home = Home.chosen(options.home)
    uri = home.tracking_uri(options.tracking_uri)
    with Ledger.read(home.path) as reader:
        record, entry = reader.sweep(options.sweep), reader.entry(options.sweep)
    fits = sum(len(trial.folds) for trial in record.trials)
    err.print(f"removes the sweep {record.name}: {len(record.trials)} trials, {fits} fits", markup=False)
    view = mlflow_view(home, uri, entry.details["experiment"]) if entry else None
    if not options.keep_mlflow and view:
        found = view.locate(record)
        err.print(f"and from MLflow at {uri}: {found}", markup=False)
    if not options.yes and not _confirmed():
        raise UsageError("nothing was removed: answer y, or add --yes")
    with Ledger.open(home.path) as ledger:
        if not options.keep_mlflow and view:
            view.delete(record)
        ledger.remove_sweep(record.name)
    err.print("removed")
    return 0


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        return False
    err.print("remove it? [y/N] ", end="")
    return input().strip().lower() in ("y", "yes")


def sync(options: Arguments) -> int:
    """Bring MLflow up to date with the ledger."""
    from sweeps.sessions import mlflow_view
    from tracking.ledger import Ledger

    home = Home.chosen(options.home)
    with Ledger.open(home.path) as ledger:
        names = [options.sweep] if options.sweep else ledger.sweep_names()
        for name in names:
            record, entry = ledger.sweep(name), ledger.entry(name)
            experiment = entry.details["experiment"] if entry else name
            mlflow_view(home, home.tracking_uri(options.tracking_uri), experiment).write(record)
            err.print(f"MLflow has all of {name}: {len(record.trials)} trials", markup=False)
    return 0


def ui(options: Arguments) -> int:
    """Serve MLflow's own UI on this home."""
    from tracking.ui import serve_ui

    home = Home.chosen(options.home)
    if home.is_own(home.tracking_uri(options.tracking_uri)) and not (home.path / "mlflow.db").exists():
        raise UsageError(f"no sweep has run in {home.path}: there is nothing to show yet")
    serve_ui(home.tracking_uri(options.tracking_uri), options.port, open_browser=options.open)
    return 0


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    top = argparse.ArgumentParser(
        prog="refold",
        description="Hyperparameter sweeps over CNN architectures that repeat bit for bit.",
        epilog="Begin with: refold run examples/digits.toml",
    )
    top.add_argument("--version", action="version", version=f"refold {version('refold')}")
    verbs = top.add_subparsers(metavar="VERB", required=True)

    def verb(function: Callable[[Arguments], int], example: str) -> argparse.ArgumentParser:
        text = (function.__doc__ or "").strip()
        added = verbs.add_parser(
            function.__name__, help=text, description=text, epilog=f"Example: refold {example}"
        )
        added.set_defaults(verb=function)
        added.add_argument("--home", help="folder for everything (default: REFOLD_HOME or refold-runs)")
        added.add_argument("--debug", action="store_true", help="show where an error came from")
        return added

    _run_options(verb(run, "run examples/digits.toml --workers 2"))
    _json_option(verb(ls, "ls --json"))
    showing = _json_option(verb(show, "show digits --trial resnet/3"))
    showing.add_argument("sweep", help="name of the sweep")
    showing.add_argument("--trial", metavar="ARCHITECTURE/NUMBER", help="one trial: folds, seeds, report")
    exporting = _json_option(verb(export, "export digits --architecture resnet --out models"))
    exporting.add_argument("sweep", help="name of the sweep")
    exporting.add_argument("--architecture", help="its best trial instead of the best of all")
    exporting.add_argument("--how", choices=["refit"], default="refit", help="how the model is made")
    exporting.add_argument("--out", type=Path, default=Path(), help="folder for the model (default: here)")
    exporting.add_argument("--force", action="store_true", help="replace a model of the same name")
    serving = _tracking_option(verb(ui, "ui --port 5000 --open"))
    serving.add_argument("--port", type=int, default=5000, help="0 for any free one (default: 5000)")
    serving.add_argument("--open", action="store_true", help="open the browser")
    syncing = _tracking_option(verb(sync, "sync digits"))
    syncing.add_argument("sweep", nargs="?", help="name of the sweep (default: all)")
    removing = _tracking_option(verb(rm, "rm digits --yes"))
    removing.add_argument("sweep", help="name of the sweep")
    removing.add_argument("--yes", action="store_true", help="do not ask")
    removing.add_argument("--keep-mlflow", action="store_true", help="leave MLflow's record alone")
    return top


def _run_options(added: argparse.ArgumentParser) -> None:
    added.add_argument("sweep", help="the sweep file (TOML)")
    added.add_argument("--workers", type=_positive, help="training processes (default: one a core)")
    added.add_argument("--dry-run", action="store_true", help="list trials, folds and fits; start nothing")
    added.add_argument("--quiet", action="store_true", help="no progress")
    _json_option(_tracking_option(added))


def _json_option(added: argparse.ArgumentParser) -> argparse.ArgumentParser:
    added.add_argument("--json", action="store_true", help="print JSON")
    return added


def _tracking_option(added: argparse.ArgumentParser) -> argparse.ArgumentParser:
    added.add_argument("--tracking-uri", help="MLflow's store (default: MLFLOW_TRACKING_URI or in the home)")
    return added


def _positive(text: str) -> int:
    value = int(text) if text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return value


if __name__ == "__main__":
    main()

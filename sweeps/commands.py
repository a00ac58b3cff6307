"""What each verb of the command line does: one function a verb, ``verb(options) -> exit code``.

The first line of its docstring is its help. What it does stands elsewhere; here it is asked for and printed.
"""

import argparse
import json
import os
import shlex
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from sweeps import dry_run, tables
from sweeps.home import Home
from trainer.errors import UsageError


#: A pipe or a file has no width of its own; tables should not be folded to 80 columns in it.
class _Output(Console):
    """Standard output that lets 'refold show ... | head' end well; Rich would exit with 1."""

    def on_broken_pipe(self) -> None:
        """Leave it to ``main``."""
        raise BrokenPipeError


out = _Output(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Arguments = argparse.Namespace


def run(options: Arguments) -> int:
    """Run or resume a sweep."""
    from sweeps import sessions

    prepared = sessions.ready(Path(options.sweep))
    if options.dry_run:
        report = dry_run.report(prepared)
        if options.json:
            _print_json(report)
        else:
            out.print("\n".join(dry_run.lines(report)), markup=False)
        return 0
    outcome = sessions.run(
        prepared,
        home=options.home,
        workers=options.workers,
        cluster=_cluster(options),
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


def _cluster(options: Arguments) -> Any:
    from sweeps.sessions import PATIENCE, Cluster

    there = options.cluster or os.environ.get("REFOLD_CLUSTER")
    if not there:
        given = [name for name in ("certificates", "mixed", "wait") if getattr(options, name)]
        if given:
            raise UsageError(f"--{given[0]} is for a cluster: give its scheduler with --cluster ADDRESS")
        return None
    return Cluster(
        address=there,
        certificates=options.certificates,
        mixed=options.mixed,
        patience=options.wait or PATIENCE,
    )


def _print_leaderboard(record: Any) -> None:
    out.print(tables.leaderboard(record))
    for line in [*tables.without_winner(record), *tables.what_pruning_saved(record)]:
        out.print(line, markup=False)


def _say_what_next(record: Any, options: Arguments) -> None:
    for trial in record.winners:
        for note in dict.fromkeys(note for fold in trial.folds for note in fold.run.result.notes):
            out.print(f"note on {trial.architecture} {tables.label(trial)}: {note}", markup=False)
    home = f" --home {shlex.quote(options.home)}" if options.home else ""
    uri = f" --tracking-uri {shlex.quote(options.tracking_uri)}" if options.tracking_uri else ""
    out.print(f"\nsweep {record.name}, seed {record.seed}, digest {record.digest}", markup=False)
    if len(record.trials) > len(record.winners):
        out.print("Each is the best of its trials, so expect a little less of it on new data.")
    lines = (
        (f"refold show {record.name}{home}", "every trial; --trial ARCHITECTURE/NUMBER for one"),
        (f"refold ui{home}{uri}", "curves and confusion matrices, in MLflow"),
        (f"refold compare {record.name}{home}", "which architecture is better, and how sure"),
        (f"refold verify {record.name}{home}", "train a sample of it again, compare every digest"),
        (f"refold export {record.name}{home}", "the best model, trained on all the data"),
        (f"refold study {record.name}{home} --storage sqlite:///study.db", "the same for optuna-dashboard"),
    )
    width = max(len(command) for command, _ in lines)
    out.print("\nnext:")
    for command, what in lines:
        out.print(f"  {command:<{width}}  {what}", markup=False)


def ls(options: Arguments) -> int:
    """List the sweeps of a home."""
    from tracking.ledger import Ledger

    records = []
    with Ledger.read(Home.chosen(options.home).path) as ledger:
        for name in ledger.sweep_names():
            try:
                records.append(ledger.sweep(name))
            except UsageError as error:  # one damaged sweep must not hide the others
                err.print(f"refold: {error}", markup=False)
    if options.json:
        keep = ("sweep", "seed", "key", "digest", "finished", "dataset")
        _print_json([{key: tables.sweep_json(record)[key] for key in keep} for record in records])
    else:
        out.print(tables.sweeps_table(records))
    return 0


def show(options: Arguments) -> int:
    """Show one sweep, or one of its trials."""
    from sweeps.choosing import find_trial
    from tracking.ledger import Ledger

    with Ledger.read(Home.chosen(options.home).path) as ledger:
        record = ledger.sweep(options.sweep)
    if options.trial:
        return _show_trial(record, find_trial(record, options.trial), options)
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


def _show_trial(record: Any, trial: Any, options: Arguments) -> int:
    from tracking.report import class_report, report_text

    if options.json:
        more = {"confusion": trial.confusion, "classes": list(record.dataset.classes)}
        _print_json(tables.trial_json(trial) | more)
        return 0
    out.print(f"{trial.architecture} {tables.label(trial)}: {trial.state}, proposed with seed {trial.seed}")
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


def verify(options: Arguments) -> int:
    """Train again from the record and compare every digest."""
    from sweeps import sessions, verifying

    home = Home.chosen(options.home)
    name, architecture, trial = sessions.named(home, options.sweep, options.trial, options.tracking_uri)
    wanted = verifying.Wanted(
        everything=options.all, architecture=architecture, trial=trial, fold=options.fold
    )
    report = sessions.verify(home, name, wanted, workers=options.workers, say=err.print)
    if options.json:
        _print_json(tables.verification_json(report))
    else:
        for line in tables.verification_lines(report):
            out.print(line, markup=False)
    return 1 if report.differences else 0


def compare(options: Arguments) -> int:
    """Say which architecture is better and how sure that is, after fresh repeats of each winner."""
    from sweeps import comparison_page, comparison_tables, comparison_words, studies

    if options.html and not options.html.parent.is_dir():
        raise UsageError(f"--html: there is no folder {options.html.parent}")
    found = studies.compare(
        _surroundings(options),
        options.sweep,
        repeats=options.repeats,
        rope=options.rope,
        claim=options.claim,
    )
    if options.html:
        options.html.write_text(comparison_page.page(found), encoding="utf-8")
    if options.json:
        _print_json(comparison_words.to_json(found))
    else:
        out.print(comparison_tables.contenders_table(found))
        out.print()
        if found.pairs:
            out.print(comparison_tables.pairs_table(found))
            out.print()
        out.print("\n".join(comparison_tables.remarks(found)), markup=False)
        if options.html:
            out.print(f"\npage  {options.html}", markup=False)
    return 1 if found.left_out else 0


def variance(options: Arguments) -> int:
    """Say how much of a score's variance comes from which seeds, and from the hyperparameters."""
    from sweeps import studies, variances

    where = _surroundings(options)
    if options.dry_run:
        _, _, wanted = studies.variance_fits(where, options.sweep, options.architecture, options.rows)
        names = ", ".join(variances.SOURCES)
        out.print(
            f"{wanted.trial.architecture} t{wanted.trial.number:04}: {options.rows} rows of {variances.ROW} "
            f"fits: two with everything varied, one each for {names}",
            markup=False,
        )
        out.print(studies.expected_cost(where, [wanted]), markup=False)
        return 0
    found = studies.variance(where, options.sweep, architecture=options.architecture, rows=options.rows)
    if options.json:
        _print_json(variances.to_json(found))
    else:
        out.print("\n".join(variances.lines(found)), markup=False)
    return 0


def _surroundings(options: Arguments) -> Any:
    from sweeps.studies import Surroundings

    return Surroundings(
        home=Home.chosen(options.home),
        workers=options.workers,
        tracking_uri=options.tracking_uri,
        console=err,
    )


def plan(options: Arguments) -> int:
    """Say how many runs a difference of a given size needs."""
    from sweeps import run_numbers

    if (options.sweep is None) == (options.scores is None):
        raise UsageError("name a recorded sweep, or give --scores of runs that you have: one of the two")
    if options.scores is not None:
        report = run_numbers.from_scores(options.scores, architectures=options.architectures)
        lines = run_numbers.score_lines(report)
    else:
        report = run_numbers.from_record(_record(options))
        lines = run_numbers.repeat_lines(report)
    if options.json:
        _print_json(report)
    else:
        out.print("\n".join(lines), markup=False)
    return 0


def _record(options: Arguments) -> Any:
    from tracking.ledger import Ledger

    with Ledger.read(Home.chosen(options.home).path) as ledger:
        return ledger.sweep(options.sweep)


def export(options: Arguments) -> int:
    """Take the best model home, in the format that the next program needs."""
    from sweeps.outcome import Outcome

    done = Outcome(Home.chosen(options.home), options.sweep).export(
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
        _print_json({"folder": str(done.folder), **done.about})
    else:
        for line in tables.export_lines(done):
            out.print(line, markup=False)
    return 0


def predict(options: Arguments) -> int:
    """Classify image files with an exported model."""
    from sweeps import predicting

    predictions = predicting.predict(options.model, options.images)
    if options.json:
        _print_json([asdict(each) for each in predictions])
    else:
        for line in tables.prediction_lines(predictions):
            out.print(line, markup=False)
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
        entries = [ledger.entry(name) for name in ledger.sweep_names()]
        if record.dataset.fingerprint not in {entry.dataset.fingerprint for entry in entries if entry}:
            shutil.rmtree(home.path / "datasets" / record.dataset.fingerprint, ignore_errors=True)
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
    uri = home.tracking_uri(options.tracking_uri)
    with Ledger.read(home.path):  # says so where there is none, and creates nothing
        pass
    with Ledger.open(home.path) as ledger:  # held: while a sweep runs, its own recorder writes
        names = [options.sweep] if options.sweep else ledger.sweep_names()
        records = [ledger.sweep(name) for name in names]
        entries = [ledger.entry(name) for name in names]
        views = [mlflow_view(home, uri, entry.details["experiment"]) for entry in entries if entry]
        if options.rebuild:  # all of them before the first is written: experiments are made anew too
            for record, view in zip(records, views, strict=True):
                # Not the models that were exported there: the ledger alone cannot make them again.
                err.print(f"removed from MLflow: {view.delete(record, models=False)}", markup=False)
        for record, view in zip(records, views, strict=True):
            view.write(record, live=False)
            err.print(f"MLflow has all of {record.name}: {len(record.trials)} trials", markup=False)
    return 0


def study(options: Arguments) -> int:
    """Write a sweep as Optuna studies, for optuna-dashboard and Optuna's own plots."""
    from sweeps.optuna_study import write_studies
    from tracking.ledger import Ledger
    from tracking.mlflow_uri import shown

    home = Home.chosen(options.home)
    with Ledger.read(home.path) as ledger:
        record, entry = ledger.sweep(options.sweep), ledger.entry(options.sweep)
    assert entry is not None  # noqa: S101 - ledger.sweep has raised otherwise
    written = write_studies(record, entry, options.storage, home.path)
    if options.json:
        _print_json([asdict(each) for each in written])
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


def ui(options: Arguments) -> int:
    """Serve MLflow's own UI on this home."""
    from tracking.ui import serve_ui

    home = Home.chosen(options.home)
    if home.is_own(home.tracking_uri(options.tracking_uri)) and not (home.path / "mlflow.db").exists():
        raise UsageError(f"no sweep has run in {home.path}: there is nothing to show yet")
    serve_ui(home.tracking_uri(options.tracking_uri), options.port, open_browser=options.open)
    return 0


def doctor(options: Arguments) -> int:
    """Say what would break repeatability or speed here."""
    from sweeps import sessions
    from sweeps.doctor import examine

    prepared = sessions.ready(Path(options.sweep)) if options.sweep else None
    err.print("trying a real training step of each architecture ...")
    findings = examine(prepared, Home.chosen(options.home), options.workers)
    counts = {level: sum(f.level == level for f in findings) for level in ("problem", "note", "ok")}
    if options.json:
        _print_json({"findings": [asdict(finding) for finding in findings], "counts": counts})
    else:
        for f in findings:
            out.print(f"{f.level:<8} {f.subject}: {f.what}{f.do and ' -> '}{f.do}", markup=False)
        verdict = "would break repeatability or the sweep" if counts["problem"] else "nothing is in the way"
        out.print(f"\nproblems {counts['problem']}, notes {counts['note']}, ok {counts['ok']}: {verdict}")
    return 1 if counts["problem"] else 0


def scheduler(options: Arguments) -> int:
    """Start a scheduler, which workers and sweeps on several machines meet at."""
    from sweeps.certificates import Certificates
    from sweeps.dask_serving import serve_scheduler

    folder = options.certificates or os.environ.get("REFOLD_CERTIFICATES")
    serve_scheduler(
        options.host,
        options.port,
        certificates=Certificates(Path(folder).resolve()).checked() if folder else None,
        scheduler_file=options.scheduler_file,
        say=_say_now,
    )
    return 0


def worker(options: Arguments) -> int:
    """Start workers on this machine, which train what sweeps ask for."""
    from sweeps.cluster_address import read_address
    from sweeps.dask_serving import serve_workers
    from sweeps.equipping import Wish, equip

    address = read_address(options.address, options.certificates)
    wish = Wish(
        count=options.nworkers,
        per_gpu=options.per_gpu,
        cpu=options.cpu,
        folder=options.folder.resolve(),
        data=None if options.data is None else options.data.resolve(),
    )
    serve_workers(address, equip(wish), folder=wish.folder, patience=options.wait, say=_say_now)
    return 0


def certificates(options: Arguments) -> int:
    """Make the TLS certificates that scheduler, workers and coordinator prove themselves with."""
    from sweeps.certificates import Certificates, make_certificates

    folder: Path = options.folder
    if options.if_missing and Certificates(folder).key.exists():
        Certificates(folder).checked()
        return 0
    made = make_certificates(folder, days=options.days)
    out.print(f"{folder}: {made.authority.name}, {made.certificate.name}, {made.key.name}", markup=False)
    out.print(
        f"good for {options.days} days; who has {made.key.name} may run code on the cluster", markup=False
    )
    out.print("\nnext, with a copy of the folder on each machine:")
    for command in (
        f"refold scheduler --host HOST --certificates {shlex.quote(str(folder))}",
        f"refold worker tls://HOST:8786 --certificates {shlex.quote(str(folder))}",
        f"refold run SWEEP.toml --cluster tls://HOST:8786 --certificates {shlex.quote(str(folder))}",
    ):
        out.print(f"  {command}", markup=False)
    return 0


def _say_now(text: str) -> None:
    """Say something of a process that may run for weeks, with its output in a file."""
    err.print(text, markup=False)
    err.file.flush()


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")

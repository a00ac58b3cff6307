"""Recorded sweeps listed, shown and removed: ``refold ls``, ``show``, ``study``, ``rm``."""

import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from sweeps.cli import tables
from sweeps.cli.class_scores import put_classes, put_confusion, put_scores
from sweeps.cli.leaderboard import print_leaderboard
from sweeps.cli.options import Arguments, Verbs, json_option, tracking_option, wait_option
from sweeps.cli.output import err, print_json, put, put_table, say
from sweeps.cli.record_json import predictions_json, sweep_json, trial_json
from sweeps.home import Home
from sweeps.tracking_place import said_of, shown_uri
from trainer.errors import UsageError
from trainer.escaping import for_shell
from trainer.quantities import counted

if TYPE_CHECKING:
    from sweeps.analysis.statistics.clustered import ModelScores
    from tracking.records import SweepRecord, TrialRecord
    from tracking.reports.out_of_fold import HeldOut, OutOfFold
    from trainer.hyperparameters import Hyperparameters
    from trainer.user_code import UserSource


#: Mistakes that the terminal shows; ``--json`` has all.
MISTAKES = 10


def add_verbs(verbs: Verbs) -> None:
    """Add ``ls``, ``show``, ``study`` and ``rm``."""
    json_option(verbs.add(ls, "ls --json"))
    showing = verbs.add(show, "show digits --trial resnet/3")
    showing.add_argument("sweep", help="name of the sweep")
    showing.add_argument(
        "--trial", metavar="ARCHITECTURE/NUMBER", help="show one trial: folds, seeds, scores per class"
    )
    showing.add_argument("--by", metavar="METRIC", help="score and rank trials by another metric")
    showing.add_argument(
        "--code", action="store_true", help="show the recorded code of the sweep's own architectures"
    )
    json_option(showing)
    studying = verbs.add(study, "study digits --storage sqlite:///study.db")
    studying.add_argument("sweep", help="name of the sweep")
    studying.add_argument(
        "--storage", required=True, metavar="URL", help="database to write to: SQLite or PostgreSQL"
    )
    json_option(studying)
    removing = verbs.add(rm, "rm digits --yes")
    removing.add_argument("sweep", help="name of the sweep")
    removing.add_argument("--yes", action="store_true", help="remove without asking")
    removing.add_argument("--keep-mlflow", action="store_true", help="keep MLflow's record")
    wait_option(removing)
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
                say(f"refold: {error}")
    if options.json:
        keep = ("sweep", "seed", "key", "digest", "finished", "dataset")
        print_json([{key: sweep_json(record)[key] for key in keep} for record in records])
    else:
        put_table(tables.sweeps_table(records))
    return 0


def show(options: Arguments) -> int:
    """Show one sweep, or one of its trials."""
    from sweeps.analysis.best_trial import find_trial
    from sweeps.definition.exam import exam_in_words, openings_in_words
    from sweeps.definition.identity import identity_of
    from tracking.ledger.ledger import Ledger
    from tracking.ledger.lock import is_running

    home = Home.chosen(options.home)
    with Ledger.read(home.path) as ledger:
        record, entry = ledger.sweep(options.sweep), ledger.entry(options.sweep)
        seal = ledger.check_seal(options.sweep)
        exam = record.dataset.exam
        opened = ledger.openings(exam.fingerprint) if exam else ()
    if options.code:
        return _show_code(entry.details.sources if entry else {}, options)
    digest = record.digest
    if options.by:
        record = _by(record, options.by)
    live = is_running(home.path)
    kept = entry.details.tracking if entry else None
    if options.trial:
        trial = find_trial(record, options.trial)
        given = identity_of(entry).given(trial.architecture, trial.number) if entry else {}
        return _show_trial(home, record, trial, given, options, live=live)
    if options.json:
        told = [asdict(each) for each in opened]
        print_json(
            sweep_json(record) | {"digest": digest, "tracking_uri": shown_uri(home, kept), "openings": told}
        )
        return 0
    put(
        f"sweep {record.name}: seed {record.seed}, {counted(record.dataset.samples, 'image')} of "
        f"{record.dataset.name}, dataset {record.dataset.fingerprint[:16]}",
        f"digest {digest}" + ("" if record.finished else " (not finished)"),
        exam_in_words(record.dataset),
    )
    put(*(f"  {line}" for line in openings_in_words(opened) if exam))
    if seal.why and not live:
        put(seal.why)
    if seal.differences:
        put(f"the record was changed after it was written: 'refold verify {record.name}' says what")
    if kept is not None:
        put(f"MLflow's record is {said_of(home, kept)}")
    put("")
    print_leaderboard(record)
    put("")
    put_table(tables.trials_table(record, live=live))
    return 0


def _by(record: "SweepRecord", name: str) -> "SweepRecord":
    """Return the sweep scored by another metric.

    Raises:
        UsageError: if there is no such metric, or the record alone cannot give it.
    """
    from sweeps.api.scoring import metric_of
    from tracking.reports.scored_by import scored_by

    metric = metric_of(record, name)
    if metric == record.metric:
        return record
    if not metric.counts:
        words = f"refold score {for_shell(record.name)} --metric {name}"
        raise UsageError(f"--by {name}: needs probabilities: '{words}' has them")
    found = scored_by(record, metric)
    others = (trial for trial in found.trials if trial.score is None)
    return replace(found, trials=(*found.ranking, *others))


def _show_code(sources: "Mapping[str, UserSource]", options: Arguments) -> int:
    """Print the texts of the sweep's own architectures; run nothing of them."""
    if options.json:
        print_json({name: {**source.to_json(), "digest": source.digest} for name, source in sources.items()})
        return 0
    if not sources:
        put("the sweep has no architecture of the user's own: it has no code")
    for name, source in sources.items():
        put(f"# {name}: {source.spec}, digest {source.digest}")
        for file, text in source.files:
            put("", f"# {file}", *text.expandtabs(4).splitlines())
    return 0


def _show_trial(
    home: Home,
    record: "SweepRecord",
    trial: "TrialRecord",
    given: "Hyperparameters",
    options: Arguments,
    *,
    live: bool,
) -> int:
    from sweeps.analysis.trial_scores import trial_scores
    from tracking.reports.doubts import trial_notes

    data, notes = record.dataset, trial_notes(trial, record.dataset.classes)
    stored = _stored(home, record)
    held_out = None if stored is None else stored.of(trial)
    wrong = None if stored is None else _mistakes(held_out, data.classes)
    scores = trial_scores(trial, data, held_out)
    if options.json:
        told = predictions_json(trial, data.classes, scores) | {"mistakes": wrong}
        print_json(trial_json(trial) | told | {"given": dict(given), "notes": notes})
        return 0
    proposed = f"proposed with seed {trial.seed}"
    origin = f"a starting point, the rest {proposed}" if given else proposed
    put(f"{trial.name}: {tables.state(trial, live=live)}, {origin}")
    put(
        *(
            f"  {name:<16} {value}{' (given)' if name in given else ''}"
            for name, value in sorted(trial.hyperparameters.items())
        )
    )
    put(*(f"  {line}" for line in tables.learning_rates(trial)))
    if trial.reason:
        put(f"  {trial.reason}")
    put(*(f"  note: {note}" for note in notes), "")
    put_table(tables.folds_table(trial))
    if trial.confusion:
        put("")
        _put_predictions(record, trial, scores)
    if wrong:
        few = f", the {MISTAKES} most confident" if len(wrong) > MISTAKES else ", the most confident first"
        put("", f"{counted(len(wrong), 'mistake')}{few}:")
        put_table(tables.mistakes_table(wrong[:MISTAKES]))
    return 0


def _put_predictions(record: "SweepRecord", trial: "TrialRecord", scores: "ModelScores | None") -> None:
    """Print the scores and the confusion matrix of a trial's out-of-fold predictions."""
    from sweeps.analysis.trial_scores import NO_GROUPS
    from tracking.reports.class_report import class_report, report_table

    assert trial.confusion is not None  # noqa: S101 - the caller has looked
    classes, asked = record.dataset.classes, record.fits_per_trial
    ended = sum(bool(fold.run.result.confusion) for fold in trial.folds)
    folds = "all folds together" if ended == asked else f"{ended} of {asked} folds"
    put(f"out-of-fold predictions of {folds}:")
    if scores is None:
        put_table(report_table(class_report(trial, classes)))
        put(NO_GROUPS)
    else:
        units = "new images" if record.dataset.groups is None else "new groups (groups count, not images)"
        without = "they do not cover another training, nor the choice of this trial"
        covers = f"{units}, classified by the networks of these folds; {without}"
        put_scores(scores.f1, scores.accuracy, covers)
        put("")
        put_classes(classes, scores.classes)
    put("")
    put_confusion(classes, trial.confusion)


def _stored(home: Home, record: "SweepRecord") -> "HeldOut | None":
    """Return the stored images of a sweep's search; None if they are gone."""
    from tracking.reports.out_of_fold import HeldOut
    from trainer.datasets import open_stored, stored_at

    try:
        return HeldOut(open_stored(stored_at(home.path / "datasets", record.dataset.fingerprint)))
    except UsageError:
        return None


def _mistakes(found: "OutOfFold | None", classes: tuple[str, ...]) -> "list[dict[str, Any]]":
    """Return the wrong predictions, the most confident first."""
    if found is None:
        return []
    columns = found.columns(classes)
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    return [
        {name: value for name, value in row.items() if name != "correct"}
        for row in rows
        if not row["correct"]
    ]


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
        put(f"{each.study:<{width}}  {counted(each.trials, 'trial')}, {each.added} added now{more}")
    put("", "next:", f"  optuna-dashboard {shown(options.storage)}  (after pip install optuna-dashboard)")
    return 0


def rm(options: Arguments) -> int:
    """Delete a sweep: its ledger entries, its MLflow runs and their artifacts."""
    from sweeps.removal import removal_of, remove
    from tracking.ledger.lock import turn

    home = Home.chosen(options.home)
    with turn(home.path, say if options.wait else None) as mine:
        removal = removal_of(
            home, options.sweep, tracking_uri=options.tracking_uri, mlflow=not options.keep_mlflow
        )
        for line in removal.lines():
            say(line)
        if not options.yes and not _confirmed():
            raise UsageError("nothing was removed: answer y, or add --yes")
        remove(removal, mine)
    say("removed")
    return 0


def _confirmed() -> bool:
    """Ask, and read the answer from standard input, which may be a terminal or a pipe."""
    err.print("remove it? [y/N] ", end="")
    answer = sys.stdin.readline()
    if not answer.endswith("\n") or not sys.stdin.isatty():
        say("")  # no return key was pressed here: end the prompt's line
    return answer.strip().lower() in ("y", "yes")

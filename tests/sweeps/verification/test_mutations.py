"""The catalogue of changes to a record: each is named by ``verify``."""

import hashlib
import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from sweeps.analysis import variance_components
from sweeps.analysis.exam import comparison as on_exam
from sweeps.analysis.exam.comparison import Exam
from sweeps.analysis.folds import comparison
from sweeps.verification import reports
from sweeps.verification.report import Report
from sweeps.verification.selection import FitSelection
from sweeps.verification.verify import verify
from tests.record_changes import Row, put
from tests.record_mutations import MUTATIONS
from tests.varied_sweep import NAME, record, reseal, workers
from tracking.ledger.ledger import Ledger
from tracking.records import ReportRecord
from trainer.datasets import open_stored
from trainer.errors import RefoldError, UsageError


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a sweep with one of everything."""
    return record(tmp_path_factory.mktemp("recorded"))


@pytest.fixture(scope="module", autouse=True)
def concluded_once() -> Iterator[None]:
    """Conclusions and their pictures take the longest: from equal records they are drawn once."""
    known: dict[str, Any] = {}

    def once(function: Callable[..., Any]) -> Callable[..., Any]:
        def remembered(*given: Any) -> Any:
            key = hashlib.sha256(repr((function.__name__, given)).encode()).hexdigest()
            if key not in known:
                known[key] = function(*given)
            return known[key]

        return remembered

    with pytest.MonkeyPatch.context() as patch:
        drawn = [(reports, "page"), (reports, "exam_page"), (comparison, "compare"), (on_exam, "compare")]
        for module, name in (*drawn, (variance_components, "variances")):
            patch.setattr(module, name, once(getattr(module, name)))
        yield


def checked(home: Path, name: str = NAME, *, everything: bool = False) -> Report:
    """Verify with a formula in place of training."""
    return verify(home, name, FitSelection(everything=everything), start_workers=workers)


def exam_of(home: Path) -> Exam:
    """Return the sweep's exam with its openings."""
    with Ledger.read(home) as ledger:
        told = ledger.sweep(NAME).dataset.exam
        assert told is not None
        openings = ledger.openings(told.fingerprint)
    data = open_stored(home / "datasets" / told.fingerprint)
    return Exam(record=told, labels=data.labels, groups=data.groups, rope=0.005, openings=openings)


def copied(recorded: Path, folder: Path) -> Path:
    """Return a home with a copy of the ledger; the data and the exports stay where they are."""
    (folder / "ledger.sqlite").write_bytes((recorded / "ledger.sqlite").read_bytes())
    return folder


def mutated(home: Path, row: Row) -> None:
    """Change the record."""
    with closing(sqlite3.connect(home / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("PRAGMA synchronous = OFF")
        row.change(ledger)
        if row.resealed:
            reseal(ledger)


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_mutation_is_named(recorded: Path, tmp_path: Path, name: str) -> None:
    """The first difference names what was changed, in one line; a record that cannot be read is refused."""
    row = MUTATIONS[name]
    home = copied(recorded, tmp_path)
    mutated(home, row)
    sweep = "longer" if "'longer'" in row.named else row.sweep
    try:
        first = str(checked(home, sweep, everything=row.everything).differences[0])
    except UsageError as refused:
        first = str(refused)
    assert row.named in first
    assert "\n" not in first


#: Changes to files that the record speaks of, by the file's name, and what must be said.
FILES: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "a user's file": ("mine.py", lambda old: old + b"#\n", "mine: architecture source: digest"),
    "a model's file": ("model.keras", lambda old: old[::-1], "model.keras: digest"),
    "a model's file, longer": ("model.keras", lambda old: old + b"x", "model.keras: 15 bytes recorded, 16"),
    "a model's description": (
        "model.json",
        lambda old: old.replace(b'"trial": 0', b'"trial": 1'),
        "trial in model.json: 0 recorded, 1 in",
    ),
    "a model's description, cut off": ("model.json", lambda old: old[:99], "is no description of a model"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_named(recorded: Path, tmp_path: Path, name: str) -> None:
    """The record is as it was; what it says of a file here does not hold any more."""
    file, change, named = FILES[name]
    path = next(recorded.parent.rglob(file))
    before = path.read_bytes()
    path.write_bytes(change(before))
    try:
        report = checked(copied(recorded, tmp_path))
    finally:
        path.write_bytes(before)
    assert change(before) != before
    assert named in str(report.differences[0])


@pytest.mark.parametrize("gone", ["model.keras", "model.json", "models"])
def test_a_model_that_was_moved_is_no_difference(recorded: Path, tmp_path: Path, gone: str) -> None:
    """Models are made to be taken elsewhere: a line says what could not be compared."""
    path = next(recorded.parent.rglob(gone))
    path.rename(tmp_path / gone)
    try:
        report = checked(copied(recorded, tmp_path))
    finally:
        (tmp_path / gone).rename(path)
    assert report.differences == ()
    assert all(note.startswith("export of lenet/0, ") for note in report.notes)
    assert any("gone" in note or "has no model.json any more" in note for note in report.notes)


@pytest.mark.parametrize("changed", ["one pixel", "one label", "order", "a class name"])
def test_changed_images_are_named(recorded: Path, tmp_path: Path, changed: str) -> None:
    """By the fingerprint, and by what can be said of the kind of change."""
    path = recorded.parent / "data.npz"
    before = path.read_bytes()
    with np.load(path) as stored:
        data = dict(stored)
    match changed:
        case "one pixel":
            data["images"][3, 4, 5] ^= 1
        case "one label":
            data["labels"][[0, 1]] = data["labels"][[1, 0]]
        case "order":
            data |= {name: data[name][::-1] for name in ("images", "labels")}
        case _:
            data["class_names"] = np.array(["cat", "dog", "fox"])
    np.savez(path, **data)
    try:
        first = str(checked(copied(recorded, tmp_path)).differences[0])
    finally:
        path.write_bytes(before)
    assert first.startswith("made: dataset: fingerprint ")
    assert ("classes" if changed == "a class name" else "pixels, labels or their order") in first


@pytest.mark.parametrize("state", ["complete", "pruned"])
def test_a_report_of_a_shorter_sweep_is_concluded_from_its_trials(
    recorded: Path, state: Literal["complete", "pruned"]
) -> None:
    """More trials than a report knew of are no difference: it follows from those that it knew."""
    with Ledger.read(recorded) as ledger:
        made, contents = ledger.sweep(NAME), ledger.contents(NAME)
    more = next(replace(trial, number=4, state=state) for trial in made.trials if trial.name == "lenet/0")
    continued = replace(made, trials=(*made.trials, more), trials_per_architecture=5)
    data = open_stored(recorded / "datasets" / made.dataset.fingerprint)
    assert reports.report_differences(continued, contents, data, exam_of(recorded)) == ([], [])


def test_an_older_analysis_of_variance_is_compared_without_what_has_changed(recorded: Path) -> None:
    """A refold that dropped pruned trials said otherwise what hyperparameters contribute; a line says so."""
    with Ledger.read(recorded) as ledger:
        made, contents = ledger.sweep(NAME), ledger.contents(NAME)
    data = open_stored(recorded / "datasets" / made.dataset.fingerprint)
    content = json.loads(made.reports["variance-lenet"].content)
    older = {"deviation": {"value": 0.01, "low": 0.0, "high": 0.02}, "trials": 3}
    for part, deviation in ((older, None), (None, None), (older, 0.5)):
        changed = content | {"hyperparameters": part} | ({"deviation": deviation} if deviation else {})
        report = ReportRecord(content=json.dumps(changed), page="")
        reported = replace(made, reports={"variance-lenet": report})
        differences, notes = reports.report_differences(reported, contents, data, None)
        assert [each.subject for each in differences] == (["deviation"] if deviation else [])
        assert len(notes) == 1
        assert "an earlier refold has estimated the hyperparameters' part" in notes[0]


def test_the_untouched_record_matches(recorded: Path, tmp_path: Path) -> None:
    """With every fit trained again; only the fit that was stopped then needs a word."""
    home = copied(recorded, tmp_path)
    report = checked(home, everything=True)
    assert report.differences == ()
    assert report.trained == report.recorded
    assert report.notes == (
        "export of lenet/0, refit-all: its weights, of a training on the exam too, were not compared: "
        "exporting it again compares them",
        "mine/1 fold 1: stopped for lack of time then; trained again it is complete after 5 min",
    )
    assert checked(home, "longer").differences == ()


def test_the_catalogue_is_long_enough() -> None:
    """Sixty changes at least, and most of them where the checksums fit again."""
    assert len(MUTATIONS) >= 60
    assert sum(row.resealed for row in MUTATIONS.values()) >= 60


#: JSON that verify reads.
COLUMNS = (
    *(("sweeps", name) for name in ("identity", "dataset", "architectures", "environment", "details")),
    ("proposals", "hyperparameters"),
    ("fits", "spec"),
    ("fits", "run"),
    ("exports", "card"),
    ("reports", "content"),
)
STRANGE: tuple[Any, ...] = (None, 0, -1, 10**30, 1e308, -0.0, "x", "", [], {}, True, [None], {"a": 1}, [[[]]])


def places(data: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value below the top of JSON data."""
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for name, value in inside:
        yield (*place, name)
        yield from places(value, (*place, name))


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(10))
def test_strange_values_end_in_a_line(recorded: Path, tmp_path: Path, seed: int) -> None:
    """Any value of a record may be of any type: that is a difference or a refusal, never a traceback."""
    chance = random.Random(seed)
    for _ in range(30):
        home = copied(recorded, tmp_path)
        table, column = chance.choice(COLUMNS)
        with closing(sqlite3.connect(home / "ledger.sqlite")) as ledger, ledger:
            row, text = chance.choice(ledger.execute(f"SELECT rowid, {column} FROM {table}").fetchall())
            data = json.loads(text)
            *path, last = chance.choice(list(places(data)))
            put(*path, last, value=chance.choice(STRANGE))(data)
            ledger.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (json.dumps(data), row))
            reseal(ledger)
        try:
            said = [str(difference) for difference in checked(home).differences]
        except RefoldError as refused:
            said = [str(refused)]
        assert not any("\n" in line for line in said), (table, column, path, last)

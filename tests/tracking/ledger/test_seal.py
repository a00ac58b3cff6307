"""The seal: any row that is changed, deleted, added or moved is named, and no later command hides that."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.closed_formula import in_memory_ledger, run_of
from tests.recorded_home import AS_VERSION_1, AS_VERSION_2, BEFORE_THE_MOVE, copy_of
from tests.two_sweeps import NAMES, add_trial, begin, fill, specs_of
from tracking.ledger.file import checksum
from tracking.ledger.ledger import Ledger
from tracking.ledger.rows import row_name
from tracking.ledger.seal import Seal, find_seal
from tracking.ledger.seal_check import SealCheck
from tracking.records import Purpose, ReportRecord
from trainer.errors import UsageError

#: The trial that a killed command has begun: its rows are not sealed.
KILLED = 8

#: The columns of each table that say which row it is, beside the sweep.
PLACES: dict[str, tuple[str, ...]] = {
    "proposals": ("architecture", "number"),
    "members": ("architecture", "number", "position"),
    "further_fits": ("purpose", "architecture", "number", "position"),
    "exports": ("exported_at",),
    "reports": ("name",),
}


@cache
def filled() -> sqlite3.Connection:
    """Return a ledger with two sealed sweeps, to be copied."""
    ledger = in_memory_ledger()
    fill(ledger)
    ledger.renew_seals()
    return ledger._connection


def recorded() -> sqlite3.Connection:
    """Return a ledger with two sealed sweeps."""
    copy = sqlite3.connect(":memory:")
    filled().backup(copy)
    copy.execute("PRAGMA foreign_keys = ON")
    return copy


def check(connection: sqlite3.Connection, sweep: str = "one") -> SealCheck:
    """Compare a sweep with its seal, as a reader does."""
    return Ledger(connection).check_seal(sweep)


def named(connection: sqlite3.Connection, sweep: str = "one") -> set[str]:
    """Return the names of the rows that differ from the seal."""
    return {difference.row for difference in check(connection, sweep).differences}


Rows = list[dict[str, Any]]


def rows_of(connection: sqlite3.Connection, table: str, sweep: str = "one") -> Rows:
    """Return the rows of a table that a sweep has, with their rowid."""
    column = "name" if table == "sweeps" else "sweep"
    cursor = connection.execute(f"SELECT rowid, * FROM {table} WHERE {column} = ? ORDER BY rowid", (sweep,))
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor]
    return [row for row in rows if row.get("number") != KILLED]


def contents(connection: sqlite3.Connection) -> set[tuple[Any, ...]]:
    """Return all that the sweep's rows and all fits say; of the sweep's own row each part by itself."""
    found = {("fits", *row) for row in connection.execute("SELECT * FROM fits")}
    for table in PLACES:
        for row in rows_of(connection, table):
            found.add((table, *(row[column] for column in row if column != "rowid")))
    for row in rows_of(connection, "sweeps"):
        found |= {("sweeps", column, value) for column, value in row.items() if column != "details"}
        found |= {("details", field, repr(value)) for field, value in json.loads(row["details"]).items()}
    return found


def name_of(table: str, row: dict[str, Any]) -> str:
    """Return what a row of a table is called."""
    return row_name(table, "/".join(str(row[column]) for column in PLACES[table]))


def put(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    """Insert a row, in place of the one that has its rowid."""
    columns = ", ".join(row)
    marks = ", ".join("?" * len(row))
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute(f"REPLACE INTO {table} ({columns}) VALUES ({marks})", list(row.values()))
    connection.commit()
    connection.execute("PRAGMA foreign_keys = ON")


def other(value: Any) -> Any:
    """Return another value of the same type."""
    return value + (1 if isinstance(value, int | float) else b"x" if isinstance(value, bytes) else "x")


def change_a_row(connection: sqlite3.Connection, draw: Callable[[Sequence[Any]], Any]) -> str:
    """Change one value of one row; return the row's name."""
    table = draw(sorted(PLACES))
    row = draw(rows_of(connection, table))
    column = draw([name for name in row if name not in ("rowid", "sweep", *PLACES[table])])
    put(connection, table, row | {column: other(row[column])})
    return name_of(table, row)


def delete_a_row(connection: sqlite3.Connection, draw: Callable[[Sequence[Any]], Any]) -> str:
    """Delete one row; return its name."""
    table = draw(sorted(PLACES))
    row = draw(rows_of(connection, table))
    connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (row["rowid"],))
    connection.commit()
    return name_of(table, row)


def add_a_row(connection: sqlite3.Connection, draw: Callable[[Sequence[Any]], Any]) -> str:
    """Add a copy of a row in another place; return its name."""
    table = draw(sorted(PLACES))
    row = draw(rows_of(connection, table))
    del row["rowid"]
    place = PLACES[table][-1]
    row[place] = row[place] + (100 if isinstance(row[place], int | float) else "x")
    put(connection, table, row)
    return name_of(table, row)


def move_a_row(connection: sqlite3.Connection, draw: Callable[[Sequence[Any]], Any]) -> str:
    """Give a row to the other sweep, in a place of its own there; return its name."""
    table = draw(sorted(PLACES))
    row = draw(rows_of(connection, table))
    place = PLACES[table][-1]
    moved = row[place] + (100 if isinstance(row[place], int | float) else "x")
    put(connection, table, row | {"sweep": "two", place: moved})
    assert name_of(table, row | {place: moved}) in named(connection, "two")
    return name_of(table, row)


def swap_two_rows(connection: sqlite3.Connection, draw: Callable[[Sequence[Any]], Any]) -> str:
    """Let two rows of a table change places; return the name of one."""
    table = draw(sorted(PLACES))
    one, two = rows_of(connection, table)[:2]
    places = PLACES[table]
    put(connection, table, one | {"rowid": 10_000, **dict.fromkeys(places[-1:], other(two[places[-1]]))})
    put(connection, table, two | {place: one[place] for place in places})
    connection.execute(f"DELETE FROM {table} WHERE rowid = 10000")
    put(connection, table, one | {place: two[place] for place in places})
    return name_of(table, one)


def change_the_sweep(connection: sqlite3.Connection, draw: Callable[[Sequence[Any]], Any]) -> str:
    """Change a column of the sweep's own row, or a field in it; return its name."""
    (row,) = rows_of(connection, "sweeps")
    column, field = draw(
        [
            ("key", None), ("seed", None), ("toml", None), ("trials", None), ("fits", None),
            ("created_at", None), ("architectures", None), ("identity", "seed"), ("dataset", "samples"),
            ("dataset", "classes"), ("environment", "python"), ("environment", "git_commit"),
            ("environment", "new"), ("details", "experiment"), ("details", "sources"),
        ]
    )  # fmt: skip
    value = '["beta","alpha"]' if column == "architectures" else other(row[column])
    if field is not None:
        value = json.dumps({**json.loads(row[column]), field: "other"})
    connection.execute(f"UPDATE sweeps SET {column} = ? WHERE name = 'one'", (value,))
    connection.commit()
    return f"the sweep's column {column}" + (f".{field}" if field else "")


def change_a_fit(connection: sqlite3.Connection, draw: Callable[[Sequence[Any]], Any]) -> str:
    """Change a fit and compute its checksum again; return its name."""
    place = draw(rows_of(connection, "members"))
    cursor = connection.execute("SELECT * FROM fits WHERE key = ?", (place["key"],))
    row = list(cursor.fetchone())
    column = draw([1, 2, 3, 4])
    row[column] = other(row[column])
    row[5] = checksum(*row[:5])
    connection.execute("REPLACE INTO fits VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.commit()
    return f"the fit of {name_of('members', place)}"


def delete_a_fit(connection: sqlite3.Connection, draw: Callable[[Sequence[Any]], Any]) -> str:
    """Delete a fit; return its name."""
    place = draw(rows_of(connection, "members"))
    connection.execute("DELETE FROM fits WHERE key = ?", (place["key"],))
    connection.commit()
    return f"the fit of {name_of('members', place)}"


TAMPERING = (
    change_a_row, delete_a_row, add_a_row, move_a_row, swap_two_rows, change_the_sweep, change_a_fit,
    delete_a_fit,
)  # fmt: skip


def keep_tracking(ledger: Ledger, sweep: str) -> None:
    """Do what ``refold sync --tracking-uri`` does to the ledger."""
    entry = ledger.entry(sweep)
    assert entry is not None
    details = replace(entry.details, tracking="sqlite:///elsewhere.db")
    ledger.update_sweep(sweep, entry.trials, entry.toml, details)


#: What refold's commands do to a sweep, by name; a trial in it that is there already stays.
COMMANDS: dict[str, Callable[[Ledger, str], object]] = {
    "continue": begin,
    "what is killed": lambda ledger, sweep: add_trial(ledger, sweep, KILLED),
    "a trial": lambda ledger, sweep: add_trial(ledger, sweep, 3),
    "another trial": lambda ledger, sweep: add_trial(ledger, sweep, 4, fits=1),
    "trial 1": lambda ledger, sweep: add_trial(ledger, sweep, 1),
    "rest of a trial": lambda ledger, sweep: add_trial(ledger, sweep, 4),
    "export": lambda ledger, sweep: ledger.add_export(sweep, {"key": "k", "folder": "/f"}, 3.0),
    "the same export": lambda ledger, sweep: ledger.add_export(sweep, {"key": "k2", "folder": "/f"}, 3.0),
    "report": lambda ledger, sweep: ledger.add_report(sweep, "new", ReportRecord(content="{}", page="")),
    "new report": lambda ledger, sweep: ledger.add_report(sweep, "new", ReportRecord(content="1", page="2")),
    "further fits": lambda ledger, sweep: ledger.add_further_fits(
        sweep, Purpose.VARIANCE, "alpha", 0, dict(enumerate(specs_of(7)))
    ),
    "tracking": keep_tracking,
}


#: Commands: what each does to which sweep, and whether it is killed at its end.
SOME_COMMANDS = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from(sorted(COMMANDS)), st.sampled_from(NAMES)), max_size=3),
        st.booleans(),
    ),
    max_size=5,
)

Commands = list[tuple[list[tuple[str, str]], bool]]


def run(connection: sqlite3.Connection, commands: Commands) -> None:
    """Run commands one after the other."""
    for steps, killed in commands:
        ledger = Ledger(connection)
        with suppress(UsageError):  # it refuses to go on from a record that it cannot read
            for step, sweep in steps:
                COMMANDS[step](ledger, sweep)
        if not killed:
            ledger.renew_seals()


#: What is done to the two sweeps, one command after the other.
HISTORIES: dict[str, Commands] = {
    "nothing": [],
    "a killed command": [([("a trial", "one"), ("export", "one")], True)],
    "a killed command, another": [
        ([("another trial", "one"), ("report", "one"), ("tracking", "one")], True),
        ([("rest of a trial", "one"), ("new report", "one"), ("the same export", "two")], False),
    ],
    "commands on both sweeps": [
        ([("further fits", "one"), ("a trial", "two"), ("continue", "one")], False),
        ([("a trial", "one"), ("trial 1", "two"), ("export", "two")], False),
    ],
}


@pytest.mark.parametrize("history", HISTORIES)
def test_a_record_that_only_commands_wrote_has_no_difference(history: str) -> None:
    """What a killed command has written is said to be unsealed, and sealed by the next."""
    connection = recorded()
    run(connection, HISTORIES[history])
    found = check(connection)
    assert found.differences == ()
    assert bool(found.unsealed) == (history == "a killed command")
    run(connection, [([("continue", "one")], False)])
    assert check(connection) == SealCheck()


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("tamper", TAMPERING, ids=lambda each: each.__name__)
def test_a_row_that_is_tampered_with_stays_named(
    tamper: Callable[[sqlite3.Connection, Callable[[Sequence[Any]], Any]], str], history: str
) -> None:
    """Whatever commands come after that, and however they end."""
    connection = recorded()
    before = contents(connection)
    name = tamper(connection, Random(history).choice)
    assert name in named(connection)
    run(connection, HISTORIES[history])
    restored = tamper is not add_a_row and before <= contents(connection)  # a command may write it again
    assert restored or name in named(connection)


@pytest.mark.slow
@given(commands=SOME_COMMANDS)
def test_what_commands_do_is_no_difference(commands: Commands) -> None:
    """Whatever they are and however they end; what a killed one has written is sealed by the next."""
    connection = recorded()
    run(connection, commands)
    for sweep in NAMES:
        found = check(connection, sweep)
        assert found.differences == ()
        assert (found.why is None) == (found.unsealed == 0)
    run(connection, [([("continue", sweep) for sweep in NAMES], False)])
    assert [check(connection, sweep) for sweep in NAMES] == [SealCheck(), SealCheck()]


@pytest.mark.slow
@pytest.mark.parametrize("tamper", TAMPERING, ids=lambda each: each.__name__)
@given(data=st.data(), commands=SOME_COMMANDS)
def test_any_row_that_is_tampered_with_is_named(
    tamper: Callable[[sqlite3.Connection, Callable[[Sequence[Any]], Any]], str],
    data: st.DataObject,
    commands: Commands,
) -> None:
    """At once, and after any commands; also if they are killed, or if one was killed before."""
    connection = recorded()
    killed_before = data.draw(st.booleans())
    run(connection, [([("what is killed", "one")], True)] if killed_before else [])
    before = contents(connection)
    name = tamper(connection, lambda choices: data.draw(st.sampled_from(choices)))
    if killed_before and tamper is add_a_row:
        return  # the command that was killed may have added it
    assert name in named(connection)
    run(connection, commands)
    restored = tamper is not add_a_row and before <= contents(connection)  # a command may write it again
    assert restored or name in named(connection)


def test_a_moved_row_is_said_to_be_moved() -> None:
    """On both sides."""
    connection = recorded()
    connection.execute(
        "UPDATE reports SET sweep = 'two', name = 'mine' WHERE sweep = 'one' AND name = 'comparison'"
    )
    (gone,), (added,) = check(connection, "one").differences, check(connection, "two").differences
    assert (gone.row, gone.what) == (
        "report comparison", "it was deleted after it was recorded: moved to the sweep 'two'",
    )  # fmt: skip
    assert (added.row, added.what) == (
        "report mine", "it was added and is no result of refold's: moved here from the sweep 'one'",
    )  # fmt: skip


def test_two_sweeps_share_fits_and_one_is_removed() -> None:
    """A fit that one sweep's command trains is no stranger in the other, also when the first is removed."""
    connection = recorded()
    run(connection, [([("another trial", "two")], False)])  # has proposed the trial's other two fits as well
    killed = Ledger(connection)
    add_trial(killed, "one", 4)
    assert check(connection, "two").differences == ()
    assert "2 rows of the record are not sealed yet: another sweep has trained them" in str(
        check(connection, "two").why
    )
    removing = Ledger(connection)
    removing.remove_sweep("one")
    removing.renew_seals()
    assert check(connection, "two") == SealCheck()
    assert Ledger(connection).sweep("two").trials[-1].state == "complete"


def test_a_seal_is_read_once_however_many_fits_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep whose fits were all trained by another is sealed, and compared, as fast as any."""
    connection = recorded()
    read: list[str] = []

    def counted(ledger: sqlite3.Connection, sweep: str) -> Seal | None:
        read.append(sweep)
        return find_seal(ledger, sweep)

    monkeypatch.setattr("tracking.ledger.seal.find_seal", counted)
    ledger = Ledger(connection)
    for number in range(3):
        ledger.add_proposal("two", "alpha", number, specs_of(number), 2000.0)
    ledger.renew_seals()
    assert check(connection, "two") == SealCheck()
    assert len(read) < 5


def test_a_fit_that_no_sweep_has_trained_is_a_stranger() -> None:
    """A fit that somebody adds where one is asked for stays a difference, also when the sweep takes it in."""
    connection = recorded()
    run(connection, [([("another trial", "one")], False)])
    spec = specs_of(4)[1]
    made_up = Ledger(connection)
    made_up.add_run(spec, run_of(spec))  # not sealed: as somebody with an editor would
    connection.commit()
    assert named(connection) == {"the fit of fold 1 of alpha/4"}
    run(connection, [([("rest of a trial", "one")], False)])
    assert named(connection) == {"the fit of fold 1 of alpha/4"}


@pytest.mark.parametrize(
    ("statement", "before", "after"),
    [
        ("DELETE FROM seals", "it is missing", "it was missing on "),
        ("UPDATE seals SET digests = digests || ' '", "it was changed", "it did not have its own"),
        ("UPDATE seals SET digests = '{'", "it cannot be read", "it did not have its own"),
        ("UPDATE seals SET digests = '[]'", "it cannot be read", "it did not have its own"),
        ("UPDATE seals SET digests = '{\"fits\": {\"x\": {}}}'", "it was changed", "it did not have its own"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("killed", [False, True])
def test_a_seal_that_was_changed_stays_one(statement: str, before: str, after: str, *, killed: bool) -> None:
    """Every later seal says so, also if a command was killed in between."""
    connection = recorded()
    connection.execute(statement)
    connection.commit()
    assert before in check(connection).differences[0].what
    run(connection, [([("another trial", "one")], killed), ([("continue", "one")], False)])
    run(connection, [([("rest of a trial", "one")], False)])
    first = check(connection).differences[0]
    assert (first.row, first.what[: len(after)]) == ("the sweep's seal", after)


@pytest.mark.parametrize("text", ["{", "[]", '{"fits": 1}', "[" * 100_000])
@pytest.mark.parametrize("column", ["replaced", "unexplained"])
def test_a_damaged_entry_of_a_killed_command_is_no_error(column: str, text: str) -> None:
    """The next command seals what it can; that the sweep was changed is no less named."""
    connection = recorded()
    run(connection, [([("a trial", "one"), ("tracking", "one")], True)])
    connection.execute(f"UPDATE unsealed SET {column} = ?, since = 1e300", (text,))
    connection.execute("UPDATE sweeps SET seed = 5 WHERE name = 'one'")
    connection.commit()
    assert "the sweep's column seed" in named(connection)
    run(connection, [([("another trial", "one")], False)])
    assert "the sweep's column seed" in named(connection)


@pytest.mark.parametrize("version", [AS_VERSION_2, AS_VERSION_1], ids=["2", "1"])
def test_a_sweep_of_an_older_version_is_sealed_when_it_is_written(tmp_path: Path, version: str) -> None:
    """Until then it is said to be unsealed; reading changes no byte."""
    home = copy_of(BEFORE_THE_MOVE, tmp_path)
    with closing(sqlite3.connect(home / "ledger.sqlite")) as connection:
        connection.executescript(version)
    before = (home / "ledger.sqlite").read_bytes()
    with Ledger.read(home) as ledger:
        found, digest = ledger.check_seal("fixture"), ledger.sweep("fixture").digest
    assert (found.differences, str(found.why)[:50]) == (
        (), "not sealed: recorded by a version of refold that h",
    )  # fmt: skip
    assert (home / "ledger.sqlite").read_bytes() == before
    with Ledger.open(home) as ledger:
        begin(ledger, "one")
    with Ledger.read(home) as ledger:
        assert (ledger.check_seal("one"), ledger.check_seal("fixture")) == (SealCheck(), found)
    with Ledger.open(home) as ledger:
        ledger.add_export("fixture", {"key": "k", "folder": "/f"}, 3.0)
    with Ledger.read(home) as ledger:
        assert (ledger.check_seal("fixture"), ledger.sweep("fixture").digest) == (SealCheck(), digest)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_command_seals_what_it_wrote(tmp_path: Path, error: type[BaseException]) -> None:
    """And a first command's sweep has its seal as well."""
    with suppress(error), Ledger.open(tmp_path) as ledger:
        fill(ledger)
        raise error
    with Ledger.read(tmp_path) as ledger:
        assert [ledger.check_seal(sweep) for sweep in NAMES] == [SealCheck(), SealCheck()]


def interrupt_at(ledger: Ledger, method: str, call: int, patch: pytest.MonkeyPatch) -> None:
    """Interrupt a command when it calls a method of its seal writer for the given time, from 0."""
    real, calls = getattr(ledger._seals, method), iter(range(1000))

    def counted(*arguments: Any) -> None:
        if next(calls) == call:
            raise KeyboardInterrupt
        real(*arguments)

    patch.setattr(ledger._seals, method, counted)


@pytest.mark.parametrize("method", ["added", "_take_in"])  # in the transaction, and after it was committed
@pytest.mark.parametrize("step", ["a trial", "export", "report", "further fits", "tracking", "a new sweep"])
@pytest.mark.parametrize("call", range(6))
def test_an_interrupt_at_any_moment_leaves_no_difference(
    call: int, step: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that were written are sealed, and others are not; also if the command goes on writing."""
    connection = recorded()
    ledger = Ledger(connection)
    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        interrupt_at(ledger, method, call, patch)
        if step == "a new sweep":
            begin(ledger, "new")
            add_trial(ledger, "new", 3)
        else:
            COMMANDS[step](ledger, "one")
    if call % 2:
        keep_tracking(ledger, "one")
    ledger.renew_seals()
    for sweep in ledger.sweep_names():
        assert check(connection, sweep) == SealCheck()


def test_what_a_killed_process_wrote_is_said_to_be_unsealed(tmp_path: Path) -> None:
    """With the process and since when; the next command seals it, and still names what was changed before."""
    with Ledger.open(tmp_path) as ledger:
        fill(ledger)
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as connection:
        connection.execute("UPDATE proposals SET proposed_at = 9 WHERE sweep = 'one' AND number = 1")
        connection.commit()
    script = (
        "import os, sys; from pathlib import Path; from tests.two_sweeps import add_trial\n"
        "from tracking.ledger.ledger import Ledger\n"
        "with Ledger.open(Path(sys.argv[1])) as ledger:\n"
        "    add_trial(ledger, 'one', 3, fits=2)\n"
        "    os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    with Ledger.read(tmp_path) as ledger:
        found = ledger.check_seal("one")
    assert {each.row for each in found.differences} == {"trial alpha/1"}
    assert str(found.why).startswith(
        "6 rows of the record are not sealed yet: the command that wrote them was killed"
    )
    with Ledger.open(tmp_path) as ledger:
        add_trial(ledger, "one", 3)
    with Ledger.read(tmp_path) as ledger:
        found = ledger.check_seal("one")
    assert ({each.row for each in found.differences}, found.why) == ({"trial alpha/1"}, None)

"""The ledger: one writer, nothing lost, nothing doubled, and a clear word about what it cannot read."""

import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.execution.loop import enter
from tests.closed_formula import in_memory_ledger, plan, prepared, result_of, run_of
from tests.recorded_home import AS_VERSION_1
from tracking.ledger.codec import decode_run, encode_run
from tracking.ledger.file import SCHEMA_VERSION
from tracking.ledger.ledger import Ledger
from tracking.records import ExportRecord, Purpose, ReportRecord
from trainer.errors import UsageError
from trainer.fits.environment import Environment
from trainer.fits.results import FitResult, FitRun, Timing

PLAN = plan()
ALPHA = PLAN.architectures[0]
VALUES = {"learning_rate": 1e-3, "batch_size": 32, "dropout": 0.1}
SPECS = PLAN.fit_specs(ALPHA, 0, VALUES)


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    """A sweep, its proposal and its fits survive closing and opening again, bit for bit."""
    with Ledger.open(tmp_path) as ledger:
        enter(prepared(PLAN), ledger)
        ledger.add_proposal("made-up", "alpha", 0, SPECS, 5.0)
        for spec in SPECS:
            ledger.add_run(spec, run_of(spec))
    with Ledger.read(tmp_path) as ledger:
        record = ledger.sweep("made-up")
        assert ledger.run_of(SPECS[0].key) == run_of(SPECS[0])
        assert ledger.proposals("made-up") == {("alpha", 0): VALUES}
    (trial,) = record.trials
    assert trial.state == "complete"
    assert [fold.spec for fold in trial.folds] == list(SPECS)
    assert [fold.run.result for fold in trial.folds] == [result_of(spec) for spec in SPECS]


@given(
    seconds=st.lists(st.floats(0, 1e6), max_size=5).map(tuple),
    predictions=st.binary(max_size=20),
    started=st.floats(0, 2e9),
)
def test_the_codec_loses_no_bit(seconds: tuple[float, ...], predictions: bytes, started: float) -> None:
    """Floats and blobs come back exactly."""
    result = replace(result_of(SPECS[0]), predictions=predictions, notes=("a", "b"))
    timing = Timing(started_at=started, ended_at=started + 1, epoch_seconds=seconds, host="h", worker="w")
    run = FitRun(result=result, timing=timing, environment=Environment(packages={"numpy": "2"}))
    assert decode_run(*encode_run(run)) == run


def test_a_result_is_never_replaced() -> None:
    """The first result of a key stays: equal specs give equal results, and what is recorded stands."""
    ledger = in_memory_ledger()
    ledger.add_run(SPECS[0], run_of(SPECS[0]))
    other = replace(run_of(SPECS[0]), result=replace(result_of(SPECS[0]), f1=0.0))
    ledger.add_run(SPECS[0], other)
    assert ledger.run_of(SPECS[0].key) == run_of(SPECS[0])


def test_a_second_writer_is_told_who_holds_the_ledger(tmp_path: Path) -> None:
    """By process id, host and time, and it changes nothing."""
    script = (
        "import sys, time; from pathlib import Path; from tracking.ledger.ledger import Ledger\n"
        "with Ledger.open(Path(sys.argv[1])): print('open', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        words = f"held by process {holder.pid} on .* since 20"
        with pytest.raises(UsageError, match=words), Ledger.open(tmp_path):
            pass
        with Ledger.read(tmp_path) as reader:
            assert reader.sweep_names() == []
        holder.send_signal(signal.SIGKILL)
    with Ledger.open(tmp_path) as ledger:
        assert ledger.sweep_names() == []


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    """An older refold does not touch what a newer one wrote."""
    with Ledger.open(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    before = (tmp_path / "ledger.sqlite").read_bytes()
    for way in (Ledger.open, Ledger.read):
        with pytest.raises(UsageError, match="newer refold"), way(tmp_path):
            pass
    assert (tmp_path / "ledger.sqlite").read_bytes() == before


def test_something_else_in_its_place_is_refused(tmp_path: Path) -> None:
    """A file that is no database is left as it is."""
    (tmp_path / "ledger.sqlite").write_bytes(b"not a database, but long enough to be looked at" * 10)
    with pytest.raises(UsageError, match="cannot be read as a ledger"), Ledger.open(tmp_path):
        pass
    assert (tmp_path / "ledger.sqlite").read_bytes().startswith(b"not a database")


def test_reading_where_nothing_is_says_how_to_begin(tmp_path: Path) -> None:
    """And it creates nothing."""
    with pytest.raises(UsageError, match="no sweep has run in"), Ledger.read(tmp_path / "home"):
        pass
    assert not (tmp_path / "home").exists()


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """With the path and what to do."""
    (tmp_path / "home").write_text("x")
    with pytest.raises(UsageError, match="cannot be written"), Ledger.open(tmp_path / "home"):
        pass


def test_an_unknown_sweep_is_named_with_those_there_are() -> None:
    """The message offers what exists."""
    ledger = in_memory_ledger()
    enter(prepared(PLAN), ledger)
    with pytest.raises(UsageError, match=r"no sweep is called 'x'.*: there is: made-up"):
        ledger.sweep("x")


def test_removing_a_sweep_takes_its_fits_along() -> None:
    """And leaves those of others."""
    ledger = in_memory_ledger()
    enter(prepared(PLAN), ledger)
    ledger.add_proposal("made-up", "alpha", 0, SPECS[:2], 5.0)
    for spec in SPECS[:2]:
        ledger.add_run(spec, run_of(spec))
    assert ledger.remove_sweep("made-up") == 2
    assert ledger.sweep_names() == []
    assert ledger.run_of(SPECS[0].key) is None


def test_a_half_written_transaction_never_shows(tmp_path: Path) -> None:
    """A writer that is killed between two statements leaves what was there before."""
    script = (
        "import os, sys; from pathlib import Path; from tracking.ledger.ledger import Ledger\n"
        "with Ledger.open(Path(sys.argv[1])) as ledger:\n"
        "    ledger._connection.execute('BEGIN')\n"
        "    ledger._connection.execute(\"INSERT INTO fits VALUES ('k', '{}', '{}', x'', x'', '')\")\n"
        "    os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    with Ledger.read(tmp_path) as ledger:
        assert ledger.run_of("k") is None


def test_exports_are_kept_in_order() -> None:
    """With the folder, and the weights that the next export of the same fits is compared with."""
    ledger = in_memory_ledger()
    enter(prepared(PLAN), ledger)
    for number in (2, 1):
        fits = [{"key": f"k{n}", "weights_sha256": f"w{n}"} for n in range(number)]
        card = {"key": f"m{number}", "folder": f"/models/{number}", "fits": fits, "sweep": "made-up"}
        ledger.add_export("made-up", card, float(number))
    assert ledger.exports("made-up") == [
        ExportRecord(key="m1", folder="/models/1", weights={"k0": "w0"}),
        ExportRecord(key="m2", folder="/models/2", weights={"k0": "w0", "k1": "w1"}),
    ]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE sweeps SET details = 'no json'",
        "UPDATE sweeps SET dataset = '{}'",
        "UPDATE fits SET run = CAST(x'ff' AS TEXT)",
        "UPDATE fits SET spec = '{}'",
        "UPDATE proposals SET architecture = 'other'",
        "UPDATE proposals SET hyperparameters = '{'",
    ],
)
def test_a_damaged_row_is_one_line(damage: str) -> None:
    """Whatever was changed: the sweep is named, and no error of Python's comes through."""
    ledger = in_memory_ledger()
    enter(prepared(PLAN), ledger)
    ledger.add_proposal("made-up", "alpha", 0, SPECS, 5.0)
    for spec in SPECS:
        ledger.add_run(spec, run_of(spec))
    ledger._connection.execute(damage)
    with pytest.raises(UsageError, match="is damaged") as caught:
        ledger.sweep("made-up")
    assert "\n" not in str(caught.value)


def first_version(home: Path) -> Path:
    """Make a ledger as version 1 left it, with one trial in it."""
    with Ledger.open(home) as ledger:
        enter(prepared(PLAN), ledger)
        ledger.add_proposal("made-up", "alpha", 0, SPECS, 5.0)
        for spec in SPECS:
            ledger.add_run(spec, run_of(spec))
    connection = sqlite3.connect(home / "ledger.sqlite")
    connection.executescript(AS_VERSION_1)
    connection.close()
    return home / "ledger.sqlite"


def test_an_older_ledger_is_read_as_it_is(tmp_path: Path) -> None:
    """Reading changes no byte of it; it has no comparisons yet."""
    path = first_version(tmp_path)
    before = path.read_bytes()
    with Ledger.read(tmp_path) as ledger:
        record = ledger.sweep("made-up")
        assert (record.confirmed, record.reports, ledger.changed_fits("made-up")) == ((), {}, [])
    assert [fold.spec for fold in record.trials[0].folds] == list(SPECS)
    assert path.read_bytes() == before


def test_an_older_ledger_gets_what_it_lacks(tmp_path: Path) -> None:
    """Whoever writes to it finds all that was there, and room for what is new."""
    first_version(tmp_path)
    report = ReportRecord(content="{}", page="")
    with Ledger.open(tmp_path) as ledger:
        ledger.add_further_fits("made-up", Purpose.COMPARISON, "alpha", 0, dict(enumerate(SPECS)))
        ledger.add_report("made-up", "comparison", report)
    with Ledger.read(tmp_path) as ledger:
        record = ledger.sweep("made-up")
    assert record.trials[0].folds == record.confirmed[0].folds
    assert record.confirmed[0].state == "complete"
    assert record.reports == {"comparison": report}


def test_confirmed_trials_follow_one_another(tmp_path: Path) -> None:
    """Running while fits are missing; ending at the first that failed; removed with the sweep."""
    fresh = PLAN.fit_specs(ALPHA, "comparison", VALUES, repeat=1)
    specs = dict(enumerate([*fresh, *PLAN.fit_specs(ALPHA, "comparison", VALUES, repeat=2)]))
    with Ledger.open(tmp_path) as ledger:
        enter(prepared(PLAN), ledger)
        ledger.add_further_fits("made-up", Purpose.COMPARISON, "alpha", 0, specs)
        assert ledger.sweep("made-up").confirmed == ()
        for place in (1, 0):
            ledger.add_run(specs[place], run_of(specs[place]))
        (trial,) = ledger.sweep("made-up").confirmed
        assert (trial.state, [fold.spec for fold in trial.folds]) == ("running", [specs[0], specs[1]])
        failed = FitResult(key=specs[2].key, state="failed", reason="made up")
        ledger.add_run(specs[2], replace(run_of(specs[2]), result=failed))
        ledger.add_run(specs[3], run_of(specs[3]))
        (trial,) = ledger.sweep("made-up").confirmed
        assert (trial.state, trial.reason, len(trial.folds)) == ("failed", "made up", 3)
        assert ledger.remove_sweep("made-up") == 4


def test_an_empty_file_is_no_newer_ledger(tmp_path: Path) -> None:
    """A creation that was interrupted is begun again; another program's database is left alone."""
    (tmp_path / "ledger.sqlite").touch()
    with pytest.raises(UsageError, match="no sweep has run"), Ledger.read(tmp_path):
        pass
    with Ledger.open(tmp_path) as ledger:
        assert ledger.sweep_names() == []
    other = tmp_path / "other"
    other.mkdir()
    with sqlite3.connect(other / "ledger.sqlite") as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(UsageError, match="another program's database"), Ledger.open(other):
        pass

"""A home of an earlier refold: everything that trains nothing works, the rest says what it needs.

The tests make up a kind of processor (``tests/processor.py``): the recorded home is always another machine's.
"""

import json
import re
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from sweeps.cli.main import grammar
from sweeps.definition import identity
from sweeps.retraining.differences import dataset_differences
from sweeps.retraining.recorded_fits import architecture_differences, load_again
from sweeps.verification import differences
from sweeps.verification.asked_fits import asked_fits
from sweeps.verification.circumstances import circumstance_differences
from sweeps.verification.exports import export_differences
from sweeps.verification.reports import report_differences
from sweeps.verification.results import result_differences
from sweeps.verification.sweep_text import text_differences
from sweeps.verification.trials import asked_differences, trial_differences
from tests.recorded_home import AS_VERSION_1, BEFORE_EXAMS, BEFORE_THE_MOVE, copy_of
from tracking.ledger.ledger import Ledger
from tracking.records import Opening
from trainer.errors import Mismatch, RefoldError, UsageError

#: The recorded sweep's digest, as the refold that ran it printed it.
DIGEST = "6e60952fe5ec67f4e1fc7a9b2d7ec85f58aee0108ab256147b646b6f241c3928"

#: The kind of processor that trained it.
KIND = "AMD EPYC"

OTHER_TENSORFLOW = (
    "UPDATE sweeps SET environment = json_set(environment, '$.packages.tensorflow', '2.20.0', "
    "'$.packages.keras', '3.14.0')"
)
OTHER_PROCEDURE = "UPDATE sweeps SET identity = json_set(identity, '$.procedure', 2)"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the home, in the current folder, beside the sweep file."""
    monkeypatch.chdir(tmp_path)
    return copy_of(BEFORE_THE_MOVE, tmp_path)


def change(home: Path, statements: str) -> None:
    """Change the record."""
    with closing(sqlite3.connect(home / "ledger.sqlite")) as ledger:
        ledger.executescript(statements)


def refold(*arguments: str) -> int:
    """Do in this process what the command line does, without leaving it; errors are raised."""
    options = grammar().parse([*arguments, "--home", "home"])
    code: int = options.action(options)
    return code


@pytest.mark.parametrize("changed", ["", AS_VERSION_1, OTHER_TENSORFLOW, OTHER_PROCEDURE])
def test_what_only_reads_works(home: Path, capsys: pytest.CaptureFixture[str], changed: str) -> None:
    """List, show, plan and hand over to Optuna; also with a ledger, packages or training of before."""
    change(home, changed)
    assert refold("ls") == 0
    assert DIGEST[:16] in capsys.readouterr().out
    assert refold("show", "fixture") == 0
    shown = capsys.readouterr().out
    assert all(text in shown for text in (DIGEST, "pruned", "24 units are too many for this example"))
    assert "not sealed: recorded by a version of refold that had no seals" in shown
    assert refold("show", "fixture", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["digest"] == DIGEST
    states = [(trial["architecture"], trial["state"]) for trial in told["trials"] if trial["number"] == 1]
    assert states == [("baseline", "complete"), ("lenet", "pruned"), ("tiny", "failed")]
    assert refold("show", "fixture", "--trial", "baseline/1") == 0
    assert refold("plan", "fixture") == 0
    assert refold("study", "fixture", "--storage", "sqlite:///study.db") == 0
    assert "fixture-tiny" in capsys.readouterr().out


def test_the_record_still_follows_from_itself(home: Path) -> None:
    """Keys, digests, seeds, proposals and scores are derived as they were; nothing is trained for it."""
    notes = derived_again(home, DIGEST)
    assert "an earlier refold has written its page, which was not compared" in notes[0]


def test_a_home_without_exams_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its record follows from itself, its seal holds, it has no exam; openings are kept from now on."""
    monkeypatch.chdir(tmp_path)
    home = copy_of(BEFORE_EXAMS, tmp_path)
    with Ledger.read(home) as ledger:
        digest = ledger.sweep("fixture").digest
        (moved,) = ledger.check_seal("fixture").differences
        assert moved.row == "the sweep's column details.folder"  # by ``copy_of``
    (note,) = derived_again(home, digest)
    assert "an earlier refold has written its page, which was not compared" in note
    assert refold("show", "fixture") == 0
    with Ledger.open(home) as ledger:
        entry = ledger.entry("fixture")
        assert entry is not None
        assert (entry.dataset.exam, entry.details.dataset.exam) == (None, "official")
        opening = Opening(exam="e" * 64, sweep="fixture", purpose="export", model="k", at=1.0)
        ledger.add_opening(opening)
        assert ledger.openings("e" * 64) == (opening,)
        assert ledger.sweep("fixture").digest == digest


def derived_again(home: Path, digest: str) -> list[str]:
    """Compare all that follows from a record; return the notes on its reports."""
    with Ledger.read(home) as ledger:
        record, entry = ledger.sweep("fixture"), ledger.entry("fixture")
        contents = ledger.contents("fixture")
        assert ledger.changed_fits("fixture") == []
    assert entry is not None
    plan = identity.plan_of(entry)
    assert record.digest == digest
    assert plan.key == entry.key
    assert [*differences.identity_differences(entry), *architecture_differences(entry)] == []
    loaded = load_again(home, entry)
    dataset = loaded.search
    assert dataset_differences(entry, loaded) == []
    assert text_differences(entry) == []
    asked = asked_fits(record, contents, plan)
    assert [*trial_differences(record, plan), *asked_differences(asked, contents.unasked)] == []
    assert [*differences.spec_differences(asked), *result_differences(asked, loaded)] == []
    assert circumstance_differences(asked) == []
    differ, notes = report_differences(record, contents, dataset, None)
    assert differ == []
    differ, of_exports = export_differences(record, entry, contents.cards, loaded)
    assert differ == []
    assert "is gone, so its files were not compared" in of_exports[0]
    assert differences.proposal_differences(record, plan) == []
    return notes


@pytest.mark.slow
def test_mlflows_record_is_made_again_and_served(
    home: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every trial, and the comparison as it was concluded then, 5x2cv test included."""
    shutil.copy(empty_database, home / "mlflow.db")
    served: list[str] = []
    monkeypatch.setattr("tracking.mlflow.ui.serve_ui", lambda uri, *_, **__: served.append(uri))
    assert refold("sync", "fixture") == 0
    assert refold("ui") == 0
    with closing(sqlite3.connect(served[0].removeprefix("sqlite:///"))) as database:
        kinds = Counter(
            kind for (kind,) in database.execute("SELECT value FROM tags WHERE key = 'refold.kind'")
        )
    assert (kinds["sweep"], kinds["trial"]) == (1, 6)
    (comparison,) = home.glob("artifacts/*/*/artifacts/comparison.json")
    assert all("p_5x2cv_f" in pair for pair in json.loads(comparison.read_text())["pairs"])


def test_what_would_be_trained_beside_it_says_what_that_needs(home: Path) -> None:
    """More repeats for a comparison: the kind of processor, packages or refold of then, in one line each."""
    for changed, said in (
        ("", f"Train on a processor of the kind {KIND}, or run the sweep again"),
        (
            OTHER_TENSORFLOW,
            r"Train after 'pip install keras==3\.14\.0 tensorflow==2\.20\.0' and on a processor",
        ),
        (OTHER_PROCEDURE, r"use the version of refold that ran the sweep \(0\.1\.0, as it was then\)"),
    ):
        change(home, changed)
        with pytest.raises(UsageError, match=said) as caught:
            refold("compare", "fixture", "--repeats", "6")
        assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.training
def test_more_trials_are_refused_with_what_they_need(home: Path) -> None:
    """The same sweep file with more trials would go on with it, but another processor rounds otherwise."""
    file = home.parent / "sweep.toml"
    file.write_text(file.read_text().replace("trials = 2", "trials = 3"))
    with pytest.raises(UsageError, match=f"Go on on a processor of the kind {KIND}, or give the sweep"):
        refold("run", str(file), "--quiet")


@pytest.mark.slow
@pytest.mark.training
def test_a_users_model_of_then_is_exported_or_refused_by_name(home: Path) -> None:
    """Its fits are trained again, on whatever this is: the recorded bits, or one line with that kind."""
    (home.parent / "my_models.py").unlink()  # its text is recorded
    with Ledger.read(home) as ledger:
        entry = ledger.entry("fixture")
    assert entry is not None
    here, then = Path("/proc/cpuinfo").read_bytes().decode(), entry.environment.cpu
    fields = ("cpu family", "model", "model name")  # several kinds have the same name
    same = all(re.search(rf"^{each}\s*: {re.escape(then[each])}$", here, re.MULTILINE) for each in fields)
    said = ""
    try:
        trusted = ("--how", "ensemble", "--out", "models", "--trust-code")
        refold("export", "fixture", "--architecture", "tiny", *trusted)
    except Mismatch as error:
        said = str(error)
    if said or not list(home.parent.glob("models/*/model.keras")):
        assert f"train on a processor of the kind {KIND}" in said
        assert not same


def test_another_procedure_is_not_exported(home: Path) -> None:
    """Its fits cannot be trained again by this refold, whatever the processor."""
    change(home, OTHER_PROCEDURE)
    with pytest.raises(RefoldError, match=r"refold that ran the sweep \(0\.1\.0, as it was then\)"):
        refold("export", "fixture", "--architecture", "tiny", "--out", "models")
    assert not (home.parent / "models").exists()

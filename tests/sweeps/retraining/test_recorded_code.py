"""Recorded code runs only if it is what was trained, and unasked only if it is this account's own."""

import ast
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import refold
from sweeps import account
from sweeps.cli.main import grammar
from sweeps.export import recorded_sweep
from sweeps.export.recorded_sweep import ExportOptions
from sweeps.export.request import ExportRequest
from sweeps.home import Home
from sweeps.retraining.recorded_code import admit
from tests.exported_model import about
from tests.own_architecture import FILE, Carriers, record, with_own
from tracking.ledger.entry import SweepEntry
from tracking.ledger.ledger import Ledger
from trainer.errors import Mismatch, RefoldError, UsageError
from trainer.user_code import UserSource

NO_MLFLOW = "http://127.0.0.1:9"


class Exporting(Exception):
    """An export has begun, with this code."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home, the dataset, and the file with the user's architecture."""
    folder = tmp_path_factory.mktemp("recorded")
    record(folder)
    return folder


@pytest.fixture
def folder(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it as it was recorded: nobody has claimed the home, and nothing is remembered."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    shutil.copytree(recorded, tmp_path / "here")
    change(tmp_path / "here", "$.folder", str(tmp_path / "here"))
    return tmp_path / "here"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> dict[str, UserSource | None]:
    """The code that was sent to workers or to an export, by architecture. Nothing trains here."""
    workers = Carriers()

    @contextmanager
    def start(*_: Any) -> Iterator[Carriers]:
        yield workers

    def export(request: ExportRequest) -> None:
        workers.sent[request.choice.trial.architecture] = request.source
        raise Exporting

    monkeypatch.setattr("sweeps.cluster.coordinator.local_workers", start)
    monkeypatch.setattr(recorded_sweep, "export", export)
    return workers.sent


def change(folder: Path, place: str, value: str) -> None:
    """Change the record's details."""
    with closing(sqlite3.connect(folder / "home" / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("UPDATE sweeps SET details = json_set(details, ?, ?)", (place, value))


def entry_of(folder: Path) -> SweepEntry:
    """Return the sweep's entry."""
    with Ledger.read(folder / "home") as ledger:
        entry = ledger.entry("made")
    assert entry is not None
    return entry


def command(*arguments: str) -> Callable[[Path, bool], object]:
    """Return a command of the command line, as it is in this process."""

    def run(folder: Path, trusted: bool) -> None:
        more = ["--trust-code"] if trusted else []
        options = grammar().parse([*arguments, "--home", str(folder / "home"), *more])
        options.action(options)

    return run


def opened(ask: Callable[[refold.Outcome], object]) -> Callable[[Path, bool], object]:
    """Return what a notebook does with a sweep that it opens."""
    return lambda folder, trusted: ask(refold.open("made", folder / "home", trust_code=trusted))


#: Everything that trains recorded fits again, or new ones beside them.
WAYS: dict[str, Callable[[Path, bool], object]] = {
    "export": command("export", "made", "--architecture", "mine"),
    "verify": command("verify", "made", "--trial", "mine/0"),
    "compare": command("compare", "made", "--on", "folds", "--repeats", "2", "--tracking-uri", NO_MLFLOW),
    "variance": command(
        "variance", "made", "--architecture", "mine", "--rows", "4", "--tracking-uri", NO_MLFLOW
    ),
    "Outcome.export": opened(lambda outcome: outcome.export(architecture="mine")),
    "Outcome.model": opened(lambda outcome: outcome.model(trial="mine/0")),
    "Outcome.predict": opened(lambda outcome: outcome.predict([], trial="mine/0")),
    "Outcome.compare": opened(lambda outcome: outcome.compare(on="folds", repeats=2, tracking_uri=NO_MLFLOW)),
    "refold.export": lambda folder, trusted: refold.export(
        "made", folder / "home", architecture="mine", trust_code=trusted
    ),
    "refold.verify": lambda folder, trusted: refold.verify(
        "made", folder / "home", trial="mine/0", trust_code=trusted
    ),
    "refold.compare": lambda folder, trusted: refold.compare(
        "made", folder / "home", on="folds", repeats=2, tracking_uri=NO_MLFLOW, trust_code=trusted
    ),
    "refold.variance": lambda folder, trusted: refold.variance(
        "made", folder / "home", architecture="mine", rows=4, tracking_uri=NO_MLFLOW, trust_code=trusted
    ),
}

#: Those of the command line: the others call the same functions.
COMMANDS = ("export", "verify", "compare", "variance")


def go(way: str, folder: Path, *, trusted: bool = False) -> None:
    """Ask for it; an export ends where its pipeline begins."""
    try:
        WAYS[way](folder, trusted)
    except Exporting:
        return


@pytest.mark.parametrize("way", WAYS)
def test_code_from_elsewhere_is_refused_then_trusted(
    way: str, folder: Path, sent: dict[str, UserSource | None]
) -> None:
    """One line says what would run, how to look at it and what to type; with that it runs, and later too."""
    (folder / FILE).unlink()
    with pytest.raises(UsageError) as caught:
        go(way, folder)
    said = str(caught.value)
    assert not sent
    assert "\n" not in said
    source = entry_of(folder).details.sources["mine"]
    for part in (f"mine ({FILE}:Net", source.digest[:16], str(folder / "home"), "--trust-code", "--code"):
        assert part in said
    go(way, folder, trusted=True)
    assert sent["mine"] == source
    sent.clear()
    go("verify", folder)
    assert sent["mine"] == source


@pytest.mark.parametrize("way", WAYS)
def test_changed_code_is_refused_even_if_it_is_trusted(
    way: str, folder: Path, sent: dict[str, UserSource | None], capsys: pytest.CaptureFixture[str]
) -> None:
    """A text that is not what was trained goes nowhere, in a home of one's own too."""
    assert account.claim(folder / "home") is None
    change(folder, "$.sources.mine.files[0][1]", "open('imported', 'w')")
    try:
        go(way, folder, trusted=True)
        said = capsys.readouterr().out
    except RefoldError as error:
        said = str(error)
    assert not sent
    if way != "refold.verify":  # it returns a report, which names it
        assert "mine" in said
        assert "the record was changed" in said.lower()


@pytest.mark.parametrize(
    ("way", "own"), [*((way, "home") for way in WAYS), *((way, "file") for way in COMMANDS)]
)
def test_what_is_ones_own_runs_unasked(
    way: str, own: str, folder: Path, sent: dict[str, UserSource | None]
) -> None:
    """The home was made by this account; or the file that the sweep file names has the recorded text."""
    if own == "home":
        assert account.claim(folder / "home") is None
        (folder / FILE).unlink()
    go(way, folder)
    assert sent["mine"] == entry_of(folder).details.sources["mine"]


def test_built_in_architectures_need_no_trust(folder: Path, sent: dict[str, UserSource | None]) -> None:
    """Their code is refold's: in a home of somebody else's too, and beside somebody else's code."""
    (folder / FILE).unlink()
    refold.verify("made", folder / "home", trial="lenet/0")
    assert sent == {"lenet": None}


def test_a_copy_of_ones_own_home_is_not_known(folder: Path) -> None:
    """It may come back from anybody; the original is still known."""
    home = folder / "home"
    assert account.claim(home) is None
    shutil.copytree(home, folder / "copy")
    assert account.made(home)
    assert not account.made(folder / "copy")


@pytest.mark.parametrize(
    "mark", ["", "../homes/x", "/etc/passwd", "a" * 63, "A" * 64, "f" * 64, "\0" * 64, "é" * 64]
)
def test_a_forged_mark_makes_no_home_ones_own(folder: Path, mark: str) -> None:
    """Nothing else than a mark that this account has written."""
    (folder / "home" / account.MARK).write_text(mark)
    assert not account.made(folder / "home")


def test_a_mark_that_is_a_pipe_keeps_nobody_waiting(folder: Path) -> None:
    """Opening one waits until somebody writes into it."""
    os.mkfifo(folder / "home" / account.MARK)
    assert not account.made(folder / "home")


def test_another_accounts_marks_do_not_count(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where accounts share a state folder, each has only its own."""
    source = entry_of(folder).details.sources["mine"]
    assert account.claim(folder / "home") is None
    account.trust(source.digest)
    assert account.made(folder / "home")
    assert account.trusts(source.digest)
    monkeypatch.setattr("os.geteuid", lambda: 4_000_000)
    assert not account.made(folder / "home")
    assert not account.trusts(source.digest)
    with pytest.raises(UsageError, match="--trust-code"):  # nor does the file, which is another account's
        admit(folder / "home", entry_of(folder), ["mine"])


def test_a_file_counts_only_where_no_sender_can_have_put_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not through the current folder, not by a relative path, not in the home, not through a link."""
    home, text = folder / "home", (folder / FILE).read_text()
    (home / FILE).write_text(text)
    (folder / "link").symlink_to(folder)
    monkeypatch.chdir(folder)
    admit(home, entry_of(folder), ["mine"])
    for place in ("/proc/self/cwd", ".", "", str(home), str(folder / "link"), "/dev/fd/../../proc/self/cwd"):
        change(folder, "$.folder", place)
        with pytest.raises(UsageError, match="--trust-code"):
            admit(home, entry_of(folder), ["mine"])
    entry = entry_of(folder)
    impossible = replace(entry, details=replace(entry.details, folder="/a\0b"))
    with pytest.raises(UsageError, match="--trust-code"):
        admit(home, impossible, ["mine"])
    change(folder, "$.folder", str(folder))
    for name in ("/proc/self/cwd/my_models.py:Net", f"link/{FILE}:Net", "notebook:Net", f"home/{FILE}:Net"):
        change(folder, "$.sources.mine.spec", name)
        with pytest.raises(UsageError, match="--trust-code"):
            admit(home, entry_of(folder), ["mine"])


def test_code_that_runs_is_the_text_that_was_trusted(folder: Path) -> None:
    """Trust is for this text: another one under the same name is asked about again."""
    (folder / FILE).unlink()
    home = folder / "home"
    admit(home, entry_of(folder), ["mine"], trust_code=True)
    other = UserSource(spec=f"{FILE}:Net", files=((FILE, "print('other')\n"),))
    with closing(sqlite3.connect(home / "ledger.sqlite")) as ledger, ledger:  # a record that fits together
        ledger.execute(
            "UPDATE sweeps SET details = json_set(details, '$.sources.mine', json(?)), "
            "identity = json_set(identity, '$.architectures.mine.digest', ?)",
            (json.dumps(other.to_json()), other.digest),
        )
    with pytest.raises(UsageError, match="--trust-code"):
        admit(home, entry_of(folder), ["mine"])


def test_an_identity_without_the_architecture_is_refused(folder: Path) -> None:
    """A record whose identity was cut is damaged; its code goes nowhere, trusted or not."""
    with closing(sqlite3.connect(folder / "home" / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("UPDATE sweeps SET identity = json_remove(identity, '$.architectures.mine')")
    with pytest.raises(UsageError, match="is damaged"):
        admit(folder / "home", entry_of(folder), ["mine"], trust_code=True)


def test_a_sweep_that_goes_on_runs_the_file_and_not_the_record(
    folder: Path, recorded: Path, sent: dict[str, UserSource | None]
) -> None:
    """Also where the record has another text under that name: what the user names is what runs."""
    prepared = with_own(recorded)
    change(folder, "$.sources.mine.files[0][1]", "open('imported', 'w')")
    with closing(sqlite3.connect(folder / "home" / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("DELETE FROM fits WHERE json_extract(spec, '$.architecture') = 'mine'")
    refold.run(prepared, home=folder / "home", workers=1, tracking_uri=NO_MLFLOW, progress=False)
    assert sent["mine"] == prepared.plan.architectures[1].source


@pytest.mark.slow
def test_a_sweep_claims_the_home_that_it_makes(
    tmp_path: Path, sent: dict[str, UserSource | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new home is known later; one that was there before stays whose it was."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    prepared = with_own(tmp_path)
    refold.run(prepared, home=tmp_path / "new", workers=1, tracking_uri=NO_MLFLOW, progress=False)
    assert account.made(tmp_path / "new")
    (tmp_path / "new" / account.MARK).unlink()
    refold.run(prepared, home=tmp_path / "new", workers=1, tracking_uri=NO_MLFLOW, progress=False)
    assert not account.made(tmp_path / "new")


def test_where_nothing_can_be_remembered_that_is_said(
    folder: Path, sent: dict[str, UserSource | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, and all goes on; what is trusted then is trusted for that command."""
    (folder / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "file"))
    said = account.claim(folder / "home")
    assert said is not None
    assert "\n" not in said
    assert str(folder / "file" / "refold") in said
    (folder / FILE).unlink()
    go("verify", folder, trusted=True)
    assert sent["mine"] is not None
    with pytest.raises(UsageError, match="--trust-code"):
        go("verify", folder)


def test_a_model_elsewhere_counts_only_in_a_home_of_ones_own(
    folder: Path, sent: dict[str, UserSource | None]
) -> None:
    """A record of somebody else's could name any file as the sweep's model; the home's own counts."""
    options = ExportOptions(trial="mine/0")
    with Ledger.open(folder / "home") as ledger:
        key = recorded_sweep.choose_recorded(ledger, "made", options).key
        for place in (folder / "home" / "models" / "theirs", folder / "elsewhere"):
            place.mkdir(parents=True)
            (place / "model.json").write_text(json.dumps(about(key=key).to_json()))
            (place / "model.keras").write_text("weights")
            ledger.add_export("made", {"key": key, "folder": str(place), "weights_sha256": {}}, 1.0)
    home = Home(folder / "home")
    assert recorded_sweep.exported_folder(home, "made", options) == home.path / "models" / "theirs"
    assert account.claim(home.path) is None
    assert recorded_sweep.exported_folder(home, "made", options) == folder / "elsewhere"
    assert not sent


def test_recorded_texts_leave_the_record_in_one_place() -> None:
    """Whoever takes them from the record passes ``admit``, or only compares and shows them."""
    allowed = {
        "recorded_code.py": "admit",
        "recorded_fits.py": "digests are compared",
        "record.py": "show --code prints them",
        "retraining.py": "an export compares digests",
        "sweep_text.py": "the text of the sweep file is compared with it",
    }
    root = Path(refold.__file__).parents[1]
    taking = {
        file.name
        for package in ("sweeps", "tracking")
        for file in (root / package).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "sources"
        if isinstance(node.value, ast.Attribute) and node.value.attr == "details"
    }
    assert taking == set(allowed)


def test_the_home_is_named_as_the_user_would(folder: Path) -> None:
    """The command that shows the code names the home that was asked."""
    (folder / FILE).unlink()
    with pytest.raises(UsageError, match="refold show made --code --home") as caught:
        admit(folder / "home", entry_of(folder), ["mine"])
    assert Home(folder / "home").option in str(caught.value)
    assert not isinstance(caught.value, Mismatch)

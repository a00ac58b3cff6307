"""Verification: what matches is said to match, and every way a record can be wrong is named."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeps import account
from sweeps.api.sweep import ready
from sweeps.cli.verify import verification_json, verification_lines
from sweeps.definition.architecture_choice import ArchitectureChoice
from sweeps.definition.prepare import prepare
from sweeps.definition.spec import CrossValidation, SweepSpec
from sweeps.definition.sweep_file import sweep_text
from sweeps.execution.loop import run_sweep
from sweeps.execution.progress import Silent
from sweeps.home import Home
from sweeps.verification.report import Report
from sweeps.verification.selection import FitSelection
from sweeps.verification.verify import verify
from tests.closed_formula import Killed, starter
from tests.recorded_home import AS_VERSION_2
from tests.varied_sweep import VariedWorkers
from tracking.ledger.file import checksum
from tracking.ledger.ledger import Ledger
from trainer import names
from trainer.datasets import Arrays, DatasetSource
from trainer.errors import UsageError
from trainer.fits.specs import PROCEDURE


def write_data(folder: Path, change: str = "") -> None:
    """Write a small dataset, changed in one way."""
    rng = np.random.default_rng(1)
    images, labels = rng.integers(0, 255, (24, 8, 8), dtype=np.uint8), np.arange(24) % 2
    names = np.array(["a", "b"])
    if change == "one pixel":
        images[3, 4, 5] ^= 1
    if change == "order":
        images, labels = images[::-1], labels[::-1]
    if change == "one label":
        labels[[0, 1]] = labels[[1, 0]]
    if change == "a class name":
        names = np.array(["a", "c"])
    np.savez(folder / "data.npz", images=images, labels=labels, class_names=names)


def sweep(folder: Path) -> SweepSpec:
    """A sweep of two built-in architectures over that dataset."""
    return SweepSpec(
        name="made",
        trials=3,
        dataset=DatasetSource(source="data.npz"),
        cv=CrossValidation(folds=3, epochs=5),
        architectures=(ArchitectureChoice(name="lenet"), ArchitectureChoice(name="baseline")),
        folder=folder,
    )


def record_sweep(folder: Path, kill_after: int | None = None) -> None:
    """Run the sweep with the closed-formula trainer."""
    write_data(folder)
    workers = VariedWorkers(2, kill_after=kill_after)
    with Ledger.open(folder / "home") as ledger:
        run_sweep(
            prepare(sweep(folder), sweep_text(sweep(folder))),
            folder / "home",
            ledger,
            start_workers=starter(workers),
            workers=1,
            progress=Silent(),
        )


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished sweep and its data."""
    folder = tmp_path_factory.mktemp("recorded")
    record_sweep(folder)
    return folder


@pytest.fixture
def from_arrays(tmp_path: Path) -> Path:
    """A home with a finished sweep whose data was given as arrays, which nobody has any more."""
    rng = np.random.default_rng(1)
    given = (rng.integers(0, 255, (24, 8, 8), dtype=np.uint8), np.arange(24) % 2)
    spec = replace(sweep(tmp_path), dataset=Arrays(*given))
    with Ledger.open(tmp_path / "home") as ledger:
        run_sweep(
            prepare(spec, sweep_text(spec)), tmp_path / "home", ledger,
            start_workers=starter(VariedWorkers(2)), workers=1, progress=Silent(),
        )  # fmt: skip
    return tmp_path / "home"


def test_a_sweep_on_arrays_is_verified_with_the_images_that_its_home_stored(from_arrays: Path) -> None:
    """They are read whole and compared with the recorded fingerprint; where they are gone, that is said."""
    wanted = FitSelection(everything=True)

    def start(_log: Path) -> Any:
        return starter(VariedWorkers(1))(lambda _event: None)

    report = verify(from_arrays, "made", wanted, start_workers=start)
    assert (report.differences, report.trained) == ((), report.recorded)
    with Ledger.read(from_arrays) as ledger:
        stored = from_arrays / "datasets" / ledger.sweep("made").dataset.fingerprint
    images = np.lib.format.open_memmap(stored / "images.npy", mode="r+")
    images[0, 0, 0] ^= 1
    images.flush()
    found = verify(from_arrays, "made", wanted, start_workers=start).differences
    assert found[0].subject == "dataset"
    shutil.rmtree(stored)
    with pytest.raises(UsageError, match=r"is missing .* run again with the same arrays: they"):
        verify(from_arrays, "made", wanted, start_workers=start)


@pytest.fixture
def folder(recorded: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may tamper with; the sweep believes that its data is here."""
    shutil.copytree(recorded, tmp_path / "copy")
    with Ledger.open(tmp_path / "copy" / "home") as ledger:
        entry = ledger.entry("made")
        assert entry is not None
        details = replace(entry.details, folder=str(tmp_path / "copy"))
        ledger.update_sweep("made", entry.trials, entry.toml, details)
    return tmp_path / "copy"


def change(folder: Path, statement: str, value: Callable[[Any], Any]) -> None:
    """Run one UPDATE on the ledger; ``value`` makes the new value."""
    connection = sqlite3.connect(folder / "home" / "ledger.sqlite")
    connection.execute(statement, (value(None),))
    connection.commit()
    connection.close()


#: The row of each table that is tampered with. Keys are in no order: the fit is named by its trial and fold.
ROWS = {
    "fits": "key = (SELECT key FROM members WHERE architecture = 'lenet' AND number = 0 AND position = 0)",
    "proposals": "architecture = 'lenet' AND number = 0",
    "sweeps": "name = 'made'",
}


def tamper(
    column: str, edit: Callable[[dict[str, Any]], None], table: str = "fits"
) -> Callable[[Path], None]:
    """Return what edits the JSON of a row of a table, as somebody with an editor would."""

    def apply(folder: Path) -> None:
        connection = sqlite3.connect(folder / "home" / "ledger.sqlite")
        ((text,),) = connection.execute(f"SELECT {column} FROM {table} WHERE {ROWS[table]}").fetchall()
        data = json.loads(text)
        edit(data)
        changed = json.dumps(data, sort_keys=True)
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {ROWS[table]}", (changed,))
        connection.commit()
        connection.close()

    return apply


def flip(digits: str) -> str:
    """Return a hexadecimal digest with one bit changed."""
    return f"{int(digits[0], 16) ^ 1:x}{digits[1:]}"


def flip_in(*path: str | int) -> Callable[[dict[str, Any]], None]:
    """Return what flips one bit of the digest at ``path``."""

    def edit(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        data[path[-1]] = flip(data[path[-1]])

    return edit


def put(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return what sets the value at ``path``."""

    def edit(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        data[path[-1]] = value

    return edit


def hyperparameter(data: dict[str, Any]) -> None:
    """Change the learning rate of a spec in its last digit."""
    for pair in data["hyperparameters"]:
        if pair[0] == "learning_rate":
            pair[1] = float(np.nextafter(pair[1], 1))


def checked(folder: Path, wanted: FitSelection | None = None) -> Report:
    """Verify with the closed-formula trainer."""

    @contextmanager
    def start(_log: Path) -> Iterator[VariedWorkers]:
        yield VariedWorkers(2)

    return verify(folder / "home", "made", wanted or FitSelection(), start_workers=start)


def test_the_oldest_sweeps_are_not_called_damaged(folder: Path) -> None:
    """Their identities lack parts; that refold trains differently now is all that is said."""

    def age(identity: dict[str, Any]) -> None:
        del identity["prune"]
        identity["procedure"] = 1

    tamper("identity", age, "sweeps")(folder)
    connection = sqlite3.connect(folder / "home" / "ledger.sqlite")
    connection.executescript(AS_VERSION_2)
    connection.close()
    (difference,) = checked(folder).differences
    said = f"1 recorded, {PROCEDURE} here: use the version of refold that ran the sweep"
    assert str(difference).startswith(f"made: procedure of training: {said}")


@pytest.mark.parametrize("classes", [["a", "e\u0301"], ["a", "b\u202ec"], ["a", "b"]])
def test_names_of_before_the_rule_are_verified(tmp_path: Path, classes: list[str]) -> None:
    """An earlier version took these names as they are; the record follows from text and data, and goes on."""
    write_data(tmp_path)
    content = dict(np.load(tmp_path / "data.npz"))
    np.savez(tmp_path / "data.npz", **content | {"class_names": np.array(classes)})
    with names.recorded(), Ledger.open(tmp_path / "home") as ledger:
        spec = replace(sweep(tmp_path), experiment="team/digits")
        run_sweep(
            prepare(spec, sweep_text(spec), str), tmp_path / "home", ledger,
            start_workers=starter(VariedWorkers(2)), workers=1, progress=Silent(),
        )  # fmt: skip
    assert checked(tmp_path).differences == ()
    again = ready(spec, Home(tmp_path / "home")).dataset
    assert list(again.classes) == classes
    change(tmp_path, "UPDATE sweeps SET toml = replace(toml, 'seed = 1', ?)", lambda _: "seed = 2")
    assert any("seed" in str(difference) for difference in checked(tmp_path).differences)


def test_a_name_of_a_sweep_file_is_verified_in_composed_form(tmp_path: Path) -> None:
    """The text may have it in another form than the record."""
    write_data(tmp_path)
    spec = replace(sweep(tmp_path), experiment="cafe\u0301")
    text = sweep_text(spec).replace("caf\u00e9", "cafe\u0301")
    assert "cafe\u0301" in text
    with Ledger.open(tmp_path / "home") as ledger:
        run_sweep(
            prepare(spec, text), tmp_path / "home", ledger,
            start_workers=starter(VariedWorkers(2)), workers=1, progress=Silent(),
        )  # fmt: skip
    assert checked(tmp_path).differences == ()


def test_what_gpus_trained_is_not_called_different(folder: Path) -> None:
    """A processor cannot repeat it, and no difference from it means anything."""
    tamper("identity", put("device", value="gpu"), "sweeps")(folder)
    with pytest.raises(UsageError, match="'made' was trained on GPUs"):
        checked(folder)


def test_an_untouched_record_matches(folder: Path) -> None:
    """A sample: one fit of each architecture; nothing is written to what is verified."""
    before = {path: path.read_bytes() for path in (folder / "home").rglob("*") if path.is_file()}
    report = checked(folder)
    assert report.differences == ()
    assert (report.proposed, report.trained) == (6, 2)
    assert report.same_kind
    assert {p: p.read_bytes() for p in (folder / "home").rglob("*") if p.is_file()} == before


def test_all_and_one_trial_and_one_fold_can_be_chosen(folder: Path) -> None:
    """And what there is not is refused."""
    everything = checked(folder, FitSelection(everything=True))
    assert everything.trained == everything.recorded >= 6
    assert checked(folder, FitSelection(architecture="lenet", trial=1, fold=0)).trained == 1
    with pytest.raises(UsageError, match="no such trial or fold"):
        checked(folder, FitSelection(fold=7))


def test_a_difference_in_training_is_found_and_sized(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If training again gives other weights, the first epoch that differs is named."""
    tamper("run", flip_in("result", "epochs", 1, "weights_sha256"))(folder)
    tamper("run", put("result", "epochs", 1, "loss", value=0.5001))(folder)
    first = checked(folder).differences[0]
    assert first.subject == "weights after epoch 2"
    assert "largest difference of a training loss 0.0001" in first.what


def test_another_kind_of_machine_is_said(folder: Path) -> None:
    """No promise of identical bytes, but everything is compared all the same."""
    tamper("run", put("environment", "cpu", value={"model name": "another"}))(folder)
    report = checked(folder)
    assert not report.same_kind


def test_what_cannot_be_verified_is_refused_in_one_line(folder: Path, tmp_path: Path) -> None:
    """Unfinished, half-written, dataset gone, cut off, flipped bytes: each is named."""
    ledger = folder / "home" / "ledger.sqlite"
    whole = ledger.read_bytes()
    (tmp_path / "unfinished").mkdir()
    with pytest.raises(Killed):
        record_sweep(tmp_path / "unfinished", kill_after=4)
    with pytest.raises(UsageError, match="'made' is not finished"):
        checked(tmp_path / "unfinished")

    tamper("run", lambda data: data["result"].pop("epochs"))(folder)
    with pytest.raises(UsageError, match="is damaged"):
        checked(folder)

    ledger.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match=r"damaged|cannot be read"):
        checked(folder)

    pages = bytearray(whole)
    for page in range(4096, len(pages), 4096):
        pages[page : page + 64] = b"\xff" * 64
    ledger.write_bytes(bytes(pages))
    with pytest.raises(UsageError, match=r"damaged|cannot be read"):
        checked(folder)

    ledger.write_bytes(whole)
    (folder / "data.npz").unlink()
    with pytest.raises(UsageError, match=r"data\.npz"):
        checked(folder)


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("DELETE FROM proposals WHERE architecture = 'lenet' AND number = 2", "trial lenet/2"),
        ("UPDATE proposals SET number = -number; UPDATE proposals SET number = number + 2", "trial lenet/2"),
        ("DELETE FROM members WHERE architecture = 'lenet' AND number = 2", "fold 0 of lenet/2"),
        ("UPDATE sweeps SET toml = 'name = \"made\"\n'", "the sweep's column toml"),
        ("UPDATE sweeps SET created_at = 1e9", "the sweep's column created_at"),
        ("DELETE FROM seals", "the sweep's seal"),
    ],
)
def test_what_only_the_seal_notices_is_named(folder: Path, statement: str, row: str) -> None:
    """Whether the record can still be read as a finished sweep or not."""
    connection = sqlite3.connect(folder / "home" / "ledger.sqlite")
    connection.executescript(f"{statement};")
    connection.close()
    found = checked(folder).differences
    assert ("seal", row) in {(difference.subject, difference.where) for difference in found}


def test_a_sweep_of_an_older_version_is_said_to_be_unsealed(folder: Path) -> None:
    """In a line of its own: that is no difference."""
    connection = sqlite3.connect(folder / "home" / "ledger.sqlite")
    connection.executescript(AS_VERSION_2)
    connection.close()
    report = checked(folder)
    assert report.differences == ()
    said = "not sealed: recorded by a version of refold that had no seals; the next command that writes the "
    assert f"{said}sweep seals it" in verification_lines(report)
    assert str(verification_json(report)["not_sealed"]).startswith(said)


def test_a_fit_that_was_made_to_look_stopped_is_trained_again(folder: Path) -> None:
    """With its old checksum or a new one: a changed record is looked at before stopped fits are left out."""

    def stop(data: dict[str, Any]) -> None:
        data["result"] |= {"state": "failed", "f1": None, "confusion": [], "epochs": [], "reason": "made up"}
        data["stopped_for"] = "time"

    for reseal in (False, True):
        tamper("run", stop)(folder)
        if reseal:
            connection = sqlite3.connect(folder / "home" / "ledger.sqlite")
            for row in connection.execute("SELECT * FROM fits").fetchall():
                connection.execute("UPDATE fits SET checksum = ? WHERE key = ?", (checksum(*row[:5]), row[0]))
            connection.commit()
            connection.close()
        assert "lenet/0 fold 0" in {difference.where for difference in checked(folder).differences}


@pytest.mark.slow
@pytest.mark.training
def test_an_edited_architecture_of_the_users_is_named(tmp_path: Path) -> None:
    """By its name; where the file is gone, the recorded text is what counts, if it is trusted."""
    text = (
        "import keras\n"
        "def Net(hyperparameters, input_shape, classes):\n"
        "    layers = [keras.Input(input_shape), keras.layers.Flatten(),\n"
        "              keras.layers.Dense(classes, activation='softmax')]\n"
        "    return keras.Sequential(layers)\n"
    )
    write_data(tmp_path)
    (tmp_path / "mine.py").write_text(text)
    spec = replace(sweep(tmp_path), architectures=(ArchitectureChoice(name="mine", source="mine.py:Net"),))
    with Ledger.open(tmp_path / "home") as ledger:
        run_sweep(
            prepare(spec, sweep_text(spec)),
            tmp_path / "home",
            ledger,
            start_workers=starter(VariedWorkers(1)),
            workers=1,
            progress=Silent(),
        )
    assert checked(tmp_path).differences == ()
    (tmp_path / "mine.py").write_text(text + f"open({str(tmp_path / 'mark')!r}, 'w')\n")
    first = checked(tmp_path).differences[0]
    assert (first.subject, first.where) == ("architecture source", "mine")
    assert "was changed" in first.what
    assert not (tmp_path / "mark").exists(), "what was edited is not run"
    (tmp_path / "mine.py").write_text(text)
    with sqlite3.connect(tmp_path / "home" / "ledger.sqlite") as ledger_file:
        ledger_file.execute("UPDATE sweeps SET details = replace(details, 'Flatten()', 'Flatten( )')")
    assert "the record was changed" in checked(tmp_path).differences[0].what
    (tmp_path / "mine.py").unlink()
    assert "the record was changed" in checked(tmp_path).differences[0].what
    with sqlite3.connect(tmp_path / "home" / "ledger.sqlite") as ledger_file:
        ledger_file.execute("UPDATE sweeps SET details = replace(details, 'Flatten( )', 'Flatten()')")
    with pytest.raises(UsageError, match=r"mine\.py.*--trust-code"):
        checked(tmp_path)
    assert account.claim(tmp_path / "home") is None
    assert checked(tmp_path).differences == ()


def test_a_sweep_that_goes_on_with_its_architectures_in_another_order_matches(tmp_path: Path) -> None:
    """The order decides no bits, so a file may change it; the record then has the file's."""
    record_sweep(tmp_path)
    before = sweep(tmp_path)
    longer = replace(before, trials=4, architectures=before.architectures[::-1])
    with Ledger.open(tmp_path / "home") as ledger:
        run_sweep(
            prepare(longer, sweep_text(longer)),
            tmp_path / "home",
            ledger,
            start_workers=starter(VariedWorkers(2)),
            workers=2,
            progress=Silent(),
        )
    assert checked(tmp_path).differences == ()
    with Ledger.read(tmp_path / "home") as ledger:
        assert ledger.sweep("made").architectures == ("baseline", "lenet")

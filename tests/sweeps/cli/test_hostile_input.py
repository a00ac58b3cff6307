"""Hostile input at every entry point: exit code 2 and one clear line; nothing is written."""

from collections.abc import Mapping, Sized
from pathlib import Path

import pytest

from tests import hostile_files as files
from tests import hostile_specs as specs
from tests import hostile_texts as texts
from tests.command import here, write_two_classes
from tests.hostile_texts import Typed
from trainer.errors import UsageError
from trainer.escaping import for_terminal

GOOD = ('name = "x"\n', 'dataset = "two-classes.npz"\n', "cv.folds = 2\n")


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a check lets something through, the test fails at once; nothing is trained or served."""

    def began(*_: object, **__: object) -> None:
        raise AssertionError("it was let through")

    for place in (
        *("sweeps.api.sweep.run_sweep", "sweeps.cluster.coordinator.cluster_workers"),
        *("sweeps.cluster.services.serve_workers", "sweeps.cluster.services.serve_scheduler"),
        *("sweeps.mlflow_record.serve", "sweeps.diagnostics.doctor.examine"),
    ):
        monkeypatch.setattr(place, began)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good sweep file with its data, and files that are no schedulers'."""
    write_two_classes(tmp_path)
    (tmp_path / "sweep.toml").write_text("".join(GOOD))
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "deep.json").write_text("[" * 99_999)
    (tmp_path / "digits.json").write_text("9" * 5_000)
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "wrong.json").write_text('{"address": [1]}')
    return tmp_path


def content(folder: Path) -> Mapping[str, bytes | None]:
    """Return every file of a folder."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def refused(folder: Path, case: Typed) -> None:
    """See that a command line is refused in one line, and changes nothing."""
    before = content(folder)
    done = here(*case.words, cwd=folder, **case.variables)
    (line,) = done.stderr.splitlines() or [""]
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert line.startswith("refold")
    assert line == for_terminal(line)
    assert len(line) < 1_000, line
    assert "an error in refold" not in line
    assert case.said in line
    assert content(folder) == before, "something was written"


RUN = ("run", "sweep.toml")


@pytest.mark.parametrize("case", texts.WHOLE_FILES)
def test_a_hostile_sweep_file(case: str, folder: Path) -> None:
    """Bytes that are no text, texts that are no sweep, and texts that only Python's readers choke on."""
    text, said = texts.WHOLE_FILES[case]
    (folder / "sweep.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    refused(folder, Typed(RUN, said))


@pytest.mark.parametrize("line", texts.LINES, ids=lambda line: line[:60])
def test_a_hostile_value(line: str, folder: Path) -> None:
    """Beyond a limit, of another type, or impossible."""
    table = line.replace("=", ".").partition(".")[0].strip()
    good = "".join(part for part in GOOD if not part.startswith(table))
    (folder / "sweep.toml").write_text(f"{good}{line}\n")
    refused(folder, Typed(RUN, texts.LINES[line]))


COMMANDS = [*texts.WORDS, *texts.MLFLOW, *texts.CLUSTER, *texts.VARIABLES]


@pytest.mark.parametrize(
    "case",
    COMMANDS,
    ids=lambda case: ascii(" ".join([*case.words, *case.variables.values()]))[:70],
)
def test_a_hostile_command(case: Typed, folder: Path) -> None:
    """Arguments, addresses and variables."""
    refused(folder, case)


#: Files that a dry run reads as ``dataset = "data.npz"``.
DATA = {**files.NPZ, **files.FOLDERS}


@pytest.mark.parametrize("case", DATA)
def test_hostile_data(case: str, folder: Path) -> None:
    """Arrays and folders of images."""
    write, said = DATA[case]
    write(folder)
    (folder / "sweep.toml").write_text('name = "x"\ndataset = "data.npz"\ncv.folds = 2\n')
    refused(folder, Typed(RUN, said))


@pytest.mark.parametrize("case", files.IDX)
def test_a_hostile_cache_of_keras(case: str, folder: Path) -> None:
    """Files of a built-in dataset that were damaged, or put there by somebody."""
    write, said = files.IDX[case]
    write(folder)
    (folder / "sweep.toml").write_text('name = "x"\ndataset = "fashion_mnist"\ncv.folds = 2\n')
    refused(folder, Typed(RUN, said, {"KERAS_HOME": str(folder / "keras")}))


@pytest.mark.parametrize("case", files.CODE)
def test_hostile_code(case: str, folder: Path) -> None:
    """Architectures of the user's that cannot be read."""
    write, said = files.CODE[case]
    write(folder)
    refused(folder, Typed(RUN, said))


@pytest.mark.parametrize("case", files.LEDGERS)
def test_a_hostile_ledger(case: str, folder: Path) -> None:
    """A record that is none, of another program, or of the future."""
    write, said = files.LEDGERS[case]
    write(folder)
    refused(folder, Typed(("show", "fixture"), said))


@pytest.mark.parametrize("case", files.MODELS)
def test_a_hostile_model(case: str, folder: Path) -> None:
    """A ``model.json`` that is none."""
    write, said = files.MODELS[case]
    write(folder)
    refused(folder, Typed(("predict", "model", "photo.png"), said))


@pytest.mark.parametrize("case", specs.SPECS)
def test_a_hostile_value_in_python(case: str) -> None:
    """The same limits, where types may be anything."""
    make, said = specs.SPECS[case]
    with pytest.raises(UsageError) as caught:
        make()
    line = str(caught.value)
    assert said in line
    assert "\n" not in line
    assert len(line) < 1_000


def test_there_are_as_many_as_the_documentation_says() -> None:
    """At least 150, over all entry points; docs/tests.md has the number."""
    tables: tuple[Sized, ...] = (
        *(texts.WHOLE_FILES, texts.LINES, COMMANDS, DATA, files.IDX, files.CODE),
        *(files.LEDGERS, files.MODELS, specs.SPECS),
    )
    count = sum(map(len, tables))
    assert count >= 150
    for page in ("tests.md", "security.md"):
        assert f"{count} hostile inputs" in (Path(__file__).parents[3] / "docs" / page).read_text()

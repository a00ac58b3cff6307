"""Files that an architecture reads: in its digest, with it wherever it runs, and named if not declared."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweeps.definition.architecture_choice import ArchitectureChoice
from tests.small_fits import run, spec
from trainer.architectures import inspect_user
from trainer.canonical import digest
from trainer.errors import UsageError
from trainer.process.training_process import TrainingProcess
from trainer.user_code import UserSource
from trainer.user_code.declared import OpenedFiles, lay_out, read_declared

CODE = """
from pathlib import Path

import keras
import numpy as np


def net(hyperparameters, input_shape, classes):
    start = np.load(Path(__file__).parent / "{file}")
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    bias = keras.initializers.Constant(float(start[0]))
    return keras.Model(inputs, keras.layers.Dense(classes, "softmax", bias_initializer=bias)(x))
"""


LATE = """
import keras
import numpy as np


class Shift(keras.layers.Layer):
    def call(self, inputs, training=False):
        return inputs + float(np.load("FILE")[0]) if training else inputs


def net(hyperparameters, input_shape, classes):
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten()(Shift()(inputs))
    return keras.Model(inputs, keras.layers.Dense(classes, "softmax")(x))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An architecture that reads a file beside it, and one elsewhere."""
    (tmp_path / "mine/tables").mkdir(parents=True)
    np.save(tmp_path / "mine/tables/start.npy", np.array([0.5]))
    np.save(tmp_path / "outside.npy", np.array([0.5]))
    (tmp_path / "mine/net.py").write_text(CODE.format(file="tables/start.npy"))
    (tmp_path / "mine/far.py").write_text(CODE.format(file="../outside.npy"))
    return tmp_path


def inspected(folder: Path, source: str, *files: str) -> UserSource:
    """Try an architecture out, as a sweep does."""
    found = inspect_user(source, base=folder, name="mine", input_shape=(8, 8, 1), classes=3, files=files)
    return found.source


@pytest.mark.training
def test_a_declared_file_travels_and_is_in_the_digest(folder: Path) -> None:
    """It is there where only the texts are; another content is another architecture."""
    first = inspected(folder, "mine/net.py:net", "tables/start.npy")
    assert [name for name, _ in first.data] == ["tables/start.npy"]
    assert UserSource.from_json(first.to_json()) == first
    assert first.read_again(folder) == first
    laid = lay_out(first.data, first.spec)
    assert np.load(laid / "tables/start.npy") == [0.5]
    np.save(folder / "mine/tables/start.npy", np.array([0.25]))
    assert first.read_again(folder).digest != first.digest
    assert replace(first, data=()).digest != first.digest


@pytest.mark.training
def test_a_declared_file_is_opened_where_it_travels(folder: Path) -> None:
    """A path as seen from the current folder would be another file on a worker."""
    code = CODE.format(file="tables/start.npy").replace("Path(__file__).parent", f"Path('{folder}/mine')")
    (folder / "mine/net.py").write_text(code)
    with pytest.raises(UsageError, match=r"open it as Path\(__file__\).parent"):
        inspected(folder, "mine/net.py:net", "tables/start.npy")


@pytest.mark.training
def test_a_file_that_is_not_declared_is_named(folder: Path) -> None:
    """With what to add; one outside of the folder cannot be declared, and has to be copied."""
    with pytest.raises(UsageError, match=r"opens 'tables/start.npy', which is not declared") as caught:
        inspected(folder, "mine/net.py:net")
    assert 'add files = ["tables/start.npy"] to [architectures.mine]' in str(caught.value)
    with pytest.raises(UsageError, match=r"outside.npy', outside of its folder"):
        inspected(folder, "mine/far.py:net")


def test_the_systems_time_zone_does_not_count() -> None:
    """Packages read it as they are imported; in /etc it is a link to elsewhere."""
    opened = OpenedFiles()
    with opened.watched():
        for path in map(Path, ("/etc/localtime", "/usr/share/zoneinfo/UTC")):
            if path.is_file():
                path.read_bytes()
    assert opened.undeclared() == []


def test_settings_do_not_count_and_cached_weights_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras' settings and those in ~/.config are no inputs of a network; downloaded weights are."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    names = (".keras/keras.json", ".config/any/rc", ".keras/models/resnet.h5", ".cache/hub/weights.bin")
    opened = OpenedFiles()
    with opened.watched():
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("x")
            (tmp_path / name).read_text()
    assert opened.undeclared() == [str(tmp_path / name) for name in names[2:]]


def test_changed_files_are_named() -> None:
    """Those with other contents, and those that only one side has."""
    before = UserSource(spec="a.py:N", files=(("a.py", "x"), ("b.py", "y")), data=(("w.npy", "AAAA"),))
    assert before.changed(before) == []
    assert before.changed(replace(before, data=(("w.npy", "AAAB"),))) == ["w.npy"]
    other = replace(before, files=(("a.py", "z"), ("c.py", "y")))
    assert before.changed(other) == ["a.py", "b.py", "c.py"]


@pytest.mark.training
def test_a_file_that_only_training_opens_makes_the_fit_fail(
    folder: Path, stored_digits: Path, training_process: TrainingProcess
) -> None:
    """A layer may open it when it is traced for training; every fit of that code then fails, by name."""
    (folder / "mine/late.py").write_text(LATE.replace("FILE", str(folder / "outside.npy")))
    source = inspected(folder, "mine/late.py:net")
    asked = replace(spec(stored_digits), architecture="mine", architecture_digest=source.digest)
    for fit in (asked, replace(asked, fold=1)):
        result = run(training_process, stored_digits, fit, source)
        assert result.state == "failed"
        assert f"opened '{folder}/outside.npy' while it was trained" in (result.reason or "")
        assert 'add files = ["outside.npy"] to [architectures.mine]' in (result.reason or "")


def test_without_declared_files_the_digest_is_as_before() -> None:
    """What was recorded before there were any keeps its keys."""
    source = UserSource(spec="a.py:Net", files=(("a.py", "class Net: ..."),))
    assert "data" not in source.to_json()
    assert source.digest == digest(["Net", [["a.py", "class Net: ..."]]])


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["../outside.npy"], "leaves the architecture's folder"),
        (["/etc/passwd"], "leaves the architecture's folder"),
        ("start.npy", "must be a list"),
        ([3], "is no text"),
        (["a", "a"], "one is there twice"),
    ],
)
def test_names_that_are_no_files_of_the_architecture(files: object, said: str) -> None:
    """Refused when the sweep file is read."""
    with pytest.raises(UsageError, match=said):
        ArchitectureChoice(name="mine", source="net.py:net", files=files)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="a built-in architecture reads no files"):
        ArchitectureChoice(name="vgg", files=["start.npy"])


def test_files_that_are_not_there_or_leave_the_folder(folder: Path) -> None:
    """One line that names the file; a record's names lead nowhere else either."""
    (folder / "mine/link.npy").symlink_to(folder / "outside.npy")
    for name, said in (
        ("none.npy", "there is no file"),
        ("link.npy", "is a link that leaves"),
        ("tables", "is no file"),
    ):
        with pytest.raises(UsageError, match=said):
            read_declared(folder / "mine", [name], "net.py:net")
    with pytest.raises(UsageError, match="leaves the architecture's folder"):
        lay_out([("../x", "AAAA")], "net.py:net")
    for data in (
        [("x", "no base 64!")],
        [("a", "AAAA"), ("a/b", "AAAA")],
        [("a/b", "AAAA"), ("a", "AAAA")],
        [("a", "AAAA"), ("./a", "AAAA")],
        [("a" * 5_000, "AAAA")],
        [(3, "AAAA")],
    ):
        with pytest.raises(UsageError, match="is damaged"):
            lay_out(data, "net.py:net")  # type: ignore[arg-type]

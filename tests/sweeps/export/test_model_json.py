"""What anybody's ``model.json`` may say: anything else is one line, with the name of the wrong part."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeps.cli.main import main
from sweeps.export import model_json
from sweeps.export.model_card import to_json
from sweeps.export.predict import predict
from tests.exported_model import about, report
from trainer.errors import UsageError
from trainer.limits import MODEL

FORMATS = {name: report(name) for name in ("keras", "onnx", "mlflow")}
RIGHT = to_json(about(3, formats=FORMATS))

#: Changes the data of a right file.
Change = Callable[[dict[str, Any]], None]


def written(folder: Path, content: str | bytes) -> Path:
    """Write a model's folder with such a ``model.json``."""
    folder.mkdir(exist_ok=True)
    (folder / "model.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "model.keras").write_bytes(b"")
    return folder


def refusal(folder: Path) -> str:
    """Return what is said of the model in the folder."""
    with pytest.raises(UsageError) as refused:
        predict(folder, np.zeros((1, 8, 8, 3)))
    said = str(refused.value)
    assert "\n" not in said
    assert said.startswith(f"{folder / 'model.json'} is no description of a model: ")
    assert len(said) < 400 + len(str(folder))
    return said


def test_what_an_export_writes_is_read(tmp_path: Path) -> None:
    """Whole, also without the digests that older exports do not have, and with fields of newer ones."""
    assert model_json.read(written(tmp_path / "m", RIGHT)) == about(3, formats=FORMATS)
    newer = json.loads(RIGHT)
    newer["licence"] = newer["formats"]["keras"]["licence"] = "CC0"
    assert model_json.read(written(tmp_path / "m", json.dumps(newer))) == about(3, formats=FORMATS)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        (RIGHT[:-30], "not JSON"),
        (b"\xff\xfe\x00binary\x80", "not JSON"),
        (b"PK\x03\x04" + os.urandom(2000), "not JSON"),
        ("[]", "it is a list, not an object"),
        ("[" + RIGHT + "]", "it is a list"),
        ("null", "it is null"),
        ('"model"', "it is a text"),
        ("17", "it is a whole number"),
        ("{}", "has no 'name'"),
        ("[" * 100_000, "nested too deeply"),
        ('{"name": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        (RIGHT.replace('"seed": 1', '"seed": ' + "9" * 5000), "digits"),
        (RIGHT.replace('"seed": 1', '"seed": ' + "9" * 400), "seed is too large a number"),
        (RIGHT.replace('"pixel_max": 255.0', '"pixel_max": NaN'), "NaN is no number"),
        (RIGHT.replace('"pixel_max": 255.0', '"pixel_max": -Infinity'), "-Infinity is no number"),
        (RIGHT.replace('"pixel_max": 255.0', '"pixel_max": 1e999'), "pixel_max is too large"),
        (RIGHT.replace('"seed": 1', '"seed": 1, "seed": 2'), "'seed' twice"),
        (RIGHT.replace('"sweep": "s"', '"sweep": "' + "s" * 10_000_000 + '"'), "10000000 characters"),
        ("[" + "0," * 500_000 + "0]", "it is a list"),
        (" " * 10_000_000, "not JSON"),
        (RIGHT.replace('"sweep": "s"', '"sw\\u001b[2Jeep": {"a": 1, "a\\u001b": 1, "a": 2}'), "'a' twice"),
    ],
    ids=lambda value: str(value[:20]) if isinstance(value, str) else "bytes",
)
def test_what_is_no_description_is_one_line(tmp_path: Path, content: str | bytes, named: str) -> None:
    """Other files, cut ones, and what JSON libraries disagree about or break on."""
    assert named in refusal(written(tmp_path / "m", content))


def put(*path: str | int, to: Any) -> Change:
    """Return the change that sets one entry."""

    def change(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        data[path[-1]] = to

    return change


def drop(*path: str | int) -> Change:
    """Return the change that removes one entry."""

    def change(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        del data[path[-1]]

    return change


KERAS = ("formats", "keras")
CROSS = ("scores", "cross_validation")
CHANGES: list[tuple[Change, str]] = [
    (put("classes", to=["a", 7, "c"]), "classes[1] is a whole number, not a text"),
    (put("classes", to=["a", None, "c"]), "classes[1] is null"),
    (put("classes", to="abc"), "classes is a text, not a list"),
    (put("classes", to={"0": "a"}), "classes is an object, not a list"),
    (put("classes", to=["a", "a", "b"]), "two different names"),
    (put("classes", to=["a"]), "two different names"),
    (put("classes", to=["a", "b"]), "confusion is no table of 2 x 2"),
    (put("classes", to=[["a"], ["b"]]), "classes[0] is a list"),
    (put("input_shape", to=[8, 8]), "input_shape has 2 entries, not 3"),
    (put("input_shape", to=[8, 8, "3"]), "input_shape[2] is a text"),
    (put("input_shape", to=[8, 8.5, 3]), "input_shape[1] is a number, not a whole number"),
    (put("input_shape", to=[8, True, 3]), "input_shape[1] is true or false"),
    (put("input_shape", to=[8, 0, 3]), "input_shape is not three numbers from 1"),
    (put("input_shape", to=[8, -8, 3]), "input_shape is not three numbers from 1"),
    (put("input_shape", to=[10**9, 10**9, 3]), "input_shape is not three numbers from 1"),
    (put("pixel_max", to="255"), "pixel_max is a text"),
    (put("pixel_max", to=0), "pixel_max is not above 0"),
    (put("image_size", to=[4, 4]), "image_size is not the height and width"),
    (put("image_size", to=4), "image_size is a whole number, not a list"),
    (put("colour", to="grey"), "colour is neither null"),
    (put("colour", to="\x1b[31m"), "colour is neither null"),
    (put("how", to="by hand"), "how is none of 'refit'"),
    (put("how", to=["refit"]), "how is none of 'refit'"),
    (put("trial", to="2"), "trial is a text"),
    (put("trial", to=1e3), "trial is a number, not a whole number"),
    (put("versions", to=["keras"]), "versions is a list"),
    (put("versions", "\x1b]0;x\x07", to=3), r"versions.\x1b]0;x\x07 is a whole number"),
    (put("hyperparameters", "learning_rate", to=[1]), "hyperparameters.learning_rate is a list"),
    (put("dataset", to="photos"), "dataset is a text, not an object"),
    (drop("dataset", "images"), "dataset has no 'images'"),
    (put("fits", to={}), "fits is an object, not a list"),
    (put("fits", 0, to=None), "fits[0] is null, not an object"),
    (put("fits", 0, "spec", "seeds", "split", to="1"), "fits[0].spec.seeds.split is a text"),
    (put("fits", 0, "spec", "hyperparameters", to=[["a"]]), "fits[0].spec.hyperparameters[0] has 1 entries"),
    (put("fits", 0, "spec", "stopping", to=[]), "fits[0].spec.stopping is a list"),
    (put("fits", 0, "spec", "surprise", to=1), "surprise"),
    (put("fits", 0, "spec", "\x1b[2J\u202e", to=1), r"\x1b[2J\u202e"),
    (drop("fits", 0, "spec", "epochs"), "fits[0].spec has no 'epochs'"),
    (put("scores", to=None), "scores is null"),
    (put("scores", "test", to=[]), "scores.test is a list"),
    (put(*CROSS, to=None), "scores.cross_validation is null"),
    (put(*CROSS, "confusion", to=[[1, 2], [3, 4]]), "confusion is no table of 3 x 3"),
    (put(*CROSS, "confusion", to=[[1, 2, 3]] * 2 + [[1, 2]]), "confusion is no table of 3 x 3"),
    (put(*CROSS, "confusion", to=5), "confusion is a whole number, not a list"),
    (put(*CROSS, "f1_folds", to=["0.5"]), "f1_folds[0] is a text"),
    (put("formats", to=None), "formats is no object"),
    (put("formats", to={}), "formats is no object"),
    (put("formats", to=["keras"]), "formats is no object"),
    (put("formats", "pickle", to={}), "formats.pickle is no format of refold"),
    (put("formats", "\x1b[1m", to={}), r"formats.\x1b[1m is no format"),
    (put(*KERAS, to="model.keras"), "formats.keras is a text, not an object"),
    (put(*KERAS, "file", to="../model.keras"), "formats.keras.file is not \"model.keras\""),
    (put(*KERAS, "file", to="/etc/passwd"), "formats.keras.file is not \"model.keras\""),
    (put(*KERAS, "file", to="model.onnx"), "formats.keras.file is not \"model.keras\""),
    (put(*KERAS, "file", to=None), "formats.keras.file is not \"model.keras\""),
    (put(*KERAS, "file", to=3), "formats.keras.file is a whole number"),
    (put("formats", "mlflow", "file", to="model.pkl"), "formats.mlflow.file is not null"),
    (put("formats", "mlflow", "uri", to=[]), "formats.mlflow.uri is a list"),
    (put(*KERAS, "bytes", to="many"), "formats.keras.bytes is a text"),
    (put(*KERAS, "sha256", to=7), "formats.keras.sha256 is a whole number"),
    (drop(*KERAS, "ms_per_image"), "formats.keras.proof has no 'ms_per_image'"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "named"), CHANGES, ids=[named for _, named in CHANGES])
def test_a_wrong_part_is_named(tmp_path: Path, change: Change, named: str) -> None:
    """Another type, a missing or contradictory part, a file that is not the export's own."""
    data = json.loads(RIGHT)
    change(data)
    assert named in refusal(written(tmp_path / "m", json.dumps(data)))


@pytest.mark.parametrize("name", sorted(json.loads(RIGHT)))
@pytest.mark.parametrize("instead", ["missing", 7, "text", None, [[]], {"a": 1}], ids=repr)
def test_no_field_may_be_of_another_type(tmp_path: Path, name: str, instead: Any) -> None:
    """Each field in turn is taken away or exchanged; where the value is right the file is read."""
    data = json.loads(RIGHT)
    right = {
        7: ("seed", "trial", "pixel_max"),
        "text": _texts(data),
        None: ("image_size", "colour"),
        "object": ("hyperparameters",),
    }
    changed = {**data, name: instead}
    if instead == "missing":
        del changed[name]
    folder = written(tmp_path / "m", json.dumps(changed))
    kind = "object" if isinstance(instead, dict) else instead
    if not isinstance(kind, list) and name in right.get(kind, ()):
        model_json.read(folder)
    else:
        assert name in refusal(folder)


def _texts(data: dict[str, Any]) -> tuple[str, ...]:
    return tuple(name for name, value in data.items() if isinstance(value, str) and name != "how")


def test_model_json_is_an_ordinary_file_of_the_folder(tmp_path: Path) -> None:
    """No link out of it, no folder, no pipe that would be waited for; a link inside is allowed."""
    folder = written(tmp_path / "m", RIGHT)
    (folder / "model.json").rename(tmp_path / "elsewhere.json")
    (folder / "model.json").symlink_to(tmp_path / "elsewhere.json")
    assert "a link to a file outside of the model's folder" in refusal(folder)
    (folder / "model.json").unlink()
    (folder / "kept.json").write_text(RIGHT)
    (folder / "model.json").symlink_to("kept.json")
    model_json.read(folder)
    (folder / "model.json").unlink()
    os.mkfifo(folder / "model.json")
    assert "no ordinary file" in refusal(folder)
    (folder / "model.json").unlink()
    (folder / "model.json").mkdir()
    assert "no ordinary file" in refusal(folder)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    """Whatever it says; this one takes no space on the disk."""
    folder = written(tmp_path / "m", RIGHT)
    os.truncate(folder / "model.json", MODEL.most + 1)
    assert "100.0 MB" in refusal(folder)


def test_the_command_line_says_it_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And ends with the exit code of wrong input."""
    folder = written(tmp_path / "m", "[" * 100_000)
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(folder), str(tmp_path)])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "nested too deeply" in said

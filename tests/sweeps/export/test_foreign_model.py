"""A model from anywhere: its files are its own, they are as they were exported, and it is what it says."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from sweeps.export import foreign_model, parity
from sweeps.export.foreign_model import probabilities
from sweeps.export.model_folder import digest_of
from tests.exported_model import about, report
from trainer.errors import UsageError
from trainer.formats.catalogue import FORMATS

PIXELS = np.linspace(0, 255, 3 * 64, dtype=np.float32).reshape(3, 8, 8, 1)


def described(name: str, sha256: str | None = None) -> Any:
    """Return what ``model.json`` says of a model in one format, of two classes."""
    form = replace(report(name), sha256=sha256)
    return about(2, input_shape=(8, 8, 1), formats={name: form})


def network(folder: Path, weights: Any, last: str = "Softmax") -> Path:
    """Write an ONNX file that multiplies the pixels with weights ``[64, classes]``."""
    nodes = [
        onnx.helper.make_node("Flatten", ["pixels"], ["flat"]),
        onnx.helper.make_node("MatMul", ["flat", "w"], ["sums"]),
        onnx.helper.make_node(last, ["sums"], ["out"]),
    ]
    pixels = onnx.helper.make_tensor_value_info("pixels", onnx.TensorProto.FLOAT, ["n", 8, 8, 1])
    out = onnx.helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, None)
    kept = numpy_helper.from_array(np.asarray(weights, np.float32), "w")
    graph = onnx.helper.make_graph(nodes, "g", [pixels], [out], initializer=[kept])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    folder.mkdir(parents=True)
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


def saved_model(folder: Path) -> Path:
    """Write the files that a SavedModel has, and some that it should not have."""
    for name in (
        "saved_model.pb",
        "variables/variables.index",
        "assets.extra/x",
        "saved_model.cpb",
        "evil.so",
    ):
        file = folder / "saved_model" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return folder / "saved_model"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder for intermediate files."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stand in for the process that classifies; return what it is asked."""
    found: list[dict[str, Any]] = []

    def run(_module: str, arguments: list[str], work: Path) -> str:
        name, model, _, out, mode = arguments
        files = sorted(
            path.relative_to(model).as_posix() for path in Path(model).rglob("*") if path.is_file()
        )
        found.append({"format": name, "model": Path(model), "mode": mode, "files": files})
        np.save(out, np.full((3, 2), 0.5, np.float32))
        return "{}"

    monkeypatch.setattr(parity, "run", run)
    return found


def test_a_file_that_computes_is_used(tmp_path: Path, work: Path) -> None:
    """What comes back is what the file computes."""
    weights = np.arange(128).reshape(64, 2) / 1e5
    file = network(tmp_path / "m", weights)
    found = probabilities(described("onnx", digest_of(file)), "onnx", file, PIXELS, work, trust=False)
    sums = np.exp(PIXELS.reshape(3, 64) @ weights)
    np.testing.assert_allclose(found, sums / sums.sum(axis=1, keepdims=True), rtol=1e-5)


def test_a_file_that_reaches_further_is_refused(tmp_path: Path, work: Path) -> None:
    """With the reason, and with the way to load it all the same."""
    file = network(tmp_path / "m", np.zeros((64, 2)))
    model = onnx.load(file)
    onnx.save(model, file, save_as_external_data=True, location="w.bin", size_threshold=0)
    with pytest.raises(UsageError) as refused:
        probabilities(described("onnx"), "onnx", file, PIXELS, work, trust=False)
    assert str(refused.value) == (
        f"{file} is not loaded: its weights 'w' are in another file; if you trust its maker, add "
        "--trust-model (in Python: trust_model=True)"
    )
    found = probabilities(described("onnx"), "onnx", file, PIXELS, work, trust=True)
    np.testing.assert_allclose(found, np.full((3, 2), 0.5))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weights", "last", "said"),
    [
        (np.zeros((64, 3)), "Softmax", r"returns an array \[3, 3\] of float32, and model.json says \[3, 2\]"),
        (np.zeros((32, 2)), "Softmax", "cannot be loaded, or does not take these images"),
        (np.full((64, 2), np.nan), "Softmax", "returns numbers that are infinite or none"),
        (np.zeros((64, 2)), "Transpose", r"returns an array \[2, 3\] of float32"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    tmp_path: Path, work: Path, weights: Any, last: str, said: str
) -> None:
    """Another number of classes, other images, no probabilities."""
    file = network(tmp_path / "m", weights, last)
    with pytest.raises(UsageError, match=said) as refused:
        probabilities(described("onnx"), "onnx", file, PIXELS, work, trust=False)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("trust", [False, True])
def test_a_changed_file_is_noticed(
    tmp_path: Path, work: Path, asked: list[dict[str, Any]], trust: bool
) -> None:
    """By the digest in ``model.json``, which covers all files in a folder, whether it is trusted or not."""
    file = saved_model(tmp_path)
    right = described("savedmodel", digest_of(file))
    probabilities(right, "savedmodel", file, PIXELS, work, trust=trust)
    for change in (
        lambda: (file / "variables" / "variables.index").write_text("other"),
        lambda: (file / "evil.so").rename(file / "renamed.so"),
    ):
        change()
        with pytest.raises(UsageError, match="was changed after the export"):
            probabilities(right, "savedmodel", file, PIXELS, work, trust=trust)
        right = described("savedmodel", digest_of(file))
    assert len(asked) == 1


def test_what_was_checked_is_what_is_loaded(tmp_path: Path, work: Path, asked: list[dict[str, Any]]) -> None:
    """A copy that nobody else can change, of nothing but what TensorFlow needs; a trusted one where it is."""
    file = saved_model(tmp_path)
    probabilities(described("savedmodel"), "savedmodel", file, PIXELS, work, trust=False)
    assert asked[0]["model"] == work / "saved_model"
    assert asked[0]["files"] == ["saved_model.pb", "variables/variables.index"]
    assert asked[0]["mode"] == "checked"
    probabilities(described("savedmodel"), "savedmodel", file, PIXELS, work, trust=True)
    assert asked[1]["model"] == file
    assert asked[1]["mode"] == "trusted"


@pytest.mark.parametrize("trust", [False, True])
@pytest.mark.parametrize("name", ["keras", "savedmodel"])
def test_links_do_not_lead_out_of_the_folder(
    tmp_path: Path, work: Path, asked: list[dict[str, Any]], name: str, trust: bool
) -> None:
    """Nor is a pipe or a device taken for a file, wherever it lies; a link inside the folder is followed."""
    (tmp_path / "m").mkdir()
    (tmp_path / "outside").write_text("secret")
    file = tmp_path / "m" / str(FORMATS[name].file)
    inside = file if name == "keras" else saved_model(tmp_path / "m") / "variables" / "more"
    inside.symlink_to(tmp_path / "outside")
    with pytest.raises(UsageError, match=r"is a link to a file outside of the model's folder"):
        probabilities(described(name), name, file, PIXELS, work, trust=trust)
    inside.unlink()
    os.mkfifo(inside)
    with pytest.raises(UsageError, match="is neither a file nor a folder"):
        probabilities(described(name), name, file, PIXELS, work, trust=trust)
    inside.unlink()
    for loop in (inside.name, "."):
        inside.symlink_to(loop)
        with pytest.raises(UsageError, match="is neither a file nor a folder"):
            probabilities(described(name), name, file, PIXELS, work, trust=trust)
        inside.unlink()
    (tmp_path / "m" / "beside").write_text("")
    inside.symlink_to(tmp_path / "m" / "beside")
    assert asked == []
    probabilities(described(name), name, file, PIXELS, work, trust=trust)
    assert len(asked) == 1


def test_a_file_that_cannot_be_read_is_one_line(
    tmp_path: Path, work: Path, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the refusal is stood in for."""

    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    file = network(tmp_path / "m", np.zeros((64, 2)))
    monkeypatch.setattr("shutil.copyfile", refuse)
    with pytest.raises(UsageError, match=r"model\.onnx cannot be read or copied: .*Permission denied"):
        probabilities(described("onnx"), "onnx", file, PIXELS, work, trust=False)
    assert asked == []


def test_a_folder_is_no_keras_file(tmp_path: Path, work: Path, asked: list[dict[str, Any]]) -> None:
    """Keras would load it without looking into a zip."""
    (tmp_path / "model.keras").mkdir()
    (tmp_path / "model.keras" / "config.json").write_text("{}")
    with pytest.raises(UsageError, match=r"model\.keras is no file"):
        probabilities(described("keras"), "keras", tmp_path / "model.keras", PIXELS, work, trust=False)
    assert asked == []


def test_a_process_that_ends_is_one_line(tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does when a runtime crashes on a file."""
    file = network(tmp_path / "m", np.zeros((64, 2)))
    monkeypatch.setattr(foreign_model, "CLASSIFY", "json.tool")
    with pytest.raises(
        UsageError, match=r"model\.onnx cannot be loaded: json\.tool ended with code 2"
    ) as said:
        probabilities(described("onnx"), "onnx", file, PIXELS, work, trust=False)
    assert "\n" not in str(said.value)


def test_a_description_with_the_digest_is_read_again(tmp_path: Path) -> None:
    """Older descriptions have none."""
    form = replace(report("onnx"), sha256="a" * 64)
    assert type(form).from_json(json.loads(json.dumps(form.to_json()))) == form
    assert "sha256" not in report("onnx").to_json()

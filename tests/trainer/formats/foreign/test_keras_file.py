"""Keras files from anywhere: what runs code or reads other files is named, before Keras sees it."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.warm_process import WarmProcess
from trainer.formats.foreign.keras_classes import LAYERS, OTHER_LAYERS
from trainer.formats.foreign.keras_file import check
from trainer.formats.foreign.refusal import Damaged, Refused


def part(place: str | None, kind: Any, **config: Any) -> dict[str, Any]:
    """Return an object as Keras describes it."""
    return {"module": place, "class_name": kind, "config": config, "registered_name": None}


def network(*layers: dict[str, Any]) -> dict[str, Any]:
    """Return a description of a network with such layers."""
    first = part("keras.layers", "InputLayer", batch_shape=[None, 8, 8, 1])
    made = part("keras.src.models.functional", "Functional", layers=[first, *layers])
    return made | {"registered_name": "Functional"}


DENSE = part("keras.layers", "Dense", units=2, activation="relu")


def weights(fill: Callable[[h5py.File], object] = lambda _: None) -> bytes:
    """Return a file of weights."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.create_dataset("layers/dense/vars/0", data=np.ones((3, 2), np.float32))
        fill(file)
    return content.getvalue()


def saved(
    path: Path,
    config: Any = None,
    h5: bytes | None = None,
    more: dict[str, bytes] | None = None,
    method: int = zipfile.ZIP_STORED,
) -> Path:
    """Write a ``.keras`` file."""
    described = json.dumps(network(DENSE) if config is None else config)
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", described)
        archive.writestr("model.weights.h5", weights() if h5 is None else h5)
        for name, content in (more or {}).items():
            archive.writestr(name, content)
    return path


def test_layers_that_compute_are_allowed(tmp_path: Path) -> None:
    """Also nested ones, operations on tensors, Keras' own functions, and whatever a compiled model has."""
    tensor = {"class_name": "__keras_tensor__", "config": {"shape": [None, 2], "keras_history": ["x", 0, 0]}}
    relu = part("keras.activations", "function") | {"config": "relu", "registered_name": "relu"}
    twice = part("keras.src.ops.numpy", "Multiply") | {"registered_name": "Multiply"}
    dropped = part("keras.layers", "TimeDistributed", layer=part("keras.layers", "Conv2D", activation=relu))
    compiled = {"compile_config": {"optimizer": part("keras.optimizers", "AdamW"), "loss": "mse"}}
    config = network(DENSE, twice | {"inbound_nodes": [{"args": [tensor, 2]}]}, network(dropped))
    check(saved(tmp_path / "m.keras", config | compiled))


@pytest.mark.parametrize(
    ("described", "named"),
    [
        (
            part("keras.layers", "Lambda", function="x"),
            "its part 'Lambda' of keras.layers is not on the list",
        ),
        (part("keras.layers", "TFSMLayer", filepath="/evil"), "'TFSMLayer' of keras.layers"),
        (part("keras.layers", "StringLookup", vocabulary="/etc/passwd"), "'StringLookup'"),
        (part("keras.layers", "IntegerLookup", vocabulary="/etc/passwd"), "'IntegerLookup'"),
        (part("keras.layers", "TextVectorization", vocabulary="/etc/passwd"), "'TextVectorization'"),
        (part("keras.layers", "TorchModuleWrapper", pickled="gASV"), "'TorchModuleWrapper'"),
        (part("keras.layers", "JaxLayer", call_fn={}), "'JaxLayer'"),
        (part("keras.layers", "FlaxLayer", module={}), "'FlaxLayer'"),
        (
            part("keras.src.layers.core.lambda_layer", "Lambda"),
            "'Lambda' of keras.src.layers.core.lambda_layer",
        ),
        (part("keras.src.layers", "Dense"), "'Dense' of keras.src.layers"),
        (part("keras", "Layer"), "'Layer' of keras"),
        (part("os", "system"), "'system' of os"),
        (part("builtins", "eval"), "'eval' of builtins"),
        (part("mine", "Dense"), "'Dense' of mine"),
        (part(None, "Dense"), "'Dense' is not on the list"),
        ({"class_name": "Lambda", "config": {}}, "'Lambda' is not on the list"),
        (DENSE | {"registered_name": "mine>Dense"}, "'Dense' of keras.layers"),
        (part("keras.utils", "function") | {"config": "get_file"}, "'the function get_file' of keras.utils"),
        (part("keras.saving", "function") | {"config": "load_model"}, "'the function load_model'"),
        (part("builtins", "__lambda__", value=["4wAAAA=="]), "'__lambda__' of builtins"),
        (part("builtins", "__typespec__"), "'__typespec__'"),
        (part("keras.src.ops.numpy", "x.__class__"), "'x.__class__' of keras.src.ops.numpy"),
        (part("keras.src.ops.core", "Map"), "'Map' of keras.src.ops.core"),
        (part("keras.layers", "\x1b[2JDense"), r"'\\x1b[2JDense'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("where", ["layer", "wrapped", "activation", "compiled", "list"])
def test_what_does_more_is_named(tmp_path: Path, described: dict[str, Any], named: str, where: str) -> None:
    """Wherever in the description it stands."""
    configs: dict[str, Any] = {
        "layer": network(described),
        "wrapped": network(part("keras.layers", "Bidirectional", layer=described)),
        "activation": network(part("keras.layers", "Dense", activation=described)),
        "compiled": network(DENSE) | {"compile_config": {"loss": described}},
        "list": [[{"a": described}]],
    }
    with pytest.raises(Refused) as refused:
        check(saved(tmp_path / "m.keras", configs[where]))
    assert named in str(refused.value)


@pytest.mark.parametrize(
    "name",
    ["assets/vocabulary.txt", "../outside", "/etc/passwd", "model.weights.npz", "other.h5", "config.json"],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_no_other_entry_is_allowed(tmp_path: Path, name: str) -> None:
    """Nor any entry twice: which of the two is read would be the reader's choice."""
    with pytest.raises(Refused, match=r"is not one of config\.json, metadata\.json, model\.weights\.h5"):
        check(saved(tmp_path / "m.keras", more={name: b"{}"}))


def external(file: h5py.File) -> None:
    """Keep a dataset's numbers in another file."""
    file.create_dataset("x", shape=(4,), dtype="uint8", external=[("/etc/passwd", 0, 4)])


def virtual(file: h5py.File) -> None:
    """Make a dataset of another file's."""
    layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
    layout[:] = h5py.VirtualSource("/elsewhere.h5", "data", shape=(4,))
    file.create_virtual_dataset("x", layout)


def linked(link: Any) -> Callable[[h5py.File], None]:
    """Return what puts a link into a file."""

    def fill(file: h5py.File) -> None:
        file["layers/x"] = link

    return fill


@pytest.mark.parametrize(
    ("fill", "named"),
    [
        (linked(h5py.ExternalLink("/elsewhere.h5", "/data")), "'layers/x' are a link"),
        (linked(h5py.SoftLink("/layers/dense")), "'layers/x' are a link"),
        (external, "'x' are in another file"),
        (virtual, "'x' are in another file"),
        (lambda file: file.create_dataset("x", data="text"), "'x' are no numbers"),
        (lambda file: file.create_dataset("x", data=np.zeros(2, [("a", "f4")])), "'x' are no numbers"),
    ],
)
def test_weights_are_numbers_in_the_file_itself(
    tmp_path: Path, fill: Callable[[h5py.File], object], named: str
) -> None:
    """Links lead elsewhere, and what is no number has no place in a network."""
    with pytest.raises(Refused) as refused:
        check(saved(tmp_path / "m.keras", h5=weights(fill)))
    assert named in str(refused.value)


def test_compressed_weights_are_refused(tmp_path: Path) -> None:
    """A small file could become a huge one; Keras compresses nothing."""
    with pytest.raises(Refused, match="compressed"):
        check(saved(tmp_path / "m.keras", method=zipfile.ZIP_DEFLATED))


@pytest.mark.parametrize(
    "config",
    ["[" * 100_000, "", "{", b"\xff", '{"class_name": 7}', '{"class_name": ["a"]}'],
    ids=["deep", "empty", "cut", "binary", "number", "list"],
)
def test_descriptions_that_break_readers_are_damaged(tmp_path: Path, config: str | bytes) -> None:
    """Said in words."""
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", weights())
    with pytest.raises(Damaged):
        check(tmp_path / "m.keras")


def test_other_files_are_damaged(tmp_path: Path) -> None:
    """No zip, a cut one, none of the entries, weights that are no HDF5 file."""
    file = tmp_path / "m.keras"
    for content in (b"", os.urandom(1000), saved(tmp_path / "x").read_bytes()[:500]):
        file.write_bytes(content)
        with pytest.raises(Damaged):
            check(file)
    with zipfile.ZipFile(file, "w"):
        pass
    with pytest.raises(Damaged, match="does not have the entries"):
        check(file)
    with pytest.raises(Damaged):
        check(saved(file, h5=b"no HDF5"))


@pytest.mark.slow
@pytest.mark.training
def test_each_layer_of_keras_was_decided_on(warm_process: WarmProcess) -> None:
    """A layer that a newer Keras brings is on one of the two lists before it is used."""
    done = warm_process.run("tests.hostile_graphs", "layers")
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == LAYERS | OTHER_LAYERS
    assert not LAYERS & OTHER_LAYERS


@pytest.mark.slow
@pytest.mark.training
def test_no_class_that_is_allowed_takes_a_file_or_a_function(warm_process: WarmProcess) -> None:
    """By the names of its arguments, in the Keras that is installed."""
    done = warm_process.run("tests.hostile_graphs", "outside")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {}

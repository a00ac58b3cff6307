"""Files with bytes changed, cut out and repeated at random: fine, refused or damaged, never anything else."""

import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import flatbuffers  # type: ignore[import-untyped]
import h5py
import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema

from trainer.errors import UsageError
from trainer.formats.foreign import keras_file, litert_file, onnx_file


def keras_content() -> bytes:
    """Return a Keras file."""
    content, weights = io.BytesIO(), io.BytesIO()
    with h5py.File(weights, "w") as file:
        file.create_dataset("layers/dense/vars/0", data=np.ones((3, 2), np.float32))
    dense = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 2}, "registered_name": None}
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", json.dumps(dense))
        archive.writestr("model.weights.h5", weights.getvalue())
    return content.getvalue()


def onnx_content() -> bytes:
    """Return an ONNX file."""
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [2])
    weights = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [2], [1.0, 2.0])
    node = onnx.helper.make_node("Add", ["x", "w"], ["y"])
    graph = onnx.helper.make_graph([node], "g", [value], [value], initializer=[weights])
    content: bytes = onnx.helper.make_model(graph).SerializeToString()
    return content


def litert_content() -> bytes:
    """Return a LiteRT file."""
    model, code = schema.ModelT(), schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RELU
    model.operatorCodes, model.subgraphs = [code], [schema.SubGraphT()]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Return the content with a few changes."""
    changed = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        start = draw.randrange(len(changed))
        stop = min(len(changed), start + draw.choice((1, 1, 4, 30)))
        match draw.randrange(3):
            case 0:
                changed[start:stop] = draw.randbytes(stop - start)
            case 1 if len(changed) > 40:
                del changed[start:stop]
            case _:
                changed[start:start] = changed[start:stop]
    return bytes(changed)


@pytest.mark.parametrize(
    ("check", "whole"),
    [
        (keras_file.check, keras_content),
        (onnx_file.check, onnx_content),
        (litert_file.check, litert_content),
    ],
    ids=["keras", "onnx", "litert"],
)
def test_a_mutated_file_is_one_line(
    tmp_path: Path, check: Callable[[Path], None], whole: Callable[[], bytes]
) -> None:
    """The whole file is fine, so that what is tried is close to a right one."""
    file, content, draw = tmp_path / "model", whole(), random.Random(14)
    file.write_bytes(content)
    check(file)
    outcomes = set()
    for _ in range(200):
        file.write_bytes(mutated(content, draw))
        try:
            check(file)
            outcomes.add("fine")
        except UsageError as error:
            outcomes |= {type(error).__name__, f"{len(str(error).splitlines())} line"}
    assert {"Damaged", "1 line"} <= outcomes <= {"fine", "Damaged", "Refused", "1 line"}

"""ONNX files from anywhere: all of the model is in its file, and its operators are those of the standard."""

import os
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from trainer.formats.foreign.onnx_file import check
from trainer.formats.foreign.refusal import Damaged, Refused


def elsewhere(name: str = "w", location: str = "../../etc/passwd") -> Any:
    """Return a tensor whose numbers are in another file."""
    tensor = helper.make_tensor(name, TensorProto.FLOAT, [2], [0.0, 0.0])
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    return tensor


def model(*nodes: Any, initializer: Any = (), **more: Any) -> Any:
    """Return a model with such nodes."""
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])
    graph = helper.make_graph(list(nodes), "g", [value], [result], initializer=initializer)
    return helper.make_model(graph, **more)


RELU = helper.make_node("Relu", ["x"], ["y"])


def branch(tensor: Any) -> Any:
    """Return a node with a graph in it that has this tensor."""
    constant = helper.make_node("Constant", [], ["z"], value=tensor)
    inner = helper.make_graph(
        [constant], "inner", [], [helper.make_tensor_value_info("z", TensorProto.FLOAT, [2])]
    )
    return helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)


def sparse() -> Any:
    """Return sparse weights whose values are in another file."""
    return helper.make_sparse_tensor(
        elsewhere(), helper.make_tensor("i", TensorProto.INT64, [2], [0, 1]), [2]
    )


def function(domain: str) -> Any:
    """Return a model with a function of its own."""
    imports = [helper.make_opsetid("", 18), helper.make_opsetid(domain, 1)]
    made = helper.make_function(domain, "F", ["x"], ["y"], [RELU], [helper.make_opsetid("", 18)])
    return model(helper.make_node("F", ["x"], ["y"], domain=domain), functions=[made], opset_imports=imports)


@pytest.mark.parametrize("domain", ["", "ai.onnx", "ai.onnx.ml"])
def test_operators_of_the_standard_are_allowed(tmp_path: Path, domain: str) -> None:
    """With their numbers in the file itself, also in a graph within the graph."""
    right = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    node = helper.make_node("Relu", ["x"], ["y"], domain=domain)
    onnx.save(model(node, branch(right), initializer=[right]), tmp_path / "m.onnx")
    check(tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (model(RELU, initializer=[elsewhere()]), "its weights 'w' are in another file"),
        (model(RELU, initializer=[elsewhere(location="/etc/passwd")]), "its weights 'w' are in another file"),
        (model(RELU, initializer=[elsewhere(location="beside.bin")]), "its weights 'w' are in another file"),
        (model(helper.make_node("Constant", [], ["y"], value=elsewhere("c"))), "its weights 'c'"),
        (model(branch(elsewhere("deep"))), "its weights 'deep' are in another file"),
        (model(helper.make_node("Constant", [], ["y"], sparse_value=sparse())), "its weights 'w'"),
        (
            model(helper.make_node("EPContext", ["x"], ["y"], domain="com.microsoft")),
            "it needs the operator EPContext of 'com.microsoft', which is not ONNX's own",
        ),
        (model(helper.make_node("Evil", ["x"], ["y"], domain="\x1b[2J")), r"of '\\x1b[2J'"),
        (model(RELU, opset_imports=[helper.make_opsetid("mine", 1)]), "it needs operators of 'mine'"),
        (function("mine"), "of 'mine'"),
    ],
)
def test_what_reaches_further_is_named(tmp_path: Path, made: Any, named: str) -> None:
    """Weights in other files, wherever they lie, and others' operators."""
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    with pytest.raises(Refused) as refused:
        check(tmp_path / "m.onnx")
    assert named in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"ORTM" + bytes(100), b"\xff" * 9, os.urandom(500), b"\x08\x09"],
    ids=["empty", "onnxruntime", "broken", "other", "bare"],
)
def test_other_files_are_damaged(tmp_path: Path, content: bytes) -> None:
    """Said in words; so is onnxruntime's own format, which cannot be checked."""
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(Damaged):
        check(tmp_path / "m.onnx")

"""LiteRT files from anywhere: all of the model is in its file, and its operators are built in."""

import os
from pathlib import Path
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import pytest
from ai_edge_litert import schema_py_generated as schema

from trainer.formats.foreign.litert_file import check
from trainer.formats.foreign.refusal import Damaged, Refused

RELU = schema.BuiltinOperator.RELU


def operator(number: int, name: str | None = None) -> Any:
    """Return the description of an operator."""
    made = schema.OperatorCodeT()
    made.builtinCode, made.deprecatedBuiltinCode = number, min(number, 127)
    made.customCode = name
    return made


def written(path: Path, *operators: Any, groups: Any = None) -> Path:
    """Write a model with such operators."""
    model = schema.ModelT()
    model.version, model.operatorCodes, model.externalBufferGroups = 3, list(operators), groups
    model.subgraphs = [schema.SubGraphT()]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    path.write_bytes(builder.Output())
    return path


def test_operators_that_are_built_in_are_allowed(tmp_path: Path) -> None:
    """Those with numbers above 127 as well."""
    check(written(tmp_path / "m.tflite", operator(RELU), operator(schema.BuiltinOperator.GELU)))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (
            operator(schema.BuiltinOperator.CUSTOM, "FlexWriteFile"),
            "the operator FlexWriteFile, which is not",
        ),
        (operator(schema.BuiltinOperator.CUSTOM, "Evil\x1b[2J"), r"the operator Evil\x1b[2J"),
        (operator(schema.BuiltinOperator.CUSTOM), "the operator number 32"),
        (operator(RELU, "FlexReadFile"), "the operator FlexReadFile"),
        (operator(schema.BuiltinOperator.STABLEHLO_CUSTOM_CALL), "the operator number"),
    ],
)
def test_operators_of_others_are_named(tmp_path: Path, wrong: Any, named: str) -> None:
    """Among them TensorFlow's, which write files."""
    with pytest.raises(Refused) as refused:
        check(written(tmp_path / "m.tflite", operator(RELU), wrong))
    assert named in str(refused.value)


def test_weights_in_other_files_are_refused(tmp_path: Path) -> None:
    """A group of buffers is the name of a file."""
    group = schema.ExternalBufferGroupT()
    group.name = "../../etc/passwd"
    with pytest.raises(Refused, match="its weights are in another file"):
        check(written(tmp_path / "m.tflite", operator(RELU), groups=[group]))


@pytest.mark.parametrize(
    "content",
    [b"", b"TFL3", bytes(4) + b"TFL3", b"\xff" * 4 + b"TFL3" + b"\xff" * 90, os.urandom(500)],
    ids=["empty", "short", "bare", "broken", "other"],
)
def test_other_files_are_damaged(tmp_path: Path, content: bytes) -> None:
    """Said in words."""
    (tmp_path / "m.tflite").write_bytes(content)
    with pytest.raises(Damaged):
        check(tmp_path / "m.tflite")

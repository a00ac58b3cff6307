"""Checks an ONNX file before onnxruntime loads it: no data in other files, no operators but ONNX's own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainer.formats.foreign.refusal import Damaged, Refused, named

#: The domains of operators that the ONNX standard defines. Others can have operators that read files.
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})


def check(file: Path) -> None:
    """Check that a model has no data in other files, and no operators of others.

    Raises:
        Refused: if it has either.
        Damaged: if it is no ONNX file.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load(str(file), load_external_data=False)
    except (OSError, DecodeError, ValueError) as error:
        raise Damaged("it is no ONNX file, or a damaged one") from error
    if not model.graph.node:
        raise Damaged("it is no ONNX file, or an empty one")
    for part in _messages(model):
        kind = part.DESCRIPTOR.name
        if kind == "TensorProto" and (part.external_data or part.data_location != part.DEFAULT):
            raise Refused(f"its weights {named(part.name)!r} are in another file")
        if kind in ("NodeProto", "OperatorSetIdProto", "FunctionProto") and part.domain not in DOMAINS:
            what = f"the operator {named(part.op_type)} " if kind == "NodeProto" else "operators "
            raise Refused(f"it needs {what}of {named(part.domain)!r}, which is not ONNX's own")


def _messages(message: Any) -> Iterator[Any]:
    """Yield a message and all messages in it, whatever their depth."""
    waiting = [message]
    while waiting:
        one = waiting.pop()
        yield one
        for field, value in one.ListFields():
            if field.type == field.TYPE_MESSAGE:
                waiting += value if field.is_repeated else [value]

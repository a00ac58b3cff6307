"""Checks a LiteRT file before it is loaded: no data in other files, no operators but LiteRT's own."""

from pathlib import Path
from typing import Any

from trainer.formats.foreign.refusal import Damaged, Refused, named

#: The first bytes of a LiteRT file, after four that are an offset.
IDENTIFIER = b"TFL3"


def check(file: Path) -> None:
    """Check that a model has no operators of others (also none of TensorFlow's) and no data in other files.

    Raises:
        Refused: if it has either.
        Damaged: if it is no LiteRT file.
    """
    from ai_edge_litert import schema_py_generated as schema

    content = file.read_bytes()
    if content[4:8] != IDENTIFIER:
        raise Damaged("it is no LiteRT file")
    try:
        model = schema.Model.GetRootAs(content, 0)
        codes = [model.OperatorCodes(place) for place in range(model.OperatorCodesLength())]
        found = [_custom(code, schema.BuiltinOperator) for code in codes]
        graphs = model.SubgraphsLength()
        elsewhere = model.ExternalBufferGroupsLength() or model.ExternalBuffersLength()
    except Exception as error:
        raise Damaged("it is a damaged LiteRT file") from error
    if not graphs:
        raise Damaged("it is an empty LiteRT file")
    for name in found:
        if name is not None:
            raise Refused(f"it needs the operator {named(name)}, which is not LiteRT's own")
    if elsewhere:
        raise Refused("its weights are in another file")


def _custom(code: Any, built_in: Any) -> str | None:
    """Return the name of an operator that is not LiteRT's own; None for one that is."""
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    if code.CustomCode() is not None:
        return str(code.CustomCode().decode("utf-8", "replace"))
    return None if number not in (built_in.CUSTOM, built_in.STABLEHLO_CUSTOM_CALL) else f"number {number}"

"""Checks a SavedModel before TensorFlow loads it, and takes away what only saving needs.

Every SavedModel has functions that write and read its variables' files. They belong to no object of the
model, so loading never calls them: TensorFlow restores the variables itself. Here they are removed, with the
main graph. What is left is all that can run, and each of its operations must be on the list
(``operations.py``).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainer.formats.foreign.operations import OPERATIONS
from trainer.formats.foreign.refusal import Damaged, Refused, named

GRAPH = "saved_model.pb"

#: The kinds of objects that hold no resource, and of users' objects that are plain containers.
OBJECTS = frozenset(
    {"user_object", "function", "bare_concrete_function", "variable", "constant", "captured_tensor"}
)
CONTAINERS = frozenset(
    {
        "_generic_user_object",
        "signature_map",
        "trackable_dict_wrapper",
        "trackable_list_wrapper",
        "trackable_tuple_wrapper",
    }
)

#: TensorFlow's numbers for the types resource and variant.
HANDLES = frozenset({20, 21})


def check(folder: Path) -> None:
    """Check that a SavedModel can only compute, and rewrite its graph without the functions for saving.

    Args:
        folder: a copy of the SavedModel; its ``saved_model.pb`` is replaced.

    Side effects:
        Imports TensorFlow, for its message formats. Nothing of the model is run.

    Raises:
        Refused: if an operation is not on the list, or an object can reach files.
        Damaged: if it is no SavedModel.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel()
    try:
        model.ParseFromString((folder / GRAPH).read_bytes())
    except (OSError, DecodeError) as error:
        raise Damaged(f"its {GRAPH} cannot be read") from error
    if len(model.meta_graphs) != 1 or not model.meta_graphs[0].HasField("object_graph_def"):
        raise Refused("it is a SavedModel of TensorFlow 1, which runs its graph when it is loaded")
    graph = model.meta_graphs[0]
    _check_objects(graph)
    _keep_what_runs(graph)
    for function in graph.graph_def.library.function:
        _check_nodes(function.node_def, f" (in the function {named(function.signature.name)})")
    _check_nodes(graph.graph_def.node, "")
    (folder / GRAPH).write_bytes(model.SerializeToString())


def _check_objects(graph: Any) -> None:
    if graph.asset_file_def:
        raise Refused(f"it reads the file {named(graph.asset_file_def[0].filename)!r} of its assets")
    for each in graph.object_graph_def.nodes:
        kind = each.WhichOneof("kind")
        if kind not in OBJECTS:
            raise Refused(f"it has an object of the kind {named(kind)!r}, which can reach files")
        if each.registered_name or (kind == "user_object" and each.user_object.identifier not in CONTAINERS):
            what = each.registered_name or each.user_object.identifier
            raise Refused(f"it has an object of the class {named(what)!r}, whose code would be run")


def _keep_what_runs(graph: Any) -> None:
    """Remove the functions that no object of the model calls, and the main graph, which is never run."""
    library = graph.graph_def.library
    functions = {each.signature.name: each for each in library.function}
    waiting, reached = sorted(graph.object_graph_def.concrete_functions), set()
    while waiting:
        name = waiting.pop()
        if name in functions and name not in reached:
            reached.add(name)
            waiting += _called(functions[name], functions)
    kept = [_copied(each) for each in library.function if each.signature.name in reached]
    constants = [_copied(node) for node in graph.graph_def.node if node.op == "Const"]
    for message, fields in (
        (library, ("function", "gradient", "registered_gradients")),
        (graph.graph_def, ("node",)),
        (graph, ("saver_def", "collection_def")),
    ):
        for field in fields:
            message.ClearField(field)
    library.function.extend(kept)
    graph.graph_def.node.extend(constants)


def _copied(message: Any) -> Any:
    made = type(message)()
    made.CopyFrom(message)
    return made


def _called(function: Any, functions: dict[str, Any]) -> Iterator[str]:
    """Yield the names of functions that a function calls: as an operation, or as the attribute of one."""
    for node in function.node_def:
        if node.op in functions:
            yield node.op
        for value in node.attr.values():
            yield from (each.name for each in (value.func, *value.list.func) if each.name)


def _check_nodes(nodes: Any, where: str) -> None:
    for node in nodes:
        if node.op not in OPERATIONS:
            raise Refused(
                f"its operation {named(node.op)}{where} is not on the list of those that only compute"
            )
        if any(value.tensor.dtype in HANDLES for value in node.attr.values()):
            raise Refused(f"its constant {named(node.name)}{where} is no number but a handle of TensorFlow's")

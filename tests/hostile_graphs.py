"""SavedModels that do more than compute, made in a process with TensorFlow: ``FOLDER FILE NAME...``.

Each is saved under its name in FOLDER; it would write FILE, or read it, if it was loaded or run.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainer.errors import UsageError


def main() -> None:
    """Save those that are named."""
    import tensorflow as tf

    folder, file, names = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    steps = {**_steps(tf, file), "harmless": tf.nn.silu}
    for name in names:
        if name in steps:
            _save(tf, _module(tf, steps[name]), folder / name)
        elif name == "tensorflow 1":
            _first_generation(folder / "write", folder / name)
        else:
            _save(tf, _with_file(tf, name, file), folder / name)


def _with_file(tf: Any, name: str, file: str) -> Any:
    """Return a model that keeps a copy of a file: as an asset, or as the rows of a table."""
    rows = Path(file).with_suffix(".rows")
    rows.write_text("a 1\n")
    module = _module(tf, tf.identity)
    if name == "table":
        read = tf.lookup.TextFileInitializer(str(rows), tf.string, 0, tf.int64, 1, delimiter=" ")
        module.table = tf.lookup.StaticHashTable(read, -1)
    elif name == "numbers":
        given = tf.lookup.KeyValueTensorInitializer([1], [2])
        module.table = tf.lookup.StaticHashTable(given, -1)
    else:
        module.asset = tf.saved_model.Asset(str(rows))
    return module


def _steps(tf: Any, file: str) -> dict[str, Callable[[Any], Any]]:
    """Return what the models do to their images, by name."""

    def write(images: Any) -> Any:
        with tf.control_dependencies([tf.io.write_file(file, "written by the model")]):
            return tf.identity(images)

    def read(images: Any) -> Any:
        return images + tf.cast(tf.strings.length(tf.io.read_file(file)), tf.float32)

    def list_files(images: Any) -> Any:
        return images + tf.cast(tf.size(tf.io.matching_files("/etc/*")), tf.float32)

    def printed(images: Any) -> Any:
        with tf.control_dependencies([tf.print("text", output_stream=f"file://{file}")]):
            return tf.identity(images)

    def mapped(images: Any) -> Any:
        return images + tf.raw_ops.ImmutableConst(dtype=tf.float32, shape=[1], memory_region_name=file)

    def python(images: Any) -> Any:
        return tf.ensure_shape(tf.py_function(lambda x: x, [images], tf.float32), images.shape)

    def branch(images: Any) -> Any:
        return tf.cond(tf.reduce_sum(images) > 1e9, lambda: write(images), lambda: images)

    def loop(images: Any) -> Any:
        return tf.while_loop(lambda x: tf.reduce_sum(x) < 0, lambda x: [write(x)], [images])[0]

    def saved(images: Any) -> Any:
        kept = {"prefix": file, "tensor_names": ["x"], "shape_and_slices": [""], "tensors": [images]}
        with tf.control_dependencies([tf.raw_ops.SaveV2(**kept)]):
            return tf.identity(images)

    steps = (write, read, list_files, printed, mapped, python, branch, loop, saved)
    return {step.__name__: step for step in steps}


def _module(tf: Any, step: Callable[[Any], Any]) -> Any:
    """Return a model of two classes for images of 8 x 8 grey pixels."""
    module = tf.Module()
    module.weights = tf.Variable(tf.ones([64, 2]))

    def serve(images: Any) -> Any:
        return tf.nn.softmax(tf.matmul(tf.reshape(step(images), [-1, 64]), module.weights))

    images = tf.TensorSpec([None, 8, 8, 1], tf.float32, name="images")
    module.serve = tf.function(serve, input_signature=[images])
    return module


def _save(tf: Any, module: Any, folder: Path) -> None:
    tf.saved_model.save(module, str(folder), signatures={"serve": module.serve})


def _first_generation(source: Path, target: Path) -> None:
    """Copy a graph in the form that TensorFlow 1 had: without objects, so that loading runs the graph."""
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel()
    model.ParseFromString((source / "saved_model.pb").read_bytes())
    model.meta_graphs[0].ClearField("object_graph_def")
    target.mkdir()
    (target / "saved_model.pb").write_bytes(model.SerializeToString())


def stateful() -> None:
    """Print for each operation that a model may have whether TensorFlow takes it for more than a function."""
    import tensorflow as tf  # noqa: F401 - registers them
    from tensorflow.python.framework import op_def_registry

    from trainer.formats.foreign.operations import OPERATIONS

    found = {name: op_def_registry.get(name) for name in OPERATIONS}
    print(json.dumps({name: op and op.is_stateful for name, op in found.items()}))


def layers() -> None:
    """Print Keras' layers, by the names that it writes into files."""
    import keras
    from keras.src.api_export import get_name_from_symbol

    found = [getattr(keras.layers, name) for name in dir(keras.layers)]
    names = {get_name_from_symbol(each) for each in found if isinstance(each, type)}
    print(json.dumps(sorted(name.rpartition(".")[2] for name in names)))


def outside() -> None:
    """Print the classes that a Keras file may name and that take a file or a function, and unknown ones."""
    import inspect
    import re
    from importlib import import_module

    from keras.src.api_export import get_symbol_from_name
    from keras.src.saving.keras_saveable import KerasSaveable

    from trainer.formats.foreign.keras_classes import CLASSES, OPERATIONS

    kinds = {f"{place}.{name}": get_symbol_from_name(f"{place}.{name}") for place, name in CLASSES}
    for place, name in CLASSES:
        kinds[f"{place}.{name}"] = kinds[f"{place}.{name}"] or vars(import_module(place)).get(name)
    for place in OPERATIONS:
        for name, kind in vars(import_module(place)).items():
            if isinstance(kind, type) and issubclass(kind, KerasSaveable):
                kinds[f"{place}.{name}"] = kind
    takes = re.compile(r"file|path\b|vocab|asset|fn$|func|callable|directory|module")
    found = {
        name: ["unknown"] if kind is None else list(filter(takes.search, inspect.signature(kind).parameters))
        for name, kind in kinds.items()
    }
    print(json.dumps({name: taken for name, taken in found.items() if taken}))


def by_hand() -> None:
    """Print what is said of small graphs, by their names: a reason not to load them, or "fine"."""
    from trainer.formats.foreign import saved_model

    said = {}
    for name, content in _small_graphs().items():
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "saved_model.pb").write_bytes(content)
            try:
                saved_model.check(Path(folder))
            except UsageError as error:
                said[name] = str(error)
            else:
                assert b"SaveV2" not in (Path(folder) / "saved_model.pb").read_bytes()
                said[name] = "fine"
    print(json.dumps(said))


def _small_graphs() -> dict[str, bytes]:
    inner: Function = ("inner", [("PyFunc", {})])
    relu: Function = ("serve", [("Relu", {})])
    handle = {"dtype": 20}
    graphs = {
        "computes": _graph(("serve", [("MatMul", {})])),
        "writes": _graph(("serve", [("Relu", {}), ("WriteFile", {})])),
        "reads": _graph(("serve", [("ReadFile", {})])),
        "calls by attribute": _graph(("serve", [("PartitionedCall", {"f": "inner"})]), inner),
        "calls one of several": _graph(("serve", [("Case", {"branches": ["inner"]})]), inner),
        "calls by name": _graph(("serve", [("inner", {})]), inner),
        "escapes": _graph(("serve", [("\x1b[2JRemoteCall", {})])),
        "saves in a function that nothing calls": _graph(relu, ("save", [("SaveV2", {})])),
        "saves in the main graph": _graph(relu, main=("SaveV2", {})),
        "has a handle": _graph(("serve", [("Const", handle)])),
        "has a handle in the main graph": _graph(relu, main=("Const", handle)),
        "has two graphs": _graph(relu),
    }
    graphs["has two graphs"].meta_graphs.add().object_graph_def.nodes.add()
    for name, change in _OBJECTS.items():
        graphs[name] = _graph(relu)
        change(graphs[name].meta_graphs[0])
    messages = {name: model.SerializeToString() for name, model in graphs.items()}
    return {**messages, "is empty": b"", "is no message": b"no message \xff\xff"}


def _add_asset(graph: Any) -> None:
    graph.asset_file_def.add().filename = "../../etc/passwd"


def _add_resource(graph: Any) -> None:
    graph.object_graph_def.nodes.add().resource.SetInParent()


def _add_optimiser(graph: Any) -> None:
    graph.object_graph_def.nodes.add().user_object.identifier = "optimizer"


def _register(graph: Any) -> None:
    graph.object_graph_def.nodes[0].registered_name = "tf.StaticHashTable"


_OBJECTS: dict[str, Callable[[Any], Any]] = {
    "has an asset": _add_asset,
    "has a resource": _add_resource,
    "has an empty object": lambda graph: graph.object_graph_def.nodes.add(),
    "has an optimiser": _add_optimiser,
    "has a registered class": _register,
    "has no objects": lambda graph: graph.ClearField("object_graph_def"),
}

#: An operation's name, and its attributes: functions' names, or the type of a constant.
Node = tuple[str, dict[str, Any]]
Function = tuple[str, list[Node]]


def _graph(*functions: Function, main: Node | None = None) -> Any:
    """Return a SavedModel whose only object calls ``serve``."""
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel()
    graph = model.meta_graphs.add()
    graph.object_graph_def.nodes.add().user_object.identifier = "_generic_user_object"
    graph.object_graph_def.concrete_functions["serve"].SetInParent()
    for name, nodes in functions:
        function = graph.graph_def.library.function.add()
        function.signature.name = name
        for node in nodes:
            _fill(function.node_def.add(), node)
    if main is not None:
        _fill(graph.graph_def.node.add(), main)
    return model


def _fill(made: Any, node: Node) -> None:
    made.op, attributes = node
    made.name = "sneaky"
    for name, value in attributes.items():
        if isinstance(value, list):
            for each in value:
                made.attr[name].list.func.add().name = each
        elif isinstance(value, str):
            made.attr[name].func.name = value
        else:
            made.attr["value"].tensor.dtype = value


if __name__ == "__main__":
    main()

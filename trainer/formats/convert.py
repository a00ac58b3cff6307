"""Writes trained models in the formats of other programs: ``python -m trainer.formats.convert REQUEST``.

This is a process of its own, started with ``determinism.training_environment()``. It builds the networks from
their code and loads the kept weights, which must have the recorded digest. So nothing is unpickled, and a
user's layers need not be loaded from a file.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.datasets import Dataset, open_stored
from trainer.errors import one_line
from trainer.formats.catalogue import FORMATS
from trainer.formats.request import ConvertAnswer, ConvertRequest
from trainer.process.jobs import architecture_of
from trainer.runtime import determinism

if TYPE_CHECKING:
    import keras


def convert(request: ConvertRequest) -> ConvertAnswer:
    """Write the model that the request describes."""
    determinism.prepare()
    dataset = open_stored(Path(request.dataset))
    members = [_build(request, dataset) for _ in range(request.count)]
    for model, kept in zip(members, request.members, strict=False):
        found = _take_over(model, Path(kept.weights))
        if found != kept.sha256:
            what = f"kept weights have the digest {found[:16]}, not {kept.sha256[:16]}"
            return ConvertAnswer(obstacle="mismatch", what=what)
    model = members[0] if len(members) == 1 else average(members, name=request.architecture)
    left_out = {}
    for name in request.formats:
        answer = _write(name, model, Path(request.folder), dataset)
        if answer.obstacle == "refused" and name in request.dispensable:
            left_out[name] = answer.what
        elif answer.obstacle:
            return answer
    return ConvertAnswer(left_out=left_out)


def _write(name: str, model: "keras.Model", folder: Path, dataset: Dataset) -> ConvertAnswer:
    """Write the model in one format; leave nothing of it if the format cannot hold the model."""
    form = FORMATS[name]
    if not form.holds_code and (foreign := foreign_layer(model)):
        what = f"{form.title} cannot hold {foreign}: its code would have to travel along"
        return ConvertAnswer(obstacle="refused", what=what)
    file = folder / (form.file or KERAS_FILE)
    try:
        WRITERS[name](model, file, dataset)
    except OSError as error:
        what = f"{form.title} could not be written: {error.strerror or error}"
        return ConvertAnswer(obstacle="unwritable", what=what)
    except Exception as error:  # noqa: BLE001 - converters raise exceptions of any type
        what = f"{form.title} cannot hold {_culprit(model, error)}: {one_line(error)}"
        shutil.rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)
        return ConvertAnswer(obstacle="refused", what=what)
    return ConvertAnswer()


def average(members: Sequence["keras.Model"], *, name: str) -> "keras.Model":
    """Return one model whose output is the mean of the members' probabilities, ``[n, classes]``."""
    import keras

    pixels = keras.Input(members[0].input_shape[1:], name="pixels")
    named = [keras.Model(m.inputs[0], m.outputs[0], name=f"fold_{index}") for index, m in enumerate(members)]
    mean = keras.layers.Average(name="mean_probabilities")([member(pixels) for member in named])
    return keras.Model(pixels, mean, name=f"{name}_ensemble")


def foreign_layer(model: "keras.Model") -> str | None:
    """Describe the first layer with a part that is not Keras' own; None if there is no such layer."""
    import keras

    for layer in model._flatten_layers(include_self=False):
        kind = type(layer)
        if not _is_of_keras(kind.__module__) or kind is keras.layers.Lambda:
            return f"the layer {layer.name!r} ({kind.__name__})"
    for layer in model._flatten_layers(include_self=False):
        if len(list(layer._flatten_layers())) == 1:
            for part in _foreign_parts(keras.saving.serialize_keras_object(layer)):
                return f"{part} of the layer {layer.name!r}"
    return None


def _foreign_parts(config: Any) -> Iterator[str]:
    """Yield the parts of a layer's configuration that are not Keras' own, such as a user's activations."""
    if isinstance(config, dict):
        kind, module = config.get("class_name"), config.get("module")
        if kind == "__lambda__":
            yield "a lambda function"
        elif kind == "function":
            yield f"the function {config.get('config')!r}"
        elif kind is not None and module is not None and not _is_of_keras(str(module)):
            yield str(kind)
        for value in config.values():
            yield from _foreign_parts(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from _foreign_parts(value)


def _is_of_keras(module: str) -> bool:
    return module.partition(".")[0] in ("keras", "builtins")


def _build(request: ConvertRequest, dataset: Dataset) -> "keras.Model":
    from trainer.engine.model import build_model

    architecture = architecture_of(request.architecture, request.source, request.digest)
    return build_model(architecture, request.hyperparameters, dataset, seed=0)


def _take_over(model: "keras.Model", weights: Path) -> str:
    """Load the kept weights into the model; return the digest of its weights."""
    from trainer.engine.engine import weights_digest

    with np.load(weights, allow_pickle=False) as kept:
        for index, variable in enumerate(model.weights):
            variable.assign(kept[str(index)])
    return weights_digest([variable.numpy() for variable in model.weights])


def _write_keras(model: "keras.Model", file: Path, _dataset: Dataset) -> None:
    model.save(file)


def in_inference(model: "keras.Model") -> "keras.Model":
    """Return the model as a graph that never trains, of the same layers and with the same name.

    Keras exports a layer in the mode of its ``call``'s default, and that of ``RandomFlip`` and its like is
    training: their graph would turn and flip the images that are to be classified. A Keras file keeps the
    layers themselves: there ``predict`` chooses the mode, and the model can be trained further.
    """
    import keras

    pixels = keras.Input(model.input_shape[1:], name="pixels")
    return keras.Model(pixels, model(pixels, training=False), name=model.name)


def _write_savedmodel(model: "keras.Model", folder: Path, dataset: Dataset) -> None:
    in_inference(model).export(folder, format="tf_saved_model", verbose=False)
    extra = folder / "assets.extra"  # TensorFlow's folder for files of others
    extra.mkdir()
    (extra / "classes.json").write_text(json.dumps(list(dataset.classes)), encoding="utf-8")


def _write_onnx(model: "keras.Model", file: Path, dataset: Dataset) -> None:
    import onnx

    graph_model = in_inference(model)
    graph_model(np.zeros((1, *model.input_shape[1:]), np.float32))  # Keras refuses one that was never called
    graph_model.export(file, format="onnx", verbose=False)
    graph = onnx.load(file)
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "images"
    names = graph.metadata_props.add()
    names.key, names.value = "classes", json.dumps(list(dataset.classes))
    onnx.checker.check_model(graph)
    onnx.save(graph, file)


def _write_litert(model: "keras.Model", file: Path, _dataset: Dataset) -> None:
    import tensorflow as tf

    # Keras would allow TensorFlow's own operations too, which LiteRT's interpreter cannot run without
    # TensorFlow.
    built_in = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    in_inference(model).export(file, format="litert", verbose=False, target_spec=built_in)


#: An MLflow Keras model is this file with a description beside it.
KERAS_FILE = "model.keras"

WRITERS: dict[str, Callable[["keras.Model", Path, Dataset], None]] = {
    "keras": _write_keras,
    "savedmodel": _write_savedmodel,
    "onnx": _write_onnx,
    "litert": _write_litert,
    "mlflow": _write_keras,
}


def _culprit(model: "keras.Model", error: Exception) -> str:
    """Name the layer that a converter's error is about, if the error names a graph node of that layer."""
    text = str(error)
    named = [layer for layer in model._flatten_layers(include_self=False) if f"/{layer.name}" in text]
    if not named:
        return "this model"
    innermost = max(named, key=lambda layer: text.rfind(f"/{layer.name}"))
    return f"the layer {innermost.name!r} ({type(innermost).__name__})"


def main() -> None:
    """Answer one request. What converters print goes to standard error."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    request = ConvertRequest.from_json(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    answer.write(json.dumps(convert(request).to_json()) + "\n")
    answer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

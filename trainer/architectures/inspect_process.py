"""Tries a user's architecture out, in a process of its own.

The process that runs a sweep never imports TensorFlow, nor the user's code: ``inspect.py`` starts this one.

Standard input is an ``InspectRequest``, standard output ``Accepted`` or ``Refused``. What the user's code
prints goes to standard error.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.architectures.inspect_messages import Accepted, InspectRequest, Refused, answer_to_json
from trainer.architectures.middle import middle
from trainer.architectures.own_seeds import Built, judge_own_seeds
from trainer.architectures.own_training import refuse_own_training
from trainer.architectures.user import UserArchitecture
from trainer.errors import UsageError
from trainer.recipe.table import usual_space, without_unused
from trainer.runtime import determinism
from trainer.runtime.lifeline import end_with_parent
from trainer.user_code import UserSource, blame
from trainer.user_code.declared import OpenedFiles, read_declared

if TYPE_CHECKING:
    import keras

InputShape = tuple[int, int, int]


def examine(request: InspectRequest) -> Accepted:
    """Import and build the architecture twice: from its folder, then from the texts that this imported.

    Every worker builds it from the texts. Code that needs more than its Python files fails here, before
    anything is trained. Then it is built once more, under another seed, which has to change its weights.

    Raises:
        UsageError: one line that says what is wrong and in which line of which file.
    """
    spec, name, cell = request.spec, request.name, request.cell
    file, _, attribute = spec.rpartition(":")
    path = Path(request.base, file if cell is None else f"{file}.py").resolve()
    data = read_declared(path.parent, request.files, spec)
    opened = OpenedFiles()
    with opened.watched():
        local = UserArchitecture.from_folder(path.parent, path.name, attribute, name, cell=cell)
        _try_out(local, request)
    _refuse_undeclared(opened.undeclared(path.parent, request.files), path.parent, request)
    files = local.modules.files
    others = sorted((other, text) for other, text in files.items() if other != path.name)
    source = UserSource(spec=spec, files=((path.name, files[path.name]), *others), data=data)
    again = OpenedFiles()
    try:
        with again.watched():
            carried = UserArchitecture.from_source(source, name, source.digest)
            one = _try_out(carried, request)
    except UsageError as error:
        reason = "works in its own folder, but not from the texts of its Python files alone"
        raise UsageError(f"{spec} {reason}: {error}") from None
    if elsewhere := again.undeclared(path.parent, ()):
        raise UsageError(
            f"{spec} opens {Path(elsewhere[0]).name!r} in its own folder, where no worker has it: open it as "
            "Path(__file__).parent / its name"
        )
    builds = (one, _try_out(carried, request, seed=1))
    keep, name = request.keep_seeds, request.name
    remarks = judge_own_seeds(builds, spec, name, keep=keep, files=request.files)
    return Accepted(source=source, space=carried.architecture.space, remarks=tuple(remarks))


def _refuse_undeclared(opened: Sequence[str], folder: Path, request: InspectRequest) -> None:
    """Refuse code that reads files which no fit's key would know of.

    Raises:
        UsageError: if there are such files; the message names them.
    """
    if not opened:
        return
    paths = [Path(path) for path in opened]
    inside = [path.relative_to(folder).as_posix() for path in paths if path.is_relative_to(folder)]
    if len(inside) == len(opened):
        names = ", ".join(f'"{name}"' for name in (*request.files, *inside))
        raise UsageError(
            f"{request.spec} opens {inside[0]!r}, which is not declared, so a change of it would go "
            f"unnoticed: add files = [{names}] to [architectures.{request.name}]"
        )
    outside = next(path for path in paths if not path.is_relative_to(folder))
    raise UsageError(
        f"{request.spec} opens {str(outside)!r}, outside of its folder, so no other machine would have it: "
        f"copy it beside the code and declare it with files in [architectures.{request.name}]"
    )


def _try_out(user: UserArchitecture, request: InspectRequest, *, seed: int = 0) -> Built:
    """Build the model with hyperparameters from the middle of its space and check its predictions."""
    import keras

    spec, input_shape, classes = request.spec, request.input_shape, request.classes
    keras.utils.clear_session(free_memory=False)  # layers get the names that they will be trained with
    keras.utils.set_random_seed(seed)
    hyperparameters = middle(without_unused({**usual_space(), **user.architecture.space}))
    try:
        model = user.architecture.build(hyperparameters, input_shape, classes)
        _check_model(model, spec, input_shape, classes)
        refuse_own_training(model, spec, request.name)
        return Built.now(model)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(blame(error, user.modules.folder, spec)) from error


def _check_model(model: "keras.Model", spec: str, input_shape: InputShape, classes: int) -> None:
    """Raise UsageError unless ``model`` maps images to probabilities and has something to train."""
    import keras
    import numpy as np

    if not isinstance(model, keras.Model):
        raise UsageError(f"{spec} builds a {type(model).__name__}, expected a keras.Model")
    _check_input(model, spec, input_shape)
    output = model(keras.Input(input_shape))
    shape = tuple(output.shape) if isinstance(output, keras.KerasTensor) else f"a {type(output).__name__}"
    if shape != (None, classes):
        raise UsageError(f"{spec} builds a model whose output is {shape}, expected {(None, classes)}")
    images = np.random.Generator(np.random.Philox(key=0)).random((4, *input_shape), dtype=np.float32)
    probabilities = np.asarray(model(images, training=False), dtype=np.float64)
    if not np.isfinite(probabilities).all():
        raise UsageError(f"{spec} builds a model whose output is not finite")
    if probabilities.min() < 0 or not np.allclose(probabilities.sum(axis=1), 1, atol=1e-2):
        raise UsageError(f"{spec} builds a model whose outputs are not probabilities: end it with a softmax")
    if not model.trainable_variables:
        raise UsageError(f"{spec} builds a model without anything to train")


def _check_input(model: "keras.Model", spec: str, input_shape: InputShape) -> None:
    """Raise UsageError if the declared input of ``model`` is not one image of ``input_shape``."""
    try:
        taken = [tuple(tensor.shape) for tensor in model.inputs]
    except (AttributeError, ValueError):
        return  # a model that was never called declares no input; the call that follows checks it
    if len(taken) != 1:
        raise UsageError(f"{spec} builds a model with {len(taken)} inputs, expected one")
    sizes = taken[0][1:]
    if len(sizes) != 3 or any(a not in (None, b) for a, b in zip(sizes, input_shape, strict=True)):
        raise UsageError(f"{spec} builds a model whose input is {taken[0]}, expected {(None, *input_shape)}")


def main() -> None:
    """Answer one request."""
    end_with_parent()
    request = InspectRequest.from_json(json.load(sys.stdin))
    answers = os.dup(1)
    os.dup2(2, 1)  # so that no print and no C library writes into the answer
    determinism.prepare()
    answer: Accepted | Refused
    try:
        answer = examine(request)
    except UsageError as error:
        answer = Refused(error=str(error))
    with os.fdopen(answers, "w", encoding="utf-8") as out:
        json.dump(answer_to_json(answer), out)


if __name__ == "__main__":
    main()

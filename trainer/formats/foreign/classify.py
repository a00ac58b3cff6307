"""Classifies images with a model from anywhere.

``python -m trainer.formats.foreign.classify FORMAT MODEL IMAGES OUT MODE`` is a process of its own: it checks
the model's file, and only then loads it with the runtime of its format. With the mode ``trusted`` nothing is
checked, and Keras may run code that is in the file. It prints one JSON object: ``{}``, or
``{"refused": TEXT}`` or ``{"damaged": TEXT}``.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from trainer.errors import UsageError, one_line
from trainer.formats import reload
from trainer.formats.foreign import keras_file, litert_file, onnx_file, saved_model
from trainer.formats.foreign.refusal import Damaged, Refused

Mode = Literal["checked", "trusted"]

CHECKS: Mapping[str, Callable[[Path], None]] = {
    "keras": keras_file.check,
    "savedmodel": saved_model.check,
    "onnx": onnx_file.check,
    "litert": litert_file.check,
}


def classify(form: str, model: Path, images: Path, out: Path, mode: Mode) -> None:
    """Write the model's output for the images (both ``.npy``).

    Args:
        form: the format's name.
        model: its file or folder; a checked SavedModel is rewritten, so it must be a copy.
        images: raw pixels, ``[n, height, width, channels]``.
        out: takes ``[n, classes]``, or whatever the model returns.
        mode: whether the model is checked first.

    Raises:
        Refused: if the model could do more than compute.
        Damaged: if it cannot be loaded or does not take such images.
    """
    import numpy as np

    if mode == "checked":
        _check(form, model)
    pixels = np.load(images, mmap_mode="r", allow_pickle=False)
    starts = range(0, len(pixels), reload.BATCH)
    try:
        predict = _loaded(form, model, mode)
        found = [np.asarray(predict(np.array(pixels[start : start + reload.BATCH]))) for start in starts]
        np.save(out, np.concatenate(found), allow_pickle=False)
    except Exception as error:
        raise Damaged(f"it cannot be loaded, or does not take these images ({one_line(error)})") from error


def _check(form: str, model: Path) -> None:
    try:
        CHECKS[form](model)
    except UsageError:
        raise
    except Exception as error:
        raise Damaged(f"it is damaged ({one_line(error)})") from error


def _loaded(form: str, model: Path, mode: Mode) -> Callable[[Any], Any]:
    if form != "keras":
        return reload.LOADERS[form](str(model))
    import keras

    network = keras.saving.load_model(model, custom_objects={}, compile=False, safe_mode=mode == "checked")
    return lambda pixels: network.predict(pixels, batch_size=reload.BATCH, verbose=0)


def main() -> None:
    """Answer one request. What runtimes print goes to standard error."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    form, model, images, out, mode = sys.argv[1:]
    said: dict[str, str] = {}
    try:
        classify(form, Path(model), Path(images), Path(out), "trusted" if mode == "trusted" else "checked")
    except Refused as error:
        said["refused"] = str(error)
    except Damaged as error:
        said["damaged"] = str(error)
    answer.write(json.dumps(said) + "\n")
    answer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

"""Classifies images with an exported model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sweeps.export import foreign_model, model_folder, model_json
from sweeps.export.about import ModelAbout
from trainer.datasets import DatasetSource
from trainer.datasets.folder import image_files, read_files
from trainer.errors import UsageError
from trainer.formats.catalogue import FORMATS, require
from trainer.runtime.scratch import scratch_folder

#: Paths of files and folders, or an array of pixels.
Images = Path | str | Sequence[Path | str] | npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A model's prediction for one image.

    Attributes:
        image: the path of its file, or its place in the array.
        class_name: the most probable class.
        probability: the probability of that class, in [0, 1].
        probabilities: the probability of each class, in [0, 1].
    """

    image: str
    class_name: str
    probability: float
    probabilities: Mapping[str, float]


def predict(model: Path | str, images: Images, *, trust_model: bool = False) -> list[Prediction]:
    """Classify images with the model's own runtime, in a fresh process.

    The model may be anybody's: its file is checked first, and loaded only if all that it can do is compute.

    If the sweep converted a folder's images to one size or colour, images are converted in the same way.
    Images that do not fit then are refused.

    Args:
        model: an exported model's folder, or a file in it.
        images: PNG and JPEG files, and folders with such files; or an array ``[n, height, width, channels]``
            (grey images may lack the channels) of pixels in the range that the model was trained on.
        trust_model: whether to load the model without that check. It can then do all that you can do.

    Returns:
        One prediction for each image, in order.

    Raises:
        UsageError: if there is no such model or image, an image does not fit, or the model is not loaded.
    """
    about, name, file = find_model(Path(model))
    require(name)
    names, raw = _from_array(images, about) if isinstance(images, np.ndarray) else _from_files(images, about)
    with scratch_folder() as folder:
        found = foreign_model.probabilities(about, name, file, raw, folder, trust=trust_model)
    return [
        Prediction(
            image=image,
            class_name=about.classes[int(row.argmax())],
            probability=float(row.max()),
            probabilities=dict(zip(about.classes, map(float, row), strict=True)),
        )
        for image, row in zip(names, found, strict=True)
    ]


def _from_files(
    images: Path | str | Sequence[Path | str], about: ModelAbout
) -> tuple[list[str], npt.NDArray[np.float32]]:
    given = [images] if isinstance(images, str | Path) else images
    paths = [path for each in given for path in _files(Path(each))]
    pixels = read_files(paths, input_shape=about.input_shape, settings=reader_of(about))
    # Pixels of files go up to 255; those of a sweep on arrays may have had another maximum.
    return [str(path) for path in paths], pixels.astype(np.float32) * np.float32(about.pixel_max / 255)


def reader_of(about: ModelAbout) -> DatasetSource:
    """Return how image files are read for a model: as its sweep has read them."""
    height, width, channels = about.input_shape
    return DatasetSource(
        source="the images",
        image_size=None if about.image_size is None else (height, width),
        colour=None if about.colour is None else "grey" if channels == 1 else "rgb",
        fit=about.fit,
    )


def _from_array(images: npt.NDArray[Any], about: ModelAbout) -> tuple[list[str], npt.NDArray[np.float32]]:
    shape = about.input_shape
    if images.ndim == 3 and shape[2] == 1:
        images = images[..., np.newaxis]
    if images.shape[1:] != shape or not len(images) or images.dtype.kind not in "biuf":
        raise UsageError(
            f"the images are an array {list(images.shape)} of {images.dtype}, and the model takes numbers "
            f"[n, {', '.join(map(str, shape))}]"
        )
    if not 0 <= images.min() <= images.max() <= about.pixel_max:
        raise UsageError(
            f"the images have values from {images.min()} to {images.max()}, and the model was trained on "
            f"0 to {about.pixel_max:g}"
        )
    return [str(place) for place in range(len(images))], images.astype(np.float32)


def find_model(model: Path) -> tuple[ModelAbout, str, Path]:
    """Return the content of ``model.json``, the name of a format, and its file.

    Raises:
        UsageError: if there is no such model.
    """
    if not model.exists():
        raise UsageError(f"there is no model {model}: name the folder that 'refold export' made")
    folder = model if (model / model_json.ABOUT).exists() else model.parent
    if not (folder / model_json.ABOUT).exists():
        raise UsageError(f"{model} is no model of 'refold export': there is no {model_json.ABOUT} with it")
    about = model_json.read(folder)
    there = model_folder.formats_of(about)
    named = [name for name in there if folder == model or FORMATS[name].file == model.name]
    if not named:
        what = "was only exported to MLflow" if folder == model else "is no file of the model"
        raise UsageError(f"{model} {what}: export it in another format, or name the model's folder")
    file = folder / str(FORMATS[named[0]].file)
    if not file.exists():
        raise UsageError(f"{file} is gone: export the model again")
    return about, named[0], file


def _files(given: Path) -> Iterator[Path]:
    """Yield the images of a path: the file itself, or all images in the folder and its subfolders."""
    if not given.is_dir():
        if not given.exists():
            raise UsageError(f"there is no image {given}")
        yield given
        return
    found = image_files(given)
    if not found:
        raise UsageError(f"the folder {given} has no PNG, JPEG, WebP, BMP or TIFF image in it")
    yield from found

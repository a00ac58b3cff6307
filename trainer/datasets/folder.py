"""A folder of class folders of PNG and JPEG images.

Classes are the folders' names, sorted by code point; images are sorted by class and file name. The rules:

- A class's name is the folder's in composed form (NFC), so a folder from another system has the same classes.
- ``.png``, ``.jpg`` and ``.jpeg`` in any case. Other image types (``.gif``, ``.tif``, ...) and folders inside
  class folders are refused, because leaving them out in silence would train on less than the user sees.
  Hidden files and folders, files of other kinds and files beside the class folders are left out.
- Whether an image is grey or colour depends on how the file is stored, not on what it shows; a palette
  counts as colour. Colour becomes grey by Pillow's luma (ITU-R 601-2: 0.299 red, 0.587 green, 0.114 blue).
- An orientation that the camera noted in EXIF is applied.
- An alpha channel that is opaque everywhere is dropped. Transparent pixels and 16 bits a channel are refused:
  the user has to decide what lies behind transparency, and which 8 of 16 bits matter.
- With an image size, images are resized to it with Pillow's bilinear filter (which averages over all pixels
  when it shrinks); the aspect ratio is not kept.
"""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer import names
from trainer.datasets.checks import SMALLEST_SIDE
from trainer.datasets.dataset import Dataset
from trainer.datasets.image_file import MODES, Colour, Header, decoded, headers_of
from trainer.errors import UsageError
from trainer.limits import IMAGES
from trainer.names import Rule
from trainer.quantities import counted

READ = frozenset({".png", ".jpg", ".jpeg"})
REFUSED = frozenset(
    f".{suffix}"
    for suffix in (
        *("avif", "bmp", "dcm", "gif", "heic", "heif", "jfif", "jp2", "jpe", "jxl"),
        *("pbm", "pgm", "pnm", "ppm", "svg", "tga", "tif", "tiff", "webp"),
    )
)


def read(
    folder: Path,
    *,
    image_size: tuple[int, int] | None = None,
    colour: Colour | None = None,
    class_name: Rule = names.class_name,
) -> Dataset:
    """Return all images of the class folders in ``folder``.

    Args:
        folder: holds one folder a class.
        image_size: (height, width) in pixels that all images are resized to; None if they must have one size
            already.
        colour: what all images are converted to; None if they must all be grey or all be colour already.
        class_name: the rule for the names of class folders.

    Raises:
        UsageError: if there are fewer than two classes, a class has an impossible name or no image, a file is
            damaged or refused, or sizes or colours differ and ``image_size`` or ``colour`` is None.
    """
    _check_settings(image_size, colour)
    folders = _class_folders(folder, class_name)
    classes = tuple(folders)
    files = [_image_files(folder / name) for name in folders.values()]
    paths = [path for of_class in files for path in of_class]
    if len(paths) > IMAGES.most:
        raise UsageError(f"{str(folder)!r} has {len(paths):,} images: refold takes at most {IMAGES.said}")
    # Headers first: different sizes are found in seconds, before gigabytes are decoded.
    headers = headers_of(paths)
    images = decoded(
        paths,
        size=image_size or _common_size(folder, headers),
        colour=colour or _common_colour(paths, headers),
    )
    return Dataset(
        name=folder.resolve().name,
        images=images,
        labels=np.repeat(np.arange(len(classes), dtype=np.int32), [len(of_class) for of_class in files]),
        classes=classes,
        pixel_max=255.0,
    )


def read_files(
    paths: Sequence[Path], *, input_shape: tuple[int, int, int], resize: bool, recolour: bool
) -> npt.NDArray[np.uint8]:
    """Return images ``[n, height, width, channels]`` for a model that was trained on a folder of images.

    Args:
        paths: PNG and JPEG files.
        input_shape: height, width, channels of the model.
        resize: whether images of another size are resized; refused otherwise.
        recolour: whether grey images are converted to colour, or colour to grey; refused otherwise.

    Raises:
        UsageError: for the first file that is damaged, refused, or does not fit.
    """
    height, width, channels = input_shape
    if channels not in (1, 3):
        raise UsageError(f"the model takes {channels} channels, and image files have 1 (grey) or 3 (colour)")
    colour: Colour = "grey" if channels == 1 else "rgb"
    for path, header in zip(paths, headers_of(paths), strict=True):
        if header.size != (height, width) and not resize:
            found = "x".join(map(str, header.size))
            raise UsageError(f"image {str(path)!r} is {found} pixels (height x width), not {height}x{width}")
        if header.colour != colour and not recolour:
            raise UsageError(f"image {str(path)!r} is stored as {header.colour}, the model takes {colour}")
    return decoded(paths, size=(height, width), colour=colour)


def _check_settings(image_size: tuple[int, int] | None, colour: Colour | None) -> None:
    if image_size is not None and (len(image_size) != 2 or min(image_size) < SMALLEST_SIDE):
        raise UsageError(
            f"image_size = {list(image_size)} must be [height, width], each at least {SMALLEST_SIDE} pixels"
        )
    if colour is not None and colour not in MODES:
        raise UsageError(f"colour = {colour!r} must be 'grey' or 'rgb'")


def _class_folders(folder: Path, class_name: Rule) -> dict[str, str]:
    """Return the folder of each class, sorted by the classes' names.

    Raises:
        UsageError: if there are fewer than two, or one has a name that no class may have.
    """
    found = sorted(entry.name for entry in _entries(folder) if _is_folder(entry))
    if len(found) < 2:
        raise UsageError(
            f"{str(folder)!r} has {len(found)} class folders: it must have at least two, "
            "each named by its class and holding that class's images"
        )
    try:
        classes = names.distinct(found, class_name)
    except ValueError as error:
        raise UsageError(f"class folders of {str(folder)!r}: {error}") from None
    return dict(sorted(zip(classes, found, strict=True)))


def _image_files(folder: Path) -> list[Path]:
    """Return the images of one class, sorted by name.

    Raises:
        UsageError: if there is none, or one of a type that is not read.
    """
    files = []
    for entry in sorted(_entries(folder), key=lambda entry: entry.name):
        path, suffix = folder / entry.name, Path(entry.name).suffix.lower()
        if _is_folder(entry):
            raise UsageError(
                f"the class folder {str(folder)!r} holds a folder, {entry.name!r}: "
                "images must lie directly in class folders"
            )
        if suffix in REFUSED:
            raise UsageError(f"{str(path)!r} is neither PNG nor JPEG: convert it, or take it out")
        if suffix in READ:
            if not path.is_file():  # reading a pipe would never end
                raise UsageError(f"{str(path)!r} is not a readable file: restore it, or take it out")
            files.append(path)
    if not files:
        raise UsageError(f"the class folder {str(folder)!r} has no PNG or JPEG image: add some, or delete it")
    return files


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return the entries of a folder, in no particular order."""
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise UsageError(f"the folder {str(folder)!r} cannot be read: {error.strerror}") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one; a broken or circular link is not."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _common_size(folder: Path, headers: Sequence[Header]) -> tuple[int, int]:
    """Return the size that all images have; if they differ, raise UsageError with the sizes found."""
    sizes = Counter(header.size for header in headers)
    ranked = sorted(sizes, key=lambda size: (-sizes[size], size))
    if len(ranked) == 1:
        return ranked[0]
    met = ", ".join(
        f"{height}x{width} ({counted(sizes[height, width], 'image')})" for height, width in ranked[:5]
    )
    raise UsageError(
        f"the images in {str(folder)!r} have {len(ranked)} sizes, height x width: {met}"
        f"{', …' if len(ranked) > 5 else ''}; set image_size = {list(ranked[0])} to bring all to one"
    )


def _common_colour(paths: Sequence[Path], headers: Sequence[Header]) -> Colour:
    """Return the colour that all images have; if they differ, raise UsageError with an example of each."""
    first = {header.colour: path for header, path in reversed(list(zip(headers, paths, strict=True)))}
    if len(first) == 1:
        return headers[0].colour
    raise UsageError(
        f"{str(first['grey'])!r} is grey and {str(first['rgb'])!r} is colour: "
        "set colour = 'grey' or colour = 'rgb' to bring all images to one"
    )

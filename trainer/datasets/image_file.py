"""PNG and JPEG files: their headers, and their pixels in one size and colour.

``trainer.datasets.folder`` says how images are converted.
"""

import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from trainer.datasets.checks import require_memory
from trainer.errors import UsageError
from trainer.limits import FILE_PIXELS

Colour = Literal["grey", "rgb"]
Item = TypeVar("Item")
Result = TypeVar("Result")

FILTER = Image.Resampling.BILINEAR
MODES = {"grey": "L", "rgb": "RGB"}
GREY_MODES = frozenset({"1", "L", "LA"})
ORIENTATION = 0x0112  # the EXIF tag
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
THREADS = min(8, os.cpu_count() or 1)  # Pillow decodes without the interpreter's lock


@dataclass(frozen=True, slots=True)
class Header:
    """An image file's header: known before its pixels are decoded.

    Attributes:
        size: (height, width) in pixels, upright.
        colour: how it is stored.
    """

    size: tuple[int, int]
    colour: Colour


_TOO_LARGE = f"more than {FILE_PIXELS.said} pixels: make it smaller, or take it out"


def headers_of(paths: Sequence[Path]) -> list[Header]:
    """Return the header of each file; Pillow's warning of an enormous image becomes a refusal."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return _in_parallel(_header, paths)


def decoded(paths: Sequence[Path], *, size: tuple[int, int], colour: Colour) -> npt.NDArray[np.uint8]:
    """Return all images as one array ``[n, height, width, channels]``, decoded in parallel."""
    require_memory(len(paths) * math.prod(size) * (1 if colour == "grey" else 3), "all images together")
    images = np.empty((len(paths), *size, 1 if colour == "grey" else 3), dtype=np.uint8)

    def decode(place: int) -> None:
        images[place] = _pixels(paths[place], size=size, colour=colour)

    _in_parallel(decode, range(len(paths)))
    return images


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open an image for the block; errors in the block become messages with the file's name.

    Raises:
        UsageError: if it is not PNG or JPEG, is damaged, or has 16 bits a channel.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(25)
            if start.startswith(b"\x89PNG") and start[24:] == b"\x10":  # the header's bit depth
                raise UsageError(f"image {str(path)!r} has 16 bits a channel: save it with 8")
            stream.seek(0)
            with Image.open(stream, formats=("PNG", "JPEG")) as image:
                yield image
    except UsageError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise UsageError(f"image {str(path)!r} has {_TOO_LARGE}") from None
    except UnidentifiedImageError as error:
        raise UsageError(
            f"image {str(path)!r} is neither PNG nor JPEG inside, or damaged: replace it"
        ) from error
    except Exception as error:  # each of Pillow's decoders raises exceptions of its own for damaged bytes
        reason = " ".join(str(error).split())
        raise UsageError(
            f"image {str(path)!r} cannot be read ({reason}): replace it or take it out"
        ) from error


def _header(path: Path) -> Header:
    """Return upright size and colour without decoding pixels."""
    with _opened(path) as image:
        width, height = image.size
        if width * height > FILE_PIXELS.most:
            raise UsageError(f"image {str(path)!r} has {_TOO_LARGE}")
        turned = _orientation(image) >= 5
        return Header(
            size=(width, height) if turned else (height, width),
            colour="grey" if image.mode in GREY_MODES else "rgb",
        )


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 (upright) to 8; 1 if EXIF is missing or invalid."""
    try:
        exif = Image.Exif()
        exif.load(image.info.get("exif", b""))
        orientation = exif.get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001  (cameras write invalid EXIF; viewers ignore it)
        return 1
    return orientation if orientation in UPRIGHT else 1


def _pixels(path: Path, *, size: tuple[int, int], colour: Colour) -> npt.NDArray[np.uint8]:
    """Return one upright image as ``[height, width, channels]`` in ``size`` and ``colour``."""
    height, width = size
    with _opened(path) as opened:
        image = _opaque(opened, path).convert(MODES[colour])
        orientation = _orientation(opened)
        if orientation in UPRIGHT:
            image = image.transpose(UPRIGHT[orientation])
        if image.size != (width, height):
            image = image.resize((width, height), FILTER)
        return np.asarray(image, dtype=np.uint8).reshape(height, width, -1)


def _opaque(image: Image.Image, path: Path) -> Image.Image:
    """Return the image without alpha; raise UsageError if a pixel is transparent."""
    if not image.has_transparency_data:
        return image
    with_alpha = image.convert("RGBA")
    if with_alpha.getchannel("A").getextrema() != (255, 255):
        raise UsageError(f"image {str(path)!r} has transparent pixels: save it without transparency")
    return with_alpha.convert("RGB")


def _in_parallel(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return ``function`` of each item in order; if several fail, raise the error of the first such item."""
    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(function, items))

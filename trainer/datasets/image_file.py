"""One image file: its header, and its pixels in one size and colour.

The rules, which ``docs/data.md`` gives to users:

- PNG, JPEG, WebP, BMP and TIFF with one picture. Animations and files of several pages are refused.
- An orientation that the camera noted in EXIF is applied.
- Whether an image is grey or colour depends on how the file is stored, not on what it shows; a palette counts
  as colour. Colour becomes grey by Pillow's luma (ITU-R 601-2: 0.299 red, 0.587 green, 0.114 blue); CMYK and
  other spaces become RGB by Pillow's conversion.
- Transparent pixels are laid on white.
- Of 16 bits a channel the upper 8 are taken, as Pillow itself does for colour. Floats and 32 bits are
  refused.
- Images are brought to a size with Pillow's bilinear filter, which averages over all pixels when it shrinks:
  stretched, or padded with black, or cropped around the middle.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from trainer.datasets.dataset import Fit
from trainer.errors import UsageError
from trainer.limits import FILE_PIXELS

Colour = Literal["grey", "rgb"]

#: An image file: its path, or its content.
Source = Path | bytes

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
FILTER = Image.Resampling.BILINEAR
MODES = {"grey": "L", "rgb": "RGB"}
GREY_MODES = frozenset({"1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I;16N"})
DEEP_MODES = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})
REFUSED_MODES = {"I": "32 bits a pixel", "F": "floating-point pixels"}
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


@dataclass(frozen=True, slots=True)
class Header:
    """An image file's header: known before its pixels are decoded.

    Attributes:
        size: (height, width) in pixels, upright.
        colour: how it is stored.
        deep: whether it has 16 bits a channel.
    """

    size: tuple[int, int]
    colour: Colour
    deep: bool = False


@dataclass(frozen=True, slots=True)
class Pixels:
    """An image's pixels ``[height, width, channels]`` uint8, and whether some were transparent."""

    values: npt.NDArray[np.uint8]
    transparent: bool


def header_of(source: Source) -> Header:
    """Return the header of an image file.

    Raises:
        UsageError: if it is no image, or one that is refused; the message says why, without a name.
    """
    with _opened(source) as image:
        width, height = image.size
        if width * height > FILE_PIXELS.most:
            raise UsageError(_TOO_LARGE)
        if getattr(image, "n_frames", 1) > 1:
            raise UsageError("it has several pictures (an animation, or pages): save one of them")
        if image.mode in REFUSED_MODES:
            raise UsageError(f"it has {REFUSED_MODES[image.mode]}: save it with 8 or 16 bits a channel")
        turned = _orientation(image) >= 5
        return Header(
            size=(width, height) if turned else (height, width),
            colour="grey" if image.mode in GREY_MODES else "rgb",
            deep=image.mode in DEEP_MODES or _deep_png(source),
        )


def pixels_of(source: Source, *, size: tuple[int, int], colour: Colour, fit: Fit = "stretch") -> Pixels:
    """Return the pixels of an image file, upright.

    Args:
        source: the file.
        size: (height, width) that it is brought to.
        colour: what it is converted to.
        fit: how it is brought to another size.

    Raises:
        UsageError: if it cannot be decoded; the message says why, without a name.
    """
    height, width = size
    with _opened(source) as opened:
        shallow = _shallow(opened)
        image, transparent = _on_white(shallow)
        image = image.convert(MODES[colour])
        orientation = _orientation(opened)
        if orientation in UPRIGHT:
            image = image.transpose(UPRIGHT[orientation])
        image = _fitted(image, (width, height), fit)
        return Pixels(np.asarray(image, dtype=np.uint8).reshape(height, width, -1), transparent)


_TOO_LARGE = f"it has more than {FILE_PIXELS.said} pixels: make it smaller"


@contextmanager
def _opened(source: Source) -> Iterator[Image.Image]:
    """Open an image for the block; errors in the block become messages.

    Raises:
        UsageError: if it is no image of a known format, or damaged.
    """
    try:
        with _stream(source) as stream, Image.open(stream, formats=FORMATS) as image:
            yield image
    except UsageError:
        raise
    except Image.DecompressionBombError:
        raise UsageError(_TOO_LARGE) from None
    except UnidentifiedImageError as error:
        raise UsageError("it is no PNG, JPEG, WebP, BMP or TIFF inside, or damaged: replace it") from error
    except Exception as error:  # each of Pillow's decoders raises exceptions of its own for damaged bytes
        reason = " ".join(str(error).split())
        raise UsageError(f"it cannot be read ({reason}): replace it") from error


def _stream(source: Source) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _deep_png(source: Source) -> bool:
    """Whether it is a PNG of 16 bits a channel, which Pillow reads as 8 if it is in colour."""
    with _stream(source) as stream:
        start = stream.read(25)
    return start.startswith(b"\x89PNG") and start[24:] == b"\x10"


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 (upright) to 8; 1 if EXIF is missing or invalid."""
    try:
        orientation = image.getexif().get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001  (cameras write invalid EXIF; viewers ignore it)
        return 1
    return orientation if orientation in UPRIGHT else 1


def _shallow(image: Image.Image) -> Image.Image:
    """Return the image with 8 bits a channel: the upper ones of 16."""
    if image.mode not in DEEP_MODES:
        return image
    upper = np.asarray(image).astype(np.uint16) >> 8
    return Image.fromarray(upper.astype(np.uint8))


def _on_white(image: Image.Image) -> tuple[Image.Image, bool]:
    """Return the image without alpha, and whether a pixel was transparent."""
    if not image.has_transparency_data:
        return image, False
    with_alpha = image.convert("RGBA")
    if with_alpha.getchannel("A").getextrema() == (255, 255):
        return with_alpha.convert("RGB"), False
    white = Image.new("RGBA", with_alpha.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, with_alpha).convert("RGB"), True


def _fitted(image: Image.Image, size: tuple[int, int], fit: Fit) -> Image.Image:
    """Return the image in (width, height)."""
    if image.size == size:
        return image
    if fit == "pad":
        return ImageOps.pad(image, size, FILTER, color=0)
    if fit == "crop":
        return ImageOps.fit(image, size, FILTER)
    return image.resize(size, FILTER)

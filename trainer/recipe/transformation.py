"""The arithmetic of augmentation, once for NumPy and TensorFlow: training and pictures share every line.

It has only steps that treat each image by itself: copies of pixels, and elementwise ones that IEEE 754 rounds
in one way. So the bits of an image do not depend on the images beside it. A sum over an image's pixels is
taken in a fixed order.

Pixels outside of an image are those inside, mirrored at its edge, as in Keras' layers for augmentation.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer.recipe.augmentation import COLUMNS

#: NumPy arrays or TensorFlow's tensors.
Array = Any

#: The kinds that move pixels, and those of them for which pixels have to be mixed.
MOVES = frozenset({"flip_horizontal", "flip_vertical", "shift", "crop", "rotate", "zoom"})
MIXES = frozenset({"crop", "rotate", "zoom"})
COLOURS = frozenset({"brightness", "contrast"})

#: An erased rectangle is at most this much longer than a square of its area, or as much shorter.
STRETCH = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """What the arithmetic needs of an array library, besides operators and slices.

    Attributes:
        take: values along an axis at places of each image, ``(values, places [n, m], axis)``.
        whole: to int32.
        real: to float32.
        reshape: as in NumPy.
        joined: a list of arrays, one after the other along axis 1.
        where: as in NumPy.
        floor: as in NumPy.
        sqrt: as in NumPy.
        least: the smaller of two, elementwise.
        most: the larger of two, elementwise.
    """

    take: Callable[[Array, Array, int], Array]
    whole: Callable[[Array], Array]
    real: Callable[[Array], Array]
    reshape: Callable[[Array, tuple[int, ...]], Array]
    joined: Callable[[list[Array]], Array]
    where: Callable[[Array, Array, Array], Array]
    floor: Callable[[Array], Array]
    sqrt: Callable[[Array], Array]
    least: Callable[[Array, Any], Array]
    most: Callable[[Array, Any], Array]


def _take(values: Array, places: Array, axis: int) -> Array:
    shape = [len(places), *([1] * (values.ndim - 1))]
    shape[axis] = -1
    return np.take_along_axis(values, places.reshape(shape), axis)


NUMPY = Library(
    take=_take,
    whole=lambda values: values.astype(np.int32),
    real=lambda values: values.astype(np.float32),
    reshape=np.reshape,
    joined=lambda parts: np.concatenate(parts, axis=1),
    where=np.where,
    floor=np.floor,
    sqrt=np.sqrt,
    least=np.minimum,
    most=np.maximum,
)


@dataclass(frozen=True, slots=True)
class Draw:
    """What is drawn for each image of a batch.

    Attributes:
        library: of the arrays.
        rows: random numbers in [0, 1), ``[n, columns]`` float32.
        amounts: how far each kind may go, see ``Strengths.amounts``; numbers or scalars of the library.
        kinds: the kinds in use.
    """

    library: Library
    rows: Array
    amounts: Mapping[str, Array]
    kinds: Collection[str]

    def uniform(self, name: str, rank: int = 2) -> Array:
        """Return a random number of each image, in [0, 1), with axes of length 1 up to ``rank``."""
        return self.library.reshape(self.rows[:, COLUMNS[name]], (-1, *([1] * (rank - 1))))

    def either_way(self, name: str, rank: int = 2) -> Array:
        """Return a random number of each image, from minus to plus the amount of that name."""
        return (2.0 * self.uniform(name, rank) - 1.0) * self.amounts[name]

    def shift(self, name: str, rank: int = 2) -> Array:
        """Return a whole number of pixels of each image, as float32; all within the amount are as likely."""
        most = self.amounts[name]
        return self.library.floor(self.uniform(name, rank) * (2.0 * most + 1.0)) - most


def transformed(draw: Draw, pixels: Array, pixel_max: float) -> Array:
    """Return a batch as it is shown to the network.

    Args:
        draw: what is drawn for each image.
        pixels: ``[n, height, width, channels]`` float32 in [0, pixel_max].
        pixel_max: the largest value of a pixel.
    """
    kinds = set(draw.kinds)
    if kinds & MIXES:
        pixels = _turned(draw, pixels) if "rotate" in kinds else _scaled(draw, pixels)
    elif kinds & MOVES:
        pixels = _moved(draw, pixels)
    if kinds & COLOURS:
        pixels = _coloured(draw, pixels)
    if kinds & (COLOURS | MIXES):
        pixels = draw.library.most(draw.library.least(pixels, pixel_max), 0.0)
    return _erased(draw, pixels) if "erase" in kinds else pixels


def _moved(draw: Draw, pixels: Array) -> Array:
    """Flip and shift by whole pixels: rows first, then columns."""
    library = draw.library
    for axis, shift, flip in ((1, "shift_down", "flip_vertical"), (2, "shift_right", "flip_horizontal")):
        size = pixels.shape[axis]
        places = np.arange(size, dtype=np.int32)[None]
        if "shift" in draw.kinds:
            places = places - library.whole(draw.shift(shift))
        if flip in draw.kinds:
            places = library.where(draw.uniform(flip) < 0.5, size - 1 - places, places)
        if "shift" in draw.kinds or flip in draw.kinds:
            pixels = library.take(pixels, _mirrored(library, places, size), axis)
    return pixels


def _sources(draw: Draw, height: int, width: int) -> tuple[Array, Array]:
    """Return where each pixel comes from: rows and columns, as float32 that broadcast to ``[n, h, w]``.

    From the picture that is shown back to the one that is stored: shift, rotation, zoom, flip, crop.
    """
    kinds, library = draw.kinds, draw.library
    middle_down, middle_right = (draw.amounts[name] for name in ("middle_down", "middle_right"))
    down: Array = np.arange(height, dtype=np.float32)[None, :, None] - middle_down
    right: Array = np.arange(width, dtype=np.float32)[None, None] - middle_right
    if "shift" in kinds:
        down, right = down - draw.shift("shift_down", 3), right - draw.shift("shift_right", 3)
    if "rotate" in kinds:
        sine, cosine = _sine_and_cosine(draw.either_way("rotate", 3))
        # Without "+": TensorFlow joins several sums into one, whose order is its own.
        down, right = down * cosine - right * -sine, right * cosine - down * sine
    if "zoom" in kinds:
        scale = 1.0 + draw.either_way("zoom", 3)
        down, right = down / scale, right / scale
    if "flip_vertical" in kinds:
        down = library.where(draw.uniform("flip_vertical", 3) < 0.5, -down, down)
    if "flip_horizontal" in kinds:
        right = library.where(draw.uniform("flip_horizontal", 3) < 0.5, -right, right)
    if "crop" in kinds:
        cut = draw.uniform("crop", 3) * draw.amounts["crop"]
        # The window's middle is at most half of what is cut away from the image's middle.
        away_down = (2.0 * draw.uniform("crop_down", 3) - 1.0) * (middle_down + 0.5)
        away_right = (2.0 * draw.uniform("crop_right", 3) - 1.0) * (middle_right + 0.5)
        down, right = (1.0 - cut) * down + cut * away_down, (1.0 - cut) * right + cut * away_right
    return down + middle_down, right + middle_right


def _sine_and_cosine(angle: Array) -> tuple[Array, Array]:
    """Return both for angles in [-pi, pi], by the series of the half angle.

    A library's own functions have other bits for the last elements of an array than for those before, which
    it computes several at a time.
    """
    half = 0.5 * angle
    square = half * half
    sine, cosine = 0.0, 0.0
    for power in range(12, 0, -2):
        sine = square * ((-1) ** (power // 2) / math.factorial(power + 1) + sine)
        cosine = square * ((-1) ** (power // 2) / math.factorial(power) + cosine)
    sine, cosine = half * (1.0 + sine), 1.0 + cosine
    return 2.0 * sine * cosine, 1.0 - 2.0 * sine * sine


def _scaled(draw: Draw, pixels: Array) -> Array:
    """Crop and zoom, with flips and shifts: bilinear interpolation, rows first, then columns."""
    library = draw.library
    for axis, places in zip((1, 2), _sources(draw, *pixels.shape[1:3]), strict=True):
        size = pixels.shape[axis]
        first = library.floor(library.reshape(places, (-1, size)))
        share = library.reshape(library.reshape(places, (-1, size)) - first, _along(axis, size))
        one, other = (
            library.take(pixels, _mirrored(library, library.whole(first) + more, size), axis)
            for more in (0, 1)
        )
        pixels = one + (other - one) * share
    return pixels


def _along(axis: int, size: int) -> tuple[int, ...]:
    return (-1, size, 1, 1) if axis == 1 else (-1, 1, size, 1)


def _turned(draw: Draw, pixels: Array) -> Array:
    """Rotate, with all other moves: bilinear interpolation between the four pixels around each source."""
    library = draw.library
    _, height, width, channels = pixels.shape
    count = height * width
    flat = library.reshape(pixels, (-1, count, channels))
    sources = [library.reshape(each, (-1, count)) for each in _sources(draw, height, width)]
    corners = [library.floor(each) for each in sources]
    down, right = (
        library.reshape(source - corner, (-1, count, 1))
        for source, corner in zip(sources, corners, strict=True)
    )
    tops = [_mirrored(library, library.whole(corners[0]) + more, height) * width for more in (0, 1)]
    lefts = [_mirrored(library, library.whole(corners[1]) + more, width) for more in (0, 1)]
    rows = []
    for top in tops:
        one, other = (library.take(flat, top + left, 1) for left in lefts)
        rows.append(one + (other - one) * right)
    return library.reshape(rows[0] + (rows[1] - rows[0]) * down, (-1, height, width, channels))


def _mirrored(library: Library, places: Array, size: int) -> Array:
    """Return places inside for those outside: mirrored at the edge once, further away the opposite edge."""
    inside = library.most(places, -1 - places)
    return library.most(library.least(inside, 2 * size - 1 - inside), 0)


def _coloured(draw: Draw, pixels: Array) -> Array:
    """Change contrast around the image's mean, and brightness."""
    library = draw.library
    _, height, width, channels = pixels.shape
    count = height * width * channels
    flat = library.reshape(pixels, (-1, count))
    if "contrast" in draw.kinds:
        change = draw.either_way("contrast")
        mean = _sum(library, flat, count) * np.float32(1 / count)
        flat = flat + (flat - mean) * change
    if "brightness" in draw.kinds:
        flat = flat + draw.either_way("brightness")
    return library.reshape(flat, (-1, height, width, channels))


def _sum(library: Library, values: Array, count: int) -> Array:
    """Return the sum of each row, ``[n, 1]``: the second half is added to the first until one is left.

    A library's own sum has an order that may depend on the number of rows.
    """
    while count > 1:
        half = count // 2
        rest = [values[:, 2 * half :]] if count % 2 else []
        summed = values[:, :half] + values[:, half : 2 * half]
        values, count = library.joined([summed, *rest]) if rest else summed, half + len(rest)
    return values


def _erased(draw: Draw, pixels: Array) -> Array:
    """Blacken a rectangle of at least one pixel, at a random place inside of the image."""
    library = draw.library
    _, height, width, _ = pixels.shape
    side = library.sqrt(draw.uniform("erase") * draw.amounts["erase"])
    longer = (2.0 * draw.uniform("erase_shape") - 1.0) * STRETCH
    stretch = library.where(longer > 0.0, 1.0 + longer, 1.0 / (1.0 - longer))
    rows = _covered(draw, side * stretch, "erase_down", height)
    columns = _covered(draw, side / stretch, "erase_right", width)
    kept = 1.0 - library.reshape(rows, (-1, height, 1, 1)) * library.reshape(columns, (-1, 1, width, 1))
    return pixels * kept


def _covered(draw: Draw, share: Array, name: str, size: int) -> Array:
    """Return 1 at the places along a side that a rectangle covers and 0 elsewhere, ``[n, size]``."""
    library = draw.library
    length = library.most(library.least(library.floor(share * float(size) + 0.5), float(size)), 1.0)
    start = library.floor(draw.uniform(name) * (float(size + 1) - length))
    places = np.arange(size, dtype=np.float32)[None]
    return library.real((places >= start) & (places < start + length))

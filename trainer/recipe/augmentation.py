"""Augmentation as data: how strong each kind is in a trial, and the random numbers of each image.

>>> is_augmented({}), is_augmented({"augment": "light"}), is_augmented({"augment_flip": "horizontal"})
(False, True, True)
>>> Strengths.of({"augment": "light", "augment_contrast": 0}).said
'shift 0.1, brightness 0.1'
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.hyperparameters import Choice, Fixed, Float, Hyperparameters, Integer, Range, Space, Value
from trainer.recipe.table import AUGMENT, RECIPE

Rows = npt.NDArray[np.float32]

#: The random numbers of an image in an epoch. A kind has the same columns whatever else is in use.
COLUMNS: Mapping[str, int] = {
    name: column
    for column, name in enumerate(
        (
            *("flip_horizontal", "flip_vertical", "shift_down", "shift_right"),
            *("crop", "crop_down", "crop_right", "rotate"),
            *("zoom", "brightness", "contrast", "erase"),
            *("erase_shape", "erase_down", "erase_right", "unused"),
        )
    )
}

#: Outputs of the generator, of 64 bits, for the numbers of one image.
_DRAWS = len(COLUMNS) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Strengths:
    """How strong each kind of augmentation is in a trial; 0 is off.

    Attributes:
        flip: "none", "horizontal", "vertical" or "both". Half of the images are flipped.
        shift: the longest shift, as a share of each side.
        crop: the largest share of each side that is cut away; the rest is scaled up.
        rotate: the largest angle to either side, in degrees.
        zoom: the largest change of size, as a share: 0.2 draws a scale from 0.8 to 1.2.
        brightness: the largest change of all pixels, as a share of the largest pixel value.
        contrast: the largest change of the distances from the image's mean, as a share.
        erase: the largest share of the area that a black rectangle covers.
    """

    flip: str = "none"
    shift: float = 0.0
    crop: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    erase: float = 0.0

    @classmethod
    def of(cls, hyperparameters: Hyperparameters) -> "Strengths":
        """Return the strengths of a trial: those of its preset, with what it says itself in their place.

        Only a damaged record has a value of another kind; it counts as absent.
        """
        own: dict[str, Any] = {}
        for name in cls.__slots__:
            value = hyperparameters.get(f"{AUGMENT.name}_{name}")
            if isinstance(value, str if name == "flip" else (int, float)):
                own[name] = value
        return replace(PRESETS.get(AUGMENT.of(hyperparameters), cls()), **own)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds in use; a flip has one for each direction."""
        flips = [way for way in ("horizontal", "vertical") if self.flip in (way, "both")]
        others = {name: value for name, value in asdict(self).items() if name != "flip"}
        return (*(f"flip_{way}" for way in flips), *(name for name, value in others.items() if value > 0))

    @property
    def said(self) -> str:
        """The strengths in use, in words."""
        used = {name: value for name, value in asdict(self).items() if value not in ("none", 0.0)}
        units = {"rotate": "°"}
        said = [
            f"{name} {value if isinstance(value, str) else f'{value:.3g}'}{units.get(name, '')}"
            for name, value in used.items()
        ]
        return ", ".join(said) or "none"

    def amounts(self, input_shape: tuple[int, int, int], pixel_max: float) -> dict[str, float]:
        """Return what the arithmetic of ``trainer.recipe.transformation`` takes, for images of one size.

        A shift is at least one pixel along each side, so that a preset has an effect on tiny images too.
        """
        height, width, _ = input_shape
        return {
            "middle_down": (height - 1) / 2,
            "middle_right": (width - 1) / 2,
            "shift_down": float(max(1, _pixels(self.shift, height))),
            "shift_right": float(max(1, _pixels(self.shift, width))),
            "crop": self.crop,
            "rotate": math.radians(self.rotate),
            "zoom": self.zoom,
            "brightness": self.brightness * pixel_max,
            "contrast": self.contrast,
            "erase": self.erase,
        }


#: The strengths of each value of ``augment``. None flips: a mirrored digit is another sign, so flips have to
#: be asked for.
PRESETS: Mapping[str, Strengths] = {
    "none": Strengths(),
    "light": Strengths(shift=0.1, brightness=0.1, contrast=0.1),
    "strong": Strengths(shift=0.15, rotate=15.0, zoom=0.15, brightness=0.2, contrast=0.2, erase=0.2),
}


def is_augmented(hyperparameters: Hyperparameters) -> bool:
    """Return whether the training images of a trial are augmented."""
    return bool(Strengths.of(hyperparameters).kinds)


def random_rows(seed: int, images: npt.NDArray[np.integer]) -> Rows:
    """Return the random numbers of some images in an epoch: ``[n, columns]`` in [0, 1).

    The numbers of an image depend on nothing but the seed and the image's place in the dataset. NumPy
    guarantees that the raw streams of this generator never change (NEP 19).

    Args:
        seed: of the epoch, derived from the fit's seed for augmentation.
        images: places in the dataset.
    """
    count = int(images.max(initial=-1)) + 1
    raw = np.random.Philox(key=seed).random_raw(count * _DRAWS)
    halves = np.empty((count * _DRAWS, 2), dtype=np.uint32)
    halves[:, 0], halves[:, 1] = raw >> np.uint64(32), raw & np.uint64(0xFFFFFFFF)
    # 24 bits are all that a float32 in [0, 1) can have.
    chosen = halves.reshape(count, len(COLUMNS))[images] >> np.uint32(8)
    numbers: Rows = chosen.astype(np.float32) * np.float32(2.0**-24)
    return numbers


def strongest(space: Space) -> dict[str, Value]:
    """Return the largest value of each part of augmentation in a search space."""
    return {name: _highest(name, choices) for name, choices in space.items() if _is_ours(name)}


def too_small(space: Space, input_shape: tuple[int, int, int]) -> tuple[str, str] | None:
    """Return a strength that comes to less than one pixel in every trial, and why; None if there is none.

    Args:
        space: the complete search space of an architecture.
        input_shape: height, width and channels of the images.
    """
    height, width, _ = input_shape
    most = {"shift": max(height, width), "crop": max(height, width), "erase": height * width}
    for kind, pixels in most.items():
        name = f"{AUGMENT.name}_{kind}"
        share = float(_highest(name, space[name])) if name in space else 0.0
        if share > 0 and _pixels(share, pixels) < 1:
            whole = f"one pixel is {_rounded_up(1 / pixels):g}"
            return name, (
                f"{share:g} of {height} x {width} pixels is less than one pixel: {whole}, "
                "and 0 switches it off"
            )
    return None


def _pixels(share: float, side: int) -> int:
    """Return a share in whole pixels. The least excess makes up for shares such as 0.29 of 100."""
    return math.floor(share * side + 1e-9)


def _rounded_up(share: float) -> float:
    digits = 2 - math.floor(math.log10(share))
    return float(math.ceil(share * 10**digits) / 10**digits)


def _highest(name: str, choices: Range) -> Any:
    match choices:
        case Fixed(value=value):
            return value
        case Choice(values=values):
            words = RECIPE[name].values  # the weakest comes first
            return max(values, key=words.values.index) if isinstance(words, Choice) else max(values)
        case Float(high=high) | Integer(high=high):
            return high


def _is_ours(name: str) -> bool:
    return name == AUGMENT.name or name.removeprefix(f"{AUGMENT.name}_") in Strengths.__slots__

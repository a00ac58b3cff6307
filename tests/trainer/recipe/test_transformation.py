"""What each kind of augmentation does to pixels, against SciPy, known pictures and formulas."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from trainer.hyperparameters import Value
from trainer.recipe.augmentation import COLUMNS, Rows, Strengths, random_rows
from trainer.recipe.transformation import NUMPY, Draw, transformed

Pixels = npt.NDArray[np.float32]

SHAPES = [(8, 8, 1), (9, 6, 3), (1, 5, 1), (1, 1, 1), (28, 28, 1)]
KINDS: list[dict[str, Value]] = [
    {"augment_flip": "both"}, {"augment_shift": 0.3}, {"augment_crop": 0.5}, {"augment_rotate": 180.0},
    {"augment_zoom": 0.5}, {"augment_brightness": 0.5}, {"augment_contrast": 0.5}, {"augment_erase": 0.5},
    {"augment": "light"}, {"augment": "strong", "augment_flip": "both", "augment_crop": 0.3},
]  # fmt: skip


def made(shape: tuple[int, int, int], count: int = 20, pixel_max: float = 255.0) -> Pixels:
    """Random images."""
    return (np.random.default_rng(1).random((count, *shape)) * pixel_max).astype(np.float32)


def row(**numbers: float) -> Rows:
    """Random numbers of one image: 0.5, which is the middle of every range, unless said otherwise."""
    found = np.full((1, len(COLUMNS)), 0.5, dtype=np.float32)
    for name, number in numbers.items():
        found[0, COLUMNS[name]] = number
    return found


def augmented(pixels: Pixels, rows: Rows, pixel_max: Any = 255.0, **hyperparameters: Value) -> Pixels:
    """Return the images as training sees them."""
    strengths = Strengths.of(hyperparameters)
    named = strengths.amounts(pixels.shape[1:], pixel_max)
    amounts = {name: np.float32(amount) for name, amount in named.items()}
    found: Pixels = transformed(Draw(NUMPY, rows, amounts, strengths.kinds), pixels, pixel_max)
    return found


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pixel_max", [1.0, 255.0])
def test_shape_type_and_range_stay(
    shape: tuple[int, int, int], kind: dict[str, Value], pixel_max: float
) -> None:
    """Also for images of one pixel; each image is what it would be alone."""
    pixels = made(shape, pixel_max=pixel_max)
    rows = random_rows(1, np.arange(len(pixels)))
    found = augmented(pixels, rows, pixel_max, **kind)
    assert found.shape == pixels.shape
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= pixel_max
    alone = [augmented(pixels[i : i + 1], rows[i : i + 1], pixel_max, **kind) for i in range(len(pixels))]
    assert np.array_equal(np.concatenate(alone), found)


def test_strengths_of_zero_change_nothing() -> None:
    """Not a bit."""
    pixels = made((9, 6, 3))
    off: dict[str, Value] = {f"augment_{name}": 0 for name in Strengths.__slots__ if name != "flip"}
    found = augmented(pixels, random_rows(1, np.arange(len(pixels))), augment="strong", **off)
    assert np.array_equal(found, pixels)


@pytest.mark.parametrize(
    "kind",
    [{"augment_crop": 0.5}, {"augment_rotate": 30.0}, {"augment_zoom": 0.5}, {"augment_contrast": 0.5}],
)
def test_the_middle_of_a_range_changes_next_to_nothing(kind: dict[str, Value]) -> None:
    """An angle of 0, a scale of 1, a factor of 1; a crop that cuts nothing."""
    pixels = made((9, 6, 3), count=1)
    assert np.allclose(augmented(pixels, row(crop=0.0), **kind), pixels, atol=1e-3)


@pytest.mark.parametrize(("way", "axis"), [("horizontal", 2), ("vertical", 1)])
def test_a_flip_mirrors_half_of_the_images(way: str, axis: int) -> None:
    """Those whose number is below a half, exactly."""
    pixels = made((9, 6, 3), count=400)
    rows = random_rows(3, np.arange(400))
    chosen = rows[:, COLUMNS[f"flip_{way}"]] < 0.5
    found = augmented(pixels, rows, augment_flip=way)
    assert np.array_equal(found[~chosen], pixels[~chosen])
    assert np.array_equal(found[chosen], np.flip(pixels[chosen], axis))
    assert 150 < chosen.sum() < 250


def test_a_shift_is_one_of_whole_pixels_with_the_edge_mirrored() -> None:
    """As SciPy does it; every shift up to the longest occurs, about as often as any other."""
    pixels = made((10, 20, 1), count=1)
    seen: dict[tuple[int, int], int] = {}
    rows = random_rows(3, np.arange(2000))
    found = augmented(np.repeat(pixels, 2000, axis=0), rows, augment_shift=0.2)
    expected = {
        (down, right): ndimage.shift(pixels[0], (down, right, 0), order=0, mode="reflect")
        for down in range(-2, 3)
        for right in range(-4, 5)
    }
    for image in found:
        (which,) = [shift for shift, other in expected.items() if np.array_equal(image, other)]
        seen[which] = seen.get(which, 0) + 1
    assert seen.keys() == expected.keys()
    assert max(seen.values()) < 4 * min(seen.values())


@pytest.mark.parametrize("turns", [1, 2, -1])
def test_quarter_turns_are_those_of_numpy(turns: int) -> None:
    """Up to rounding: the sines come from a series."""
    pixels = made((9, 9, 2), count=1)
    found = augmented(pixels, row(rotate=0.5 + turns / 4), augment_rotate=180.0)
    assert np.allclose(found[0], np.rot90(pixels[0], turns), atol=0.01)


@pytest.mark.parametrize("degrees", [7.0, 30.0, 45.0, -20.0])
@pytest.mark.parametrize("shape", [(15, 15, 1), (12, 17, 3)])
def test_a_rotation_is_that_of_scipy(degrees: float, shape: tuple[int, int, int]) -> None:
    """Bilinear, around the middle, with mirrored edges."""
    pixels = made(shape, count=1)
    found = augmented(pixels, row(rotate=0.5 + degrees / 360), augment_rotate=180.0)
    expected = ndimage.rotate(pixels[0], degrees, reshape=False, order=1, mode="reflect")
    inner = slice(3, -3)  # SciPy mirrors rows and columns that this mirrors once, far outside
    assert np.allclose(found[0, inner, inner], expected[inner, inner], atol=0.05)


@pytest.mark.parametrize(("number", "scale"), [(0.75, 1.2), (0.25, 0.8), (0.999999, 1.4)])
def test_a_zoom_is_the_map_that_it_says(number: float, scale: float) -> None:
    """A pixel comes from its distance to the middle, divided by the scale."""
    pixels = made((16, 11, 2), count=1)
    middle = np.array([7.5, 5.0, 0.0])
    matrix = np.array([1 / scale, 1 / scale, 1.0])
    expected = ndimage.affine_transform(
        pixels[0].astype(float), matrix, middle - matrix * middle, order=1, mode="reflect"
    )
    found = augmented(pixels, row(zoom=number), augment_zoom=0.4)
    assert np.allclose(found[0], expected, atol=0.05)


@pytest.mark.parametrize(
    ("down", "right", "corner"), [(0.0, 0.0, (0, 0)), (1.0, 0.0, (8, 0)), (1.0, 1.0, (8, 8))]
)
def test_a_crop_shows_a_window_of_its_own_size(down: float, right: float, corner: tuple[int, int]) -> None:
    """Half of each side is cut away: the window lies anywhere inside, and is enlarged twice."""
    pixels = made((16, 16, 1), count=1)
    found = augmented(pixels, row(crop=1.0, crop_down=down, crop_right=right), augment_crop=0.5)[0, ..., 0]
    window = pixels[0, corner[0] : corner[0] + 8, corner[1] : corner[1] + 8, 0].astype(float)
    places = (np.arange(16) + 0.5) / 2 - 0.5
    expected = ndimage.map_coordinates(
        window, np.meshgrid(places, places, indexing="ij"), order=1, mode="nearest"
    )
    assert np.allclose(found[1:-1, 1:-1], expected[1:-1, 1:-1], atol=0.01)  # outside: its neighbours


def test_moves_are_composed_in_one_order() -> None:
    """What is cut out is flipped, zoomed, turned and shifted: the same as each after the other."""
    pixels = np.zeros((1, 21, 21, 1), dtype=np.float32)
    pixels[0, 5:12, 8:10] = 200.0
    numbers = row(flip_horizontal=0.0, rotate=0.75, shift_down=0.999)
    together = augmented(pixels, numbers, augment_flip="horizontal", augment_rotate=180.0, augment_shift=0.1)
    one = augmented(pixels, numbers, augment_flip="horizontal")
    two = augmented(one, numbers, augment_rotate=180.0)
    assert np.allclose(together, augmented(two, numbers, augment_shift=0.1), atol=0.01)
    assert not np.allclose(together, two)


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 7, 3)])
def test_contrast_and_brightness_are_their_formulas(shape: tuple[int, int, int]) -> None:
    """Distances from the mean are multiplied; a share of the largest value is added; what leaves is cut."""
    pixels = made(shape)
    rows = random_rows(2, np.arange(len(pixels)))
    either: dict[str, Any] = {
        name: (2 * rows[:, COLUMNS[name]].astype(float) - 1).reshape(-1, 1, 1, 1)
        for name in ("contrast", "brightness")
    }
    mean = pixels.mean(axis=(1, 2, 3), keepdims=True, dtype=float)
    contrast = mean + (pixels - mean) * (1 + 0.8 * either["contrast"])
    both = contrast + 0.3 * 255 * either["brightness"]
    for found, expected in (
        (augmented(pixels, rows, augment_contrast=0.8), contrast),
        (augmented(pixels, rows, augment_brightness=0.3), pixels + 0.3 * 255 * either["brightness"]),
        (augmented(pixels, rows, augment_contrast=0.8, augment_brightness=0.3), both),
    ):
        assert np.allclose(found, expected.clip(0, 255), atol=1e-3)
        assert (found == 0).any()


def test_one_black_rectangle_is_erased() -> None:
    """Of at most the share of the area, up to three times as long as wide; everything else stays."""
    pixels = made((40, 40, 2), count=500) + 1
    rows = random_rows(2, np.arange(500))
    found = augmented(pixels, rows, augment_erase=0.25)
    gone = (found == 0).all(axis=-1)
    assert np.array_equal(found[~gone], pixels[~gone])
    heights, widths = gone.any(axis=2).sum(axis=1), gone.any(axis=1).sum(axis=1)
    assert np.array_equal(heights * widths, gone.sum(axis=(1, 2)))  # it is a rectangle
    assert heights.min() >= 1
    shares = gone.mean(axis=(1, 2))
    assert shares.max() < 0.25 * 1.1  # sides are rounded to pixels
    assert np.abs(shares - rows[:, COLUMNS["erase"]] * 0.25).max() < 0.03
    assert gone.any(axis=0).mean() > 0.99  # every place is covered now and then, a corner seldom
    large = shares > 0.05
    ratios = heights[large] / widths[large]
    assert 1 / 4 < ratios.min() < 1 / 2
    assert 2 < ratios.max() < 4

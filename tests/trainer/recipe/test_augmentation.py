"""Augmentation as data: presets and strengths, the table of random numbers, strengths below one pixel."""

import numpy as np
import pytest

from trainer.hyperparameters import Choice, Fixed, Float, Hyperparameters, Range
from trainer.recipe.augmentation import (
    COLUMNS,
    Strengths,
    is_augmented,
    random_rows,
    strongest,
    too_small,
)


@pytest.mark.parametrize(
    ("hyperparameters", "kinds"),
    [
        ({}, ()),
        ({"augment": "none"}, ()),
        ({"augment": "light"}, ("shift", "brightness", "contrast")),
        ({"augment": "strong"}, ("shift", "rotate", "zoom", "brightness", "contrast", "erase")),
        ({"augment": "light", "augment_shift": 0}, ("brightness", "contrast")),
        ({"augment": "light", "augment_shift": 0.0, "augment_brightness": 0, "augment_contrast": 0}, ()),
        ({"augment_flip": "none"}, ()),
        ({"augment_flip": "horizontal"}, ("flip_horizontal",)),
        ({"augment": "none", "augment_flip": "both"}, ("flip_horizontal", "flip_vertical")),
        ({"augment_crop": 0.2, "augment_flip": "vertical"}, ("flip_vertical", "crop")),
    ],
)
def test_a_strength_of_its_own_comes_before_the_presets(
    hyperparameters: Hyperparameters, kinds: tuple[str, ...]
) -> None:
    """What is absent comes from ``augment``, 0 switches off, and what is off does not augment."""
    assert Strengths.of(hyperparameters).kinds == kinds
    assert is_augmented(hyperparameters) == bool(kinds)


def test_no_preset_flips() -> None:
    """A mirrored digit is another sign."""
    assert {Strengths.of({"augment": preset}).flip for preset in ("none", "light", "strong")} == {"none"}


def test_what_only_a_damaged_record_has_counts_as_absent() -> None:
    """Verification reports such a value; it must not end there."""
    assert Strengths.of({"augment": "heavy", "augment_shift": "far", "augment_flip": 3}) == Strengths()


def test_the_numbers_of_an_image_depend_on_seed_and_place_alone() -> None:
    """Neither on the other images that are asked for, nor on their order or number."""
    everything = random_rows(7, np.arange(1000))
    assert everything.dtype == np.float32
    for chosen in ([3], [999, 0, 3, 3], np.random.default_rng(1).permutation(500)):
        places = np.array(chosen)
        assert np.array_equal(random_rows(7, places), everything[places])
    assert random_rows(7, np.arange(0)).shape == (0, len(COLUMNS))


def test_the_numbers_are_uniform_and_those_of_no_other_seed() -> None:
    """In [0, 1) with the mean and the spread of that, each column, image and seed for itself."""
    rows = random_rows(7, np.arange(20_000))
    assert rows.min() >= 0
    assert rows.max() < 1
    assert np.abs(rows.mean(axis=0) - 0.5).max() < 0.01
    assert np.abs(rows.std(axis=0) - 12**-0.5).max() < 0.01
    assert np.abs(np.corrcoef(rows.T) - np.eye(len(COLUMNS))).max() < 0.04
    assert np.abs(np.corrcoef(rows[:-1, 0], rows[1:, 0])[0, 1]) < 0.04
    assert not (rows == random_rows(8, np.arange(20_000))).all(axis=1).any()


def test_the_table_never_changes() -> None:
    """These numbers decide bits of recorded fits: NumPy promises them (NEP 19)."""
    row = (random_rows(12345, np.array([2]))[0, :4] * 2**24).astype(int)
    assert row.tolist() == [5339847, 3900753, 3082211, 6099911]


@pytest.mark.parametrize(
    ("space", "shape", "name"),
    [
        ({"augment_shift": Fixed(0.05)}, (8, 8, 1), "augment_shift"),
        ({"augment_shift": Float(low=0.0, high=0.1)}, (8, 8, 1), "augment_shift"),
        ({"augment_crop": Choice((0.01, 0.1))}, (8, 9, 1), "augment_crop"),
        ({"augment_erase": Fixed(0.01)}, (8, 8, 1), "augment_erase"),
        ({"augment_shift": Float(low=0.0, high=0.2)}, (8, 8, 1), None),
        ({"augment_shift": Fixed(0.05)}, (8, 32, 1), None),
        ({"augment_shift": Fixed(0.125), "augment_erase": Fixed(1 / 64)}, (8, 8, 3), None),
        ({"augment_shift": Fixed(0), "augment": Fixed("light")}, (8, 8, 1), None),
        ({"augment": Fixed("light")}, (2, 2, 1), None),
        ({}, (1, 1, 1), None),
    ],
)
def test_strengths_below_one_pixel_are_named(
    space: dict[str, Range], shape: tuple[int, int, int], name: str | None
) -> None:
    """If no value of the range comes to a pixel; 0 and presets are fine."""
    found = too_small(space, shape)
    assert (found and found[0]) == name
    if found:
        assert "less than one pixel" in found[1]


def test_the_least_share_that_is_advised_is_enough() -> None:
    """The message's number passes the check, for every side."""
    for side in range(2, 300):
        found = too_small({"augment_shift": Fixed(1e-6)}, (side, side, 1))
        assert found
        advised = float(found[1].split("one pixel is ")[1].split(",")[0])
        assert too_small({"augment_shift": Fixed(advised)}, (side, side, 1)) is None


def test_a_preset_shifts_tiny_images_by_a_pixel() -> None:
    """A tenth of four pixels would be no shift at all."""
    amounts = Strengths.of({"augment": "light"}).amounts((4, 28, 1), 255.0)
    assert (amounts["shift_down"], amounts["shift_right"]) == (1.0, 2.0)
    assert amounts["brightness"] == 25.5


def test_the_strongest_of_a_space() -> None:
    """The end of each range, and nothing that is not augmentation."""
    space: dict[str, Range] = {
        "augment": Choice(("none", "strong")),
        "augment_shift": Float(low=0.0, high=0.2),
        "augment_flip": Fixed("horizontal"),
        "dropout": Float(low=0.0, high=0.5),
    }
    assert strongest(space) == {"augment": "strong", "augment_shift": 0.2, "augment_flip": "horizontal"}


def test_strengths_in_words() -> None:
    """As the sheet's title has them."""
    assert (
        Strengths.of({"augment_rotate": 12.34567, "augment_flip": "both"}).said == "flip both, rotate 12.3°"
    )
    assert Strengths().said == "none"


@pytest.mark.parametrize("order", [("none", "strong", "light"), ("strong", "light", "none")])
def test_the_strongest_of_several_words_is_not_the_last_one(order: tuple[str, ...]) -> None:
    """A sheet says that it shows the strongest augmentation, in whatever order choices are written."""
    space: dict[str, Range] = {"augment": Choice(order), "augment_flip": Choice(("both", "none", "vertical"))}
    assert strongest(space) == {"augment": "strong", "augment_flip": "both"}

"""The recipe: one table that spaces, checks and the engine read, and that may grow without changing a key."""

import pytest

from sweeps.definition.prepare import complete_space
from trainer.errors import UsageError
from trainer.fits.recipe import (
    BATCH_SIZE,
    DROPOUT,
    LEARNING_RATE,
    OPTIMIZER,
    RECIPE,
    UNTRACED,
    VARIABLES,
    WEIGHT_DECAY,
    Enters,
    Limits,
    Part,
    usual_space,
    without_unused,
)
from trainer.hyperparameters import SHARED_SPACE, Choice, Fixed, Float, Space

#: Made up: what a later version may add.
WARM_UP = Part(
    name="warm_up", read=int, enters=Enters.VARIABLE, usual=Fixed(0), limits=Limits(least=0.0, below=100.0)
)
LATER = {**RECIPE, WARM_UP.name: WARM_UP}

OWN: Space = {
    "dropout": Float(low=0.0, high=0.6),
    "filters": Choice((16, 32)),
    "shift": Float(low=-1.0, high=1.0),
}


def test_the_table_is_what_every_network_has() -> None:
    """Its usual ranges are those that architectures know as the shared space, and nothing else."""
    assert usual_space() == SHARED_SPACE
    assert without_unused(usual_space()) == SHARED_SPACE
    assert all(name == part.name for name, part in RECIPE.items())


def test_each_part_says_how_it_enters_the_compiled_epoch() -> None:
    """Today's: two variables and the batches serve all values, an optimiser has its own trace."""
    assert VARIABLES == (LEARNING_RATE, WEIGHT_DECAY)
    assert {"learning_rate", "weight_decay", "batch_size"} == UNTRACED
    assert OPTIMIZER.enters is DROPOUT.enters is Enters.TRACED


def test_values_are_read_with_their_types() -> None:
    """People write whole numbers for real ones; what is missing is an error."""
    read = LEARNING_RATE.of({"learning_rate": 1})
    assert (read, type(read)) == (1.0, float)
    assert BATCH_SIZE.of({"batch_size": 64}) == 64
    with pytest.raises(KeyError, match="batch_size"):
        BATCH_SIZE.of({})


def test_a_part_that_came_later_is_absent_where_it_is_left_alone() -> None:
    """Spaces, and so identities, hyperparameters and keys, are those of before; it is read as its value."""
    before = complete_space("net", OWN, {})
    assert complete_space("net", OWN, {}, LATER) == before
    assert complete_space("net", OWN, {"warm_up": Fixed(0)}, LATER) == before
    assert WARM_UP.of({}) == 0


@pytest.mark.parametrize("asked", [Fixed(3), Choice((0, 5))])
def test_a_part_that_came_later_is_there_once_it_is_used(asked: Fixed | Choice) -> None:
    """Set or searched, it is in the space like all others."""
    space = complete_space("net", OWN, {"warm_up": asked}, LATER)
    assert space == {**complete_space("net", OWN, {}), "warm_up": asked}
    assert list(space) == sorted(space)
    assert WARM_UP.of({"warm_up": 3}) == 3


def test_the_table_says_what_makes_no_sense() -> None:
    """In the recipe by the part's limits, beside it by the sign of the usual range."""
    for name, choices, words in (
        ("warm_up", Fixed(100), "must lie in 0 to 100, without 100"),
        ("weight_decay", Fixed(-0.1), "-0.1 must not be negative"),
        ("learning_rate", Float(low=0.0, high=0.1), "0 must be above 0"),
        ("dropout", Fixed(1.0), "must lie in 0 to 1, without 1"),
        ("filters", Choice((0, 8)), "0 must be above 0"),
    ):
        with pytest.raises(UsageError, match=rf"architectures\.net\.{name}: {words}"):
            complete_space("net", OWN, {name: choices}, LATER)
    assert complete_space("net", OWN, {"weight_decay": Fixed(0.0)})["weight_decay"] == Fixed(0.0)
    assert complete_space("net", OWN, {"shift": Fixed(-2.0)})["shift"] == Fixed(-2.0)

"""The recipe: one table that spaces, checks and the engine read, and that may grow without changing a key."""

import pytest

from sweeps.definition.spaces import complete_space
from trainer.errors import UsageError
from trainer.hyperparameters import SHARED_SPACE, Choice, Fixed, Float, Space
from trainer.recipe.part import Enters, Limits, Part
from trainer.recipe.table import (
    BATCH_SIZE,
    LEARNING_RATE,
    RECIPE,
    applicable,
    usual_space,
    without_unused,
)

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
    assert without_unused(usual_space()) == SHARED_SPACE
    assert all(name == part.name for name, part in RECIPE.items())


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
    assert complete_space("net", OWN, {}, recipe=LATER) == before
    assert complete_space("net", OWN, {"warm_up": Fixed(0)}, recipe=LATER) == before
    assert WARM_UP.of({}) == 0


@pytest.mark.parametrize("asked", [Fixed(3), Choice((0, 5))])
def test_a_part_that_came_later_is_there_once_it_is_used(asked: Fixed | Choice) -> None:
    """Set or searched, it is in the space like all others."""
    space = complete_space("net", OWN, {"warm_up": asked}, recipe=LATER)
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
            complete_space("net", OWN, {name: choices}, recipe=LATER)
    assert complete_space("net", OWN, {"weight_decay": Fixed(0.0)})["weight_decay"] == Fixed(0.0)
    assert complete_space("net", OWN, {"shift": Fixed(-2.0)})["shift"] == Fixed(-2.0)


def test_training_is_for_all_architectures_and_an_architectures_own_table_comes_first() -> None:
    """What is left at its usual value is absent, wherever it is written."""
    training = {"schedule": Fixed("cosine"), "batch_size": Fixed(16), "loss": Fixed("cross-entropy")}
    space = complete_space("net", OWN, {"batch_size": Choice((8, 32))}, training)
    asked = {"schedule": Fixed("cosine"), "batch_size": Choice((8, 32))}
    assert space == dict(sorted({**complete_space("net", OWN, {}), **asked}.items()))


def test_a_strength_of_augmentation_counts_even_if_it_is_nothing() -> None:
    """Otherwise ``augment`` would decide it."""
    space = complete_space("net", OWN, {"augment": Fixed("strong"), "augment_rotate": Fixed(0)})
    assert space["augment_rotate"] == Fixed(0)


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ({"schedul": Fixed("cosine")}, "unknown hyperparameter training.schedul: did you mean 'schedule'"),
        ({"schedule": Fixed("cosin")}, "training.schedule: 'cosin' is not possible: did you mean 'cosine'"),
        ({"warmup_epochs": Fixed(3)}, "training.warmup_epochs has no effect: it needs schedule = "),
        ({"focal_gamma": Fixed(1.0)}, 'training.focal_gamma has no effect: it needs loss = "focal"'),
        (
            {"loss": Fixed("focal"), "label_smoothing": Fixed(0.1)},
            'training.label_smoothing has no effect: it needs loss = "cross-entropy"',
        ),
        ({"augment_shift": Fixed(1.0)}, "training.augment_shift: must lie in 0 to 1, without 1"),
        ({"augment_rotate": Fixed(200)}, "training.augment_rotate: 200 must be at most 180"),
        ({"augment_flip": Fixed(0.5)}, "training.augment_flip: 0.5 is not possible: "),
    ],
)
def test_what_cannot_be_trained_is_refused(training: Space, words: str) -> None:
    """In one line that names the key; what would do nothing is not accepted silently."""
    with pytest.raises(UsageError) as refused:
        complete_space("net", OWN, {}, training)
    assert words in str(refused.value)


def test_a_part_that_does_nothing_in_a_trial_is_not_among_its_hyperparameters() -> None:
    """It may do something in another trial of the same search."""
    asked: Space = {"loss": Choice(("cross-entropy", "focal")), "focal_gamma": Fixed(1.0)}
    assert complete_space("net", OWN, asked)["focal_gamma"] == Fixed(1.0)
    assert applicable({"loss": "focal", "focal_gamma": 1.0}) == {"loss": "focal", "focal_gamma": 1.0}
    assert applicable({"loss": "cross-entropy", "focal_gamma": 1.0}) == {"loss": "cross-entropy"}
    assert applicable({"warmup_epochs": 2, "decay_factor": 0.5, "units": 3}) == {"units": 3}

"""The recipe: how a network is trained, as one table of parts. Sweep files, search and engine read it.

A part whose usual range is one fixed value is optional: at that value it is absent from spaces,
hyperparameters and keys, and ``Part.of`` returns that value. So a part that is added later changes no record.

>>> BATCH_SIZE.of({"batch_size": 32}), SCHEDULE.of({})
(32, 'none')
>>> LEARNING_RATE.limits.problem([0.0])
'0 must be above 0'
"""

from collections.abc import Mapping
from typing import Any

from trainer import limits as largest
from trainer.hyperparameters import (
    SHARED_SPACE,
    Choice,
    Fixed,
    Float,
    Hyperparameters,
    Range,
    Space,
    Value,
)
from trainer.recipe.class_weights import RULES, as_text, not_weights
from trainer.recipe.part import Enters, Limits, Needs, Part

OPTIMIZER = Part(
    name="optimizer",
    read=str,
    enters=Enters.TRACED,
    usual=SHARED_SPACE["optimizer"],
    values=Choice(("adam", "sgd", "rmsprop", "adamw", "nadam")),
)
LEARNING_RATE = Part(
    name="learning_rate",
    read=float,
    enters=Enters.VARIABLE,
    usual=SHARED_SPACE["learning_rate"],
    limits=Limits(least=0.0, above=True, most=largest.RATE),
)
BATCH_SIZE = Part(
    name="batch_size",
    read=int,
    enters=Enters.ARGUMENT,
    usual=SHARED_SPACE["batch_size"],
    limits=Limits(least=0.0, above=True, most=largest.BATCH_SIZE),
)
WEIGHT_DECAY = Part(
    name="weight_decay",
    read=float,
    enters=Enters.VARIABLE,
    usual=SHARED_SPACE["weight_decay"],
    limits=Limits(least=0.0, most=largest.RATE),
)
#: If an architecture declares that this is only the rate of Keras' layers (``Architecture.dropout_rates``),
#: it is a variable of those layers.
DROPOUT = Part(
    name="dropout",
    read=float,
    enters=Enters.TRACED,
    usual=None,
    of_network=True,
    limits=Limits(least=0.0, below=1.0),
)
#: Gradients are scaled so that their norm over all weights is at most this; 0 leaves them alone.
CLIP_NORM = Part(
    name="clip_norm",
    read=float,
    enters=Enters.SWITCHED,
    usual=Fixed(0.0),
    values=Float(low=0.0, high=1.0),
    limits=Limits(least=0.0, most=largest.RATE),
)

# The learning rate over the epochs: trainer.recipe.schedules.

SCHEDULE = Part(
    name="schedule",
    read=str,
    enters=Enters.ARGUMENT,
    usual=Fixed("none"),
    values=Choice(("none", "constant", "cosine", "exponential", "step", "plateau")),
)
#: Epochs in which the learning rate rises to its full value.
WARMUP_EPOCHS = Part(
    name="warmup_epochs",
    read=int,
    enters=Enters.ARGUMENT,
    usual=Fixed(0),
    limits=Limits(least=0.0, most=largest.EPOCHS),
    needs=Needs("schedule", ("constant", "cosine", "exponential", "step", "plateau")),
)
#: What is left of the learning rate after the last epoch, as a share of the full one.
FINAL_RATE = Part(
    name="final_rate",
    read=float,
    enters=Enters.ARGUMENT,
    usual=Fixed(0.01),
    limits=Limits(least=0.0, above=True, below=1.0),
    needs=Needs("schedule", ("cosine", "exponential")),
)
#: The factor of each reduction of the learning rate.
DECAY_FACTOR = Part(
    name="decay_factor",
    read=float,
    enters=Enters.ARGUMENT,
    usual=Fixed(0.1),
    limits=Limits(least=0.0, above=True, below=1.0),
    needs=Needs("schedule", ("step", "plateau")),
)
#: Epochs between two reductions; 0 for a third of all epochs.
DECAY_EVERY = Part(
    name="decay_every",
    read=int,
    enters=Enters.ARGUMENT,
    usual=Fixed(0),
    limits=Limits(least=0.0, most=largest.EPOCHS),
    needs=Needs("schedule", ("step",)),
)
#: Epochs without a better stop set after which the learning rate is reduced.
PLATEAU_PATIENCE = Part(
    name="plateau_patience",
    read=int,
    enters=Enters.ARGUMENT,
    usual=Fixed(2),
    limits=Limits(least=0.0, above=True, most=largest.EPOCHS),
    needs=Needs("schedule", ("plateau",)),
)

# Losses and imbalance: trainer.engine.losses, trainer.recipe.class_weights.

LOSS = Part(
    name="loss",
    read=str,
    enters=Enters.SWITCHED,
    usual=Fixed("cross-entropy"),
    values=Choice(("cross-entropy", "focal")),
)
FOCAL_GAMMA = Part(
    name="focal_gamma",
    read=float,
    enters=Enters.VARIABLE,
    usual=Fixed(2.0),
    limits=Limits(least=0.0, most=largest.FOCAL_GAMMA),
    needs=Needs("loss", ("focal",)),
)
LABEL_SMOOTHING = Part(
    name="label_smoothing",
    read=float,
    enters=Enters.SWITCHED,
    usual=Fixed(0.0),
    limits=Limits(least=0.0, below=1.0),
    needs=Needs("loss", ("cross-entropy",)),
)
#: "none", "balanced", "effective", or a text with a weight for each class (``class_weights.as_text``).
CLASS_WEIGHTS = Part(
    name="class_weights",
    read=str,
    enters=Enters.SWITCHED,
    usual=Fixed("none"),
    values=Choice(RULES),
    of_table=as_text,
    check=not_weights,
)
#: The beta of effective numbers of images.
EFFECTIVE_BETA = Part(
    name="effective_beta",
    read=float,
    enters=Enters.VARIABLE,
    usual=Fixed(0.999),
    limits=Limits(least=0.0, below=1.0),
    needs=Needs("class_weights", ("effective",)),
)

# Augmentation: trainer.recipe.augmentation, trainer.engine.augmentation.

AUGMENT = Part(
    name="augment",
    read=str,
    enters=Enters.SWITCHED,
    usual=Fixed("none"),
    values=Choice(("none", "light", "strong")),
)


def _strength(name: str, valid: Range, limits: Limits) -> Part[Value]:
    """Return one kind of augmentation; where it is absent, ``augment`` decides its strength."""
    return Part(
        name=f"augment_{name}",
        read=lambda value: value,
        enters=Enters.SWITCHED,
        usual=None,
        values=valid,
        limits=limits,
    )


STRENGTHS = (
    _strength("flip", Choice(("none", "horizontal", "vertical", "both")), Limits()),
    _strength("shift", Float(low=0.0, high=0.2), Limits(least=0.0, below=1.0)),
    _strength("crop", Float(low=0.0, high=0.3), Limits(least=0.0, below=1.0)),
    _strength("rotate", Float(low=0.0, high=30.0), Limits(least=0.0, most=largest.DEGREES)),
    _strength("zoom", Float(low=0.0, high=0.3), Limits(least=0.0, below=1.0)),
    _strength("brightness", Float(low=0.0, high=0.3), Limits(least=0.0, below=1.0)),
    _strength("contrast", Float(low=0.0, high=0.3), Limits(least=0.0, below=1.0)),
    _strength("erase", Float(low=0.0, high=0.3), Limits(least=0.0, below=1.0)),
)

Recipe = Mapping[str, Part[Any]]

RECIPE: Recipe = {
    part.name: part
    for part in (
        *(OPTIMIZER, LEARNING_RATE, BATCH_SIZE, WEIGHT_DECAY, DROPOUT, CLIP_NORM),
        *(SCHEDULE, WARMUP_EPOCHS, FINAL_RATE, DECAY_FACTOR, DECAY_EVERY, PLATEAU_PATIENCE),
        *(LOSS, FOCAL_GAMMA, LABEL_SMOOTHING, CLASS_WEIGHTS, EFFECTIVE_BETA),
        *(AUGMENT, *STRENGTHS),
    )
}

#: Names of the parts for which one trace serves all values that are in use.
UNTRACED = frozenset(part.name for part in RECIPE.values() if part.enters is not Enters.TRACED)


def usual_space(recipe: Recipe = RECIPE) -> Space:
    """Return the parts that every network has besides its own space, with the optional ones."""
    return {name: part.usual for name, part in recipe.items() if part.usual is not None}


def without_unused(space: Space, recipe: Recipe = RECIPE) -> Space:
    """Return a space without the optional parts that are left at their usual values."""
    unused = {name for name, part in recipe.items() if part.optional and space.get(name) == part.usual}
    return {name: choices for name, choices in space.items() if name not in unused}


def applicable(hyperparameters: Hyperparameters, recipe: Recipe = RECIPE) -> dict[str, Value]:
    """Return a trial's hyperparameters without those parts of the recipe that do nothing in it.

    >>> applicable({"schedule": "none", "warmup_epochs": 3, "units": 8})
    {'schedule': 'none', 'units': 8}
    """
    return {
        name: value
        for name, value in hyperparameters.items()
        if name not in recipe or recipe[name].applies(hyperparameters, recipe)
    }

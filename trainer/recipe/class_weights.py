"""Weights of classes in the training loss, for data in which some classes are rare.

>>> class_weights("balanced", np.array([30, 10]), ("cat", "dog"), beta=0.9)
array([0.66666667, 2.        ])
>>> class_weights(as_text({"dog": 3}), np.array([30, 10]), ("cat", "dog"), beta=0.9)
array([1., 3.])
"""

import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from trainer.canonical import canonical_json
from trainer.hyperparameters import Value
from trainer.limits import RATE
from trainer.spelling import nearest

#: The words that stand for a rule.
RULES = ("none", "balanced", "effective")


def as_text(weights: Mapping[str, float]) -> str:
    """Return a table of weights by class name as a hyperparameter's value; equal tables give equal texts.

    Raises:
        ValueError: one line, if a name is no text or a weight is no number of at least 0.
    """
    if not weights:
        raise ValueError("a table of class weights names at least one class")
    for name, weight in weights.items():
        if not isinstance(name, str):
            raise ValueError(f"{name!r} is no name of a class")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= RATE.most:
            raise ValueError(f"the weight of {name!r} must be a number from 0 to {RATE.said}, not {weight!r}")
    return canonical_json({name: float(weight) for name, weight in weights.items()})


def from_text(text: str) -> dict[str, float] | None:
    """Return the table of weights that a hyperparameter's value stands for; None if it is a rule.

    Raises:
        ValueError: one line, if it is neither.
    """
    if text in RULES:
        return None
    try:
        table = json.loads(text)
    except ValueError:
        raise ValueError(f"{text!r} is not possible: {nearest(text, RULES)}") from None
    if not isinstance(table, dict):
        raise ValueError(f"{text!r} is not possible: {nearest(text, RULES)}")
    as_text(table)
    return table


def not_weights(value: Value) -> str | None:
    """Return why a value is neither a rule nor a table, in one line; None if it is one of them."""
    try:
        from_text(str(value))
    except ValueError as error:
        return str(error)
    return None


def problem(text: str, classes: Sequence[str]) -> str | None:
    """Return why a hyperparameter's value cannot weigh these classes, in one line; None if it can."""
    if wrong := not_weights(text):
        return wrong
    table = from_text(text)
    for name in table or ():
        if name not in classes:
            return f"there is no class {name!r}: {nearest(name, classes)}"
    if table is not None and not any(table.get(name, 1.0) for name in classes):
        return "all classes weigh 0: nothing would be learnt"
    return None


def class_weights(
    text: str, counts: npt.NDArray[np.integer], classes: Sequence[str], *, beta: float
) -> npt.NDArray[np.float64]:
    """Return the weight of each class, ``[classes]``.

    The weights of a rule are 1 on average over the training images, so that a learning rate means the same
    as without weights. A table is taken as it is written; classes that it does not name weigh 1.

    Args:
        text: "none"; "balanced": images / (classes * count), as scikit-learn's ``compute_class_weight``;
            "effective": proportional to (1 - beta) / (1 - beta ** count) (Cui et al., CVPR 2019, eq. 2); or a
            table, see ``as_text``.
        counts: ``[classes]`` numbers of training images. A class without any weighs nothing under a rule.
        classes: their names.
        beta: of "effective", in [0, 1).
    """
    table = from_text(text)
    if table is not None:
        return np.array([table.get(name, 1.0) for name in classes])
    if text == "none":
        return np.ones(len(classes))
    raw = np.zeros(len(classes))
    for place, count in enumerate(counts.tolist()):
        if count:
            # -expm1(count * log(beta)) is 1 - beta ** count without loss of digits.
            effective = -math.expm1(count * math.log(beta)) / (1 - beta) if beta > 0 else 1.0
            raw[place] = 1 / (count if text == "balanced" else effective)
    scaled: npt.NDArray[np.float64] = raw * counts.sum() / (raw * counts).sum()
    return scaled

"""Hostile values in Python: each makes a sweep that must be refused, with what its one line must say."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sweeps.definition.architecture_choice import ArchitectureChoice
from sweeps.definition.spec import CrossValidation, Limits, Prune, Search, SweepSpec
from trainer.datasets import Arrays, DatasetSource
from trainer.hyperparameters import Choice, Fixed, Float, Integer

SPEC: Any = SweepSpec  # types are wrong on purpose
CHOICE: Any = ArchitectureChoice
SOURCE: Any = DatasetSource
ARRAYS: Any = Arrays
FLOAT: Any = Float
INTEGER: Any = Integer

IMAGES = np.ones((2, 8, 8))


class Unprintable:
    """Has no text."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")


def nested(depth: int) -> list[Any]:
    """Return lists inside each other."""
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


def ranged(**ranges: Any) -> Callable[[], object]:
    """Return a sweep of ``vgg`` with these ranges."""
    return lambda: CHOICE(name="vgg", ranges=ranges)


SPECS: Mapping[str, tuple[Callable[[], object], str]] = {
    "trials of thousands of digits": (lambda: SPEC(name="x", trials=10**5_000), "must be at most 100,000"),
    "trials below nothing": (lambda: SPEC(name="x", trials=-(10**5_000)), "must be at least 1"),
    "trials without text": (
        lambda: SPEC(name="x", trials=Unprintable()),
        "a Unprintable that cannot be",
    ),
    "trials in lists": (
        lambda: SPEC(name="x", trials=nested(99_999)),
        "a list that cannot be printed",
    ),
    "trials as an array": (lambda: SPEC(name="x", trials=np.ones(3)), "must be a whole number"),
    "trials that are NaN": (lambda: SPEC(name="x", trials=float("nan")), "must be a whole number"),
    "a seed of NumPy": (lambda: SPEC(name="x", seed=np.uint64(2**63)), "must be at most 2,147,483,647"),
    "no name": (lambda: SPEC(name=None), "name"),
    "a name of bytes": (lambda: SPEC(name=b"x"), "name"),
    "half a character": (lambda: SPEC(name="\udcff"), "name"),
    "endless architectures": (lambda: SPEC(name="x", architectures=itertools.repeat("vgg")), "too many"),
    "an architecture of None": (lambda: SPEC(name="x", architectures=[None]), "must be a name, a class or"),
    "an architecture in lists": (lambda: SPEC(name="x", architectures=nested(99_999)), "architectures: "),
    "a function of C": (lambda: SPEC(name="x", architectures=[len]), "must be a name, a class or"),
    "a class of Python's": (lambda: SPEC(name="x", architectures=[int]), "the text of int cannot be found"),
    "one array": (lambda: SPEC(name="x", dataset=(np.ones(3),)), "must be two arrays"),
    "arrays of texts": (lambda: SPEC(name="x", dataset=("a", "b")), "the array of images"),
    "arrays in lists": (lambda: SPEC(name="x", dataset=(nested(99), [1])), "the array of images"),
    "arrays of huge numbers": (lambda: Arrays([[[10**400]]], [1]), "pixels must be"),
    "an array of classes": (
        lambda: ARRAYS(IMAGES, [0, 1], classes=[[1], [2]]),
        "[k] strings",
    ),
    "no folder": (lambda: SPEC(name="x", folder=3), "must be the path of a folder"),
    "samples of text": (
        lambda: SPEC(name="x", dataset=SOURCE(source="d", samples="9")),
        "whole number",
    ),
    "a size of three": (
        lambda: SPEC(name="x", dataset=SOURCE(source="d", image_size=(8, 8, 8))),
        "must be [height, width]",
    ),
    "too many folds": (lambda: CrossValidation(folds=10**9), "must be at most 1,000"),
    "epochs of text": (lambda: CrossValidation(epochs="9"), "must be a whole number"),  # type: ignore[arg-type]
    "no patience": (lambda: CrossValidation(patience=0), "must be at least 1"),
    "no gain": (lambda: CrossValidation(min_delta=complex(1)), "must be a number"),  # type: ignore[arg-type]
    "too wide": (lambda: Search(window=10**6), "must be at most 500"),
    "endless rungs": (lambda: Prune(rungs=range(10**9)), "must be a list"),  # type: ignore[arg-type]
    "many rungs": (lambda: Prune(rungs=tuple(range(1, 2_000))), "at most 1,000 entries"),
    "a limit of NaN": (lambda: Limits(fit_minutes=float("nan")), "at most 43,200"),
    "ranges in a list": (lambda: CHOICE(name="vgg", ranges=["dropout"]), "must be a mapping"),
    "a number for a name": (lambda: CHOICE(name="vgg", ranges={3: 0.5}), "3 is no name of a hyperparameter"),
    "101 ranges": (ranged(**{f"x{i}": 1 for i in range(101)}), "101 hyperparameters: at most 100"),
    "a range of texts": (ranged(dropout=FLOAT(low="a", high="b")), "low and high are finite numbers"),
    "a range beyond floats": (ranged(dropout=FLOAT(low=0, high=10**400)), "a whole number is at most"),
    "a range without end": (ranged(dropout=FLOAT(low=0, high=float("inf"))), "finite numbers"),
    "half a step": (ranged(blocks=INTEGER(low=1, high=3, step=0.5)), "step is a whole number"),
    "no choice": (ranged(blocks=Choice(())), "at least one value"),
    "many choices": (ranged(blocks=Choice(tuple(range(1_001)))), "1,001 choices: at most 1,000"),
    "a choice of lists": (ranged(blocks=Choice(([1],))), "a list is neither"),  # type: ignore[arg-type]
    "a long text": (ranged(optimizer=Fixed("a" * 5_000)), "a text of 5,000 characters: at most 4,096"),
    "a number of thousands of digits": (ranged(blocks=10**5_000), "a whole number is at most 1,000,000,000"),
}

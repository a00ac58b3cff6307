"""A user's program with types: mypy checks this file as it would theirs, and the tests run it."""

from pathlib import Path

import numpy as np
import pytest

import refold


def mine(hyperparameters: object, input_shape: tuple[int, int, int], classes: int) -> object:
    """A network of the user's; never built here."""
    raise NotImplementedError


def everything() -> refold.SweepSpec:
    """A sweep that uses every part there is."""
    return refold.SweepSpec(
        name="typed",
        dataset=refold.DatasetSource(source="digits", samples=200),
        trials=3,
        cv=refold.CrossValidation(folds=3, epochs=9, patience=2),
        search=refold.Search(startup=2, window=2),
        prune=refold.Prune(margin=0.01, rungs=(2, 5)),
        limits=refold.Limits(fit_minutes=5),
        architectures=[
            "resnet",
            mine,
            refold.ArchitectureChoice(
                name="vgg",
                ranges={
                    "learning_rate": refold.Float(low=1e-4, high=1e-2, log=True),
                    "blocks": refold.Integer(low=1, high=2),
                    "optimizer": refold.Choice(("adam", "sgd")),
                    "batch_size": refold.Fixed(64),
                    "dropout": 0.25,
                },
            ),
        ],
        folder=Path(),
    )


def results(outcome: refold.Outcome) -> tuple[str, float | None, list[str]]:
    """What a program takes from a recorded sweep."""
    best = outcome.best
    return best.trial, best.f1, outcome.leaderboard()["architecture"].tolist()


def recorded(home: Path) -> str:
    """What a program does when a sweep may not be there."""
    try:
        return refold.open("none", home).digest
    except refold.UsageError as error:
        return str(error)


def test_a_typed_program_runs(tmp_path: Path) -> None:
    """What mypy accepts, Python does too."""
    spec = everything()
    assert [choice.name for choice in spec.architectures] == ["resnet", "mine", "vgg"]
    assert refold.SweepSpec(name="x", dataset=(np.zeros((8, 8, 8)), [0, 1] * 4)).trials == 10
    assert str(tmp_path) in recorded(tmp_path)
    assert issubclass(refold.WorkersFailed, refold.RefoldError)


def test_what_a_type_checker_refuses_is_refused_when_it_runs() -> None:
    """Each line has a mistake that mypy finds; an ignore that it does not need would fail mypy."""
    with pytest.raises(refold.UsageError):
        refold.SweepSpec(name="x", trials="3")  # type: ignore[arg-type]
    with pytest.raises(refold.UsageError):
        refold.SweepSpec(name="x", dataset=3)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        refold.opne("x")  # type: ignore[attr-defined]

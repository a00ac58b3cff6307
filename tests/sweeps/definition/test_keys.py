"""Keys never change: what was recorded yesterday is found today."""

from dataclasses import replace

import numpy as np
import pytest

from sweeps.definition.plan import Plan, PlannedArchitecture
from sweeps.definition.spec import CrossValidation, Prune, Search
from tests.labels import labels_of
from trainer.fits.specs import FitSpec, Rung, Stopping, Thresholds
from trainer.fits.split import Split
from trainer.hyperparameters import SHARED_SPACE, Fixed, Float, Value

VALUES: dict[str, Value] = {
    "batch_size": 64,
    "dropout": 0.25,
    "learning_rate": 0.00123457,
    "optimizer": "adam",
    "weight_decay": 1e-05,
}

PLAN = Plan(
    seed=7,
    dataset="d" * 64,
    trials=4,
    cv=CrossValidation(folds=3, epochs=12, patience=4, min_delta=0.001, stop_share=0.2),
    search=Search(startup=3, window=2),
    prune=Prune(margin=0.01, keep=0.5),
    architectures=(
        PlannedArchitecture(
            name="alpha", digest="a" * 64, space={**SHARED_SPACE, "dropout": Float(low=0.0, high=0.5)}
        ),
        PlannedArchitecture(name="beta", digest="b" * 64, space={**SHARED_SPACE, "optimizer": Fixed("sgd")}),
    ),
    platform=(("keras", "3.15.0"), ("processor", "made up"), ("tensorflow", "2.21.0")),
)


def first_fit() -> FitSpec:
    """The plan's first fit."""
    return PLAN.fit_specs(PLAN.architectures[0], 0, VALUES)[0]


def refit() -> FitSpec:
    """Its refit: no held-out fold, no stopping rule."""
    return replace(first_fit(), fold=None, stopping=None, epochs=9)


THRESHOLDS = Thresholds(
    rungs=(Rung(epoch=2, f1=0.5),), ceilings=(0.75, 1.0, 0.5), incumbent_mean=0.7, incumbent_f1=0.71
)

FITS = {
    "first": (first_fit(), "190621d316dc558318a87296b2763cbf8890999795dfacae4bf569a71cd58fe3"),
    "refit": (refit(), "4acee415d913cf08e87bd242b3bc75c307d3f78f3bb71f080716f04995cda407"),
    "pruned": (
        PLAN.fit_specs(PLAN.architectures[1], "confirmation", VALUES, thresholds=THRESHOLDS, repeat=2)[1],
        "535feac55a5db680b0864cdc14b2e6f53e8ddfa7304d4109f353c4c0bb1bb8a2",
    ),
    "gpu": (
        replace(first_fit(), device="gpu", stopping=Stopping()),
        "fc5fa1c761a8faa3b5f93345b67983957aa804d782aafbef2db72bc463e2d55c",
    ),
}

PLANS = {
    "as it is": (PLAN, "2b838599a5d771b9043372b2c0669c7e48525743806881c01ed155c88ada1ca9"),
    "longer": (replace(PLAN, trials=40), "2b838599a5d771b9043372b2c0669c7e48525743806881c01ed155c88ada1ca9"),
    "gpu": (replace(PLAN, device="gpu"), "1d269b174cf78982ee8217989b0b9fa4e0b63b59fce7292f5b0656c0f537dc1b"),
    "default": (
        replace(PLAN, cv=CrossValidation(), search=Search(), prune=Prune(enabled=False)),
        "2c0fcf4980146d83623f8dd741a4d78e397c256e739151852cbc2ed5f6f92c2d",
    ),
}


@pytest.mark.parametrize("name", FITS)
def test_fit_keys_never_change(name: str) -> None:
    """A fit that was recorded by an earlier version of this procedure is found under the same key."""
    spec, key = FITS[name]
    assert spec.key == key


@pytest.mark.parametrize("name", PLANS)
def test_sweep_keys_never_change(name: str) -> None:
    """A sweep that was begun by an earlier version is gone on with."""
    plan, key = PLANS[name]
    assert plan.key == key


def test_parts_never_change() -> None:
    """Who trains, who is watched and who is held out is what it was, for a fold and for a refit."""
    labels = (np.arange(240) ** 2 % 7 % 4).astype(np.int32)
    found = [
        Split.of_fit(spec, labels_of(labels)).parts(spec).digest
        for spec in (*PLAN.fit_specs(PLAN.architectures[0], 0, VALUES), refit())
    ]
    assert found == [
        "f642a8278af3f84c14f22f73a6ef3d25e21902193bc68c0cfdd9d2e7f2982ea2",
        "1e4fd52e8c83dab5dd4780a096858b464f95b1b86bf89a7e0feb372528a32f00",
        "8b1c4d784898476bc5464836db5c6a6cab52dd8a1eac19950a26ecab71961a4d",
        "37217f78c350de395b6f68799a099f814c6a7474c34160a894159cc77d503bda",
    ]

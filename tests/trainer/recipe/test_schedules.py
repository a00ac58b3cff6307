"""The learning rate of each epoch: against Keras' own schedules and callback, and within bounds."""

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.canonical import recorded
from trainer.fits.learning_rates import LearningRates, reductions_of
from trainer.fits.results import Epoch
from trainer.fits.seeds import Seeds
from trainer.fits.specs import FitSpec, Stopping
from trainer.recipe.schedules import Plateau, Schedule

KINDS = ("none", "constant", "cosine", "exponential", "step", "plateau")


def rates(horizon: int, **hyperparameters: object) -> list[float]:
    """Return the rates of all epochs, of a full rate of 1."""
    schedule = Schedule.of(hyperparameters, horizon=horizon)  # type: ignore[arg-type]
    return [schedule.rate(1.0, epoch) for epoch in range(1, horizon + 1)]


def test_cosine_is_keras_at_whole_epochs() -> None:
    """With its share of the rate that is left at the end as ``alpha``."""
    theirs = keras.optimizers.schedules.CosineDecay(1.0, decay_steps=20, alpha=0.05)
    found = rates(20, schedule="cosine", final_rate=0.05)
    np.testing.assert_allclose(found, [float(theirs(step)) for step in range(20)], rtol=1e-5)


def test_exponential_and_step_are_keras() -> None:
    """Step decay is its exponential one in stairs."""
    schedules = keras.optimizers.schedules
    smooth = schedules.ExponentialDecay(1.0, decay_steps=12, decay_rate=0.02)
    found = rates(12, schedule="exponential", final_rate=0.02)
    np.testing.assert_allclose(found, [float(smooth(step)) for step in range(12)], rtol=1e-5)
    stairs = schedules.ExponentialDecay(1.0, decay_steps=4, decay_rate=0.3, staircase=True)
    found = rates(12, schedule="step", decay_factor=0.3, decay_every=4)
    np.testing.assert_allclose(found, [float(stairs(step)) for step in range(12)], rtol=1e-5)
    assert found == rates(12, schedule="step", decay_factor=0.3)  # a third of the horizon, if left alone


class Optimizer:
    """What Keras' callback changes."""

    def __init__(self) -> None:
        self.learning_rate = np.float32(1.0)


@given(
    st.lists(st.floats(0, 1, width=16), min_size=1, max_size=25),
    st.integers(1, 5),
)
def test_plateau_counts_as_keras_does(losses: list[float], patience: int) -> None:
    """Every reduction falls in the epoch in which Keras' callback makes it (which takes a NaN for a best)."""
    theirs = keras.callbacks.ReduceLROnPlateau(
        monitor="val_loss", factor=0.5, patience=patience, min_delta=0.0
    )
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.optimizer = Optimizer()
    theirs.set_model(model)
    theirs.on_train_begin()
    ours, best = Plateau(patience), float("inf")
    schedule = Schedule.of({"schedule": "plateau", "decay_factor": 0.5}, horizon=len(losses))
    for number, loss in enumerate(losses, start=1):
        theirs.on_epoch_end(number - 1, {"val_loss": loss})
        ours.update(improved=loss < best)
        best = min(best, loss)
        expected = float(theirs.model.optimizer.learning_rate)
        assert schedule.rate(1.0, number + 1, ours.reductions) == pytest.approx(expected, rel=1e-5)


@given(
    st.sampled_from(KINDS), st.integers(1, 60), st.integers(0, 20), st.floats(0.001, 0.9), st.integers(0, 9)
)
def test_rates_stay_within_the_full_one(
    kind: str, horizon: int, warmup: int, final: float, every: int
) -> None:
    """They rise in the warm-up and fall after it; without a schedule nothing is rounded."""
    warmup = min(warmup, horizon - 1)
    found = rates(horizon, schedule=kind, warmup_epochs=warmup, final_rate=final, decay_every=every)
    assert all(0 < rate <= 1 for rate in found)
    if kind == "none":
        assert Schedule.of({}, horizon=horizon).rate(1 / 3, 1) == 1 / 3
        return
    rising, falling = found[: warmup + 1], found[warmup:]
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)
    assert falling[0] == 1.0


def spec(**more: Any) -> FitSpec:
    """Return a fit of 30 epochs with a schedule."""
    values = {"learning_rate": 0.1, **more.pop("values")}
    return FitSpec(
        dataset="d" * 64,
        architecture="a",
        architecture_digest="a",
        hyperparameters=tuple(sorted(values.items())),
        folds=3,
        repeat=0,
        fold=0,
        seeds=Seeds.of_fit(1, trial=0, repeat=0, fold=0),
        **{"epochs": 30, "stopping": Stopping(), **more},
    )


def epoch(score: float | None, loss: float | None = None) -> Epoch:
    """Return an epoch of which only the stop set matters."""
    return Epoch(loss=1.0, accuracy=0.5, stop_loss=loss, stop_accuracy=None, stop_f1=score, weights_sha256="")


@pytest.mark.parametrize("kind", KINDS)
def test_a_refit_that_ends_early_stays_within_the_folds_schedule(kind: str) -> None:
    """Its horizon is theirs, not its own number of epochs."""
    values = {"schedule": kind, "warmup_epochs": 2}
    fold = LearningRates(spec(values=values))
    refit = LearningRates(spec(values=values, epochs=10, horizon=30, stopping=None))
    assert [refit.of(number) for number in range(1, 11)] == [fold.of(number) for number in range(1, 11)]


@pytest.mark.parametrize("watch", ["metric", "loss"])
def test_a_plateau_follows_what_is_watched_and_its_refit_replays_it(watch: str) -> None:
    """After two epochs without a gain; the refit has no stop set to follow."""
    values = {"schedule": "plateau", "decay_factor": 0.5}
    told = [epoch(score, -score) for score in (0.3, 0.5, 0.4, 0.5, 0.6, 0.1, 0.1, 0.1, 0.1)]
    fold = spec(values=values, stopping=Stopping(watch=watch, min_delta=0.2))
    followed, found = LearningRates(fold), []
    for number, each in enumerate(told, start=1):
        found.append(followed.recorded(number))
        followed.watched(each)
    assert found == [0.1] * 4 + [0.05] * 3 + [0.025] * 2
    assert reductions_of(fold, told) == (4, 7, 9)
    refit = LearningRates(spec(values=values, horizon=30, reductions=(4, 7, 9), stopping=None, epochs=9))
    assert [refit.recorded(number) for number in range(1, 10)] == found


def test_without_a_schedule_no_rate_is_recorded() -> None:
    """Records of sweeps without one are what they were."""
    assert LearningRates(spec(values={})).recorded(1) is None
    assert recorded(epoch(0.5)) == {
        "loss": 1.0, "accuracy": 0.5, "stop_loss": None, "stop_accuracy": None, "stop_f1": 0.5,
        "weights_sha256": "",
    }  # fmt: skip

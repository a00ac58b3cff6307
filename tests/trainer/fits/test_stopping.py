"""Early stopping: strict improvement, patience, and a NaN that never wins."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.fits.specs import Stopping
from trainer.fits.stopping import EarlyStopping

SCORES = st.lists(st.one_of(st.floats(0, 1), st.just(math.nan)), min_size=1, max_size=30)


def follow(scores: list[float], rule: Stopping) -> EarlyStopping:
    """Feed scores until it says stop."""
    watch = EarlyStopping(rule)
    for score in scores:
        watch.update(score)
        if watch.should_stop:
            break
    return watch


@given(SCORES, st.integers(1, 5))
def test_it_keeps_the_first_maximum_it_saw(scores: list[float], patience: int) -> None:
    """The best epoch is the earliest with the highest score among those seen, NaN aside."""
    watch = follow(scores, Stopping(patience=patience))
    seen = scores[: watch.epoch]
    numbers = [score for score in seen if not math.isnan(score)]
    if not numbers:
        assert watch.best_epoch == 0
        return
    assert watch.best_score == max(numbers)
    assert watch.best_epoch == seen.index(max(numbers)) + 1


@given(SCORES, st.integers(1, 5))
def test_it_stops_exactly_when_patience_is_used_up(scores: list[float], patience: int) -> None:
    """It never stops earlier, and never goes on later."""
    watch = follow(scores, Stopping(patience=patience))
    assert watch.epoch - watch.best_epoch <= patience
    if watch.epoch < len(scores):
        assert watch.epoch - watch.best_epoch == patience


def test_a_first_nan_is_not_the_best_for_ever() -> None:
    """Keras' own callback keeps it and restores the first epoch; ours does not."""
    watch = EarlyStopping(Stopping(patience=3))
    assert [watch.update(score) for score in (math.nan, 0.5, 0.9)] == [False, True, True]


def test_a_gain_must_exceed_the_minimum() -> None:
    """min_delta itself is not enough: strictly more is."""
    watch = EarlyStopping(Stopping(min_delta=0.25))
    assert [watch.update(score) for score in (0.5, 0.75, 0.8125)] == [True, False, True]


def test_a_score_of_zero_can_be_the_first_best() -> None:
    """The first number counts as an improvement whatever it is."""
    assert EarlyStopping(Stopping()).update(0.0)


def test_an_unknown_metric_is_an_error() -> None:
    """Keras only warns and never stops."""
    with pytest.raises(ValueError, match="there is no metric 'val_f1'"):
        EarlyStopping(Stopping(metric="val_f1"))

"""What refits of a trial are: how long they train, within which schedule, at which learning rates."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sweeps.retraining.refit import refit_spec
from tests.made_up_records import make_trial
from tracking.records import FoldRecord, TrialRecord
from trainer.fits.learning_rates import LearningRates
from trainer.fits.specs import FitSpec, Stopping
from trainer.hyperparameters import Value

EPOCHS = 12
STOPPING = Stopping()
NOTHING: dict[str, Value] = {}
PLATEAU: dict[str, Value] = {"schedule": "plateau", "decay_factor": 0.5, "plateau_patience": 2}


def trial(
    best: list[int], values: Mapping[str, Value] = NOTHING, stopping: Stopping | None = STOPPING
) -> TrialRecord:
    """Return a complete trial whose folds' stop sets were best in these epochs, and worse ever after."""
    made = make_trial(folds=len(best), epochs=EPOCHS)
    hyperparameters = {**made.hyperparameters, **values}
    folds = tuple(
        _fold(fold, epoch, hyperparameters, stopping) for fold, epoch in zip(made.folds, best, strict=True)
    )
    return replace(made, hyperparameters=hyperparameters, folds=folds)


def _fold(fold: FoldRecord, best: int, values: dict[str, Value], stopping: Stopping | None) -> FoldRecord:
    spec = replace(fold.spec, hyperparameters=tuple(sorted(values.items())), stopping=stopping)
    epochs = tuple(
        replace(epoch, stop_f1=0.9 - 0.01 * abs(number - best), stop_loss=0.1 + 0.01 * abs(number - best))
        for number, epoch in enumerate(fold.run.result.epochs, start=1)
    )
    result = replace(fold.run.result, key=spec.key, epochs=epochs, best_epoch=best)
    return FoldRecord(spec=spec, run=replace(fold.run, result=result))


def refit(made: TrialRecord, **more: Any) -> FitSpec:
    """Return the trial's first refit, or another one."""
    return refit_spec(made, 1, (), **more)


def reductions_after(best: int) -> tuple[int, ...]:
    """Return the reductions of a fold that gets worse after this epoch: two epochs without a gain, each."""
    return tuple(range(best + 2, EPOCHS + 1, 2))


def test_the_horizon_is_the_folds_number_of_epochs() -> None:
    """With a schedule; without one there is none, so that the keys of older refits stay."""
    made = refit(trial([3, 5, 4], {"schedule": "cosine"}))
    assert (made.epochs, made.horizon, made.reductions) == (4, EPOCHS, ())
    plain = refit(trial([3, 5, 4]))
    assert (plain.epochs, plain.horizon, plain.reductions) == (4, 0, ())
    assert not {"horizon", "reductions"} & plain.to_json().keys()


@pytest.mark.parametrize(
    ("best", "epochs", "middle"),
    [
        ([6, 2, 4], 4, 4),
        ([2, 6, 4, 9, 1], 4, 4),
        ([6, 2], 4, 6),  # of two in the middle, the one that trained longer
        ([2, 7, 3, 6], 5, 6),  # the median of 4.5 is rounded up
        ([5, 5, 5], 5, 5),
        ([3, 3, 8, 8], 6, 8),
        ([4], 4, 4),
    ],
)
def test_it_replays_the_fold_with_the_median_best_epoch(best: list[int], epochs: int, middle: int) -> None:
    """Whichever fold that is; the order of the folds does not matter where best epochs differ."""
    made = refit(trial(best, PLATEAU))
    assert (made.epochs, made.horizon, made.reductions) == (epochs, EPOCHS, reductions_after(middle))
    assert refit(trial(best[::-1], PLATEAU)).reductions == made.reductions


@pytest.mark.parametrize(("count", "chosen"), [(2, 1), (3, 1), (4, 2), (5, 2)])
def test_of_equal_best_epochs_the_later_folds_come_later(count: int, chosen: int) -> None:
    """Folds are sorted by best epoch and number, and the one in the middle is taken."""
    made = trial([4] * count, PLATEAU)
    marked = list(made.folds)
    run = marked[chosen].run
    epochs = list(run.result.epochs)
    for number in (5, 6, 7):  # no reduction before epoch 9: it is as good as any later
        epochs[number - 1] = replace(epochs[number - 1], stop_f1=0.9 + 0.01 * number)
    marked[chosen] = replace(
        marked[chosen], run=replace(run, result=replace(run.result, epochs=tuple(epochs)))
    )
    assert refit(replace(made, folds=tuple(marked))).reductions == (9, 11)
    assert refit(made).reductions == reductions_after(4)


@pytest.mark.parametrize("watch", ["metric", "loss"])
def test_its_rates_are_those_of_the_fold_that_it_replays(watch: str) -> None:
    """Epoch by epoch, as far as it trains: it is never asked for a stop set."""
    made = trial([2, 9, 6], {"warmup_epochs": 1, **PLATEAU}, Stopping(watch=watch))
    # The fold itself was reduced before the epoch that the refit ends in.
    fold = made.folds[2]
    bad = [replace(epoch, stop_f1=0.0, stop_loss=9.0) for epoch in fold.run.result.epochs[1:3]]
    first, *rest = fold.run.result.epochs
    result = replace(fold.run.result, epochs=(first, *bad, *rest[2:]))
    made = replace(made, folds=(*made.folds[:2], replace(fold, run=replace(fold.run, result=result))))
    followed, expected = LearningRates(fold.spec), []
    for number, epoch in enumerate(result.epochs, start=1):
        expected.append(followed.recorded(number))
        followed.watched(epoch)
    asked = refit(made)
    rates = LearningRates(asked)
    assert (asked.epochs, asked.stopping, asked.reductions) == (6, None, (3, 8, 10, 12))
    assert [rates.recorded(number) for number in range(1, 7)] == expected[:6]
    assert expected[:6] == [0.0005, 0.001, 0.001, 0.0005, 0.0005, 0.0005]


def test_further_refits_have_the_same_schedule() -> None:
    """Only their seeds differ."""
    made = trial([3, 5, 8], PLATEAU)
    first, second = refit(made), refit(made, number=1)
    assert replace(second, repeat=0, seeds=first.seeds) == first
    assert second.seeds != first.seeds


def test_without_a_stop_set_it_trains_as_long_as_the_folds() -> None:
    """Their last epoch is their best, so the schedule is gone through to its end."""
    made = refit(trial([EPOCHS] * 3, {"schedule": "exponential"}, None))
    assert (made.epochs, made.horizon, made.stopping) == (EPOCHS, EPOCHS, None)

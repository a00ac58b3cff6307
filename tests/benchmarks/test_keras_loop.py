"""The loop that others write, on the very folds, stop sets and first weights of refold's fits."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.task import STARTUP, STOP_SHARE, Data, Task, Trial
from sweeps.definition.spec import CrossValidation, Search
from trainer.architectures import built_in, middle
from trainer.fits.folds import held_out_folds
from trainer.fits.seeds import Seeds
from trainer.hyperparameters import Value

TASK = Task(
    dataset="digits", samples=300, architectures=("lenet",), trials=1, folds=2, epochs=3, patience=1, seed=2
)
VALUES: dict[str, Value] = {"optimizer": "sgd", "learning_rate": 0.01, "batch_size": 64, "weight_decay": 1e-3}


def test_defaults_are_refolds() -> None:
    """The same random start, the same stop share."""
    assert (Search().startup, CrossValidation().stop_share) == (STARTUP, STOP_SHARE)


@pytest.mark.slow
@pytest.mark.training
def test_folds_and_epochs_are_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The held-out folds are refold's; given epochs are trained exactly; a shorter trial has no score."""
    from benchmarks import keras_loop

    data = Data.of(TASK)
    values = {**VALUES, **middle(built_in("lenet").space)}
    logged: list[tuple[set[str], int]] = []

    def log(metrics: Mapping[str, float], step: int) -> None:
        logged.append((set(metrics), step))

    trial = Trial(architecture="lenet", number=0, hyperparameters=values, epochs=(3, 1), f1=None)
    f1, epochs = keras_loop.cross_validate(replace(TASK, given=(trial,)), data, "lenet", values, log)
    assert epochs == (3, 1)
    assert f1 is not None
    assert 0 < f1 <= 1
    assert [step for _, step in logged] == [1, 2, 3, 1]
    assert logged[0][0] == {"accuracy/fold_0", "loss/fold_0", "stop_f1/fold_0"}

    trial = replace(trial, epochs=(1,))
    f1, epochs = keras_loop.cross_validate(replace(TASK, given=(trial,)), data, "lenet", values, log)
    assert (f1, epochs) == (None, (1,))

    seen: list[np.ndarray] = []

    def watched(_labels: object, rest: np.ndarray, **_more: object) -> np.ndarray:
        seen.append(rest)
        return rest[:40]

    monkeypatch.setattr(keras_loop, "part_of", watched)
    _, epochs = keras_loop.cross_validate(TASK, data, "lenet", values, log)
    assert all(1 <= count <= TASK.epochs for count in epochs)
    split = Seeds.of_fit(TASK.seed, trial=0, repeat=0, fold=0).split
    for rest, held_out in zip(seen, held_out_folds(data.labels, folds=2, seed=split), strict=True):
        assert np.array_equal(np.sort(rest), np.setdiff1d(np.arange(len(data.labels)), held_out))


@pytest.mark.training
def test_the_network_begins_with_refolds_weights() -> None:
    """Same seed, same layers: the comparison is of loops, not of networks."""
    import keras

    from benchmarks.keras_loop import compiled_model
    from trainer.datasets import DatasetSource, load
    from trainer.engine.engine import weights_digest
    from trainer.engine.model import build_model

    values = {**VALUES, **middle(built_in("lenet").space)}
    ours = build_model(
        built_in("lenet"), values, load(DatasetSource(source="digits", samples=300)).search, seed=5
    )
    expected = weights_digest(ours.get_weights())
    keras.utils.clear_session()
    keras.utils.set_random_seed(5)
    theirs = compiled_model("lenet", values, Data.of(TASK))
    assert weights_digest(theirs.get_weights()) == expected
    assert theirs.optimizer.weight_decay == 1e-3

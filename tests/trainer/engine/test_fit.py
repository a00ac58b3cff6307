"""One fit, for real: a pure function of its spec, whatever the process did before."""

import inspect
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.small_fits import run, spec
from trainer.datasets import open_stored
from trainer.fits.results import Epoch
from trainer.fits.specs import FitSpec, Stopping
from trainer.fits.split import Split
from trainer.hyperparameters import Value
from trainer.metrics.confusion import macro_f1
from trainer.process.jobs import Job
from trainer.process.training_process import TrainingProcess
from trainer.user_code import UserSource

pytestmark = pytest.mark.training


@pytest.mark.slow
def test_a_cached_trace_gives_the_bits_of_a_fresh_one(
    training_process: TrainingProcess, stored_digits: Path, tmp_path: Path
) -> None:
    """In any order, after other fits, and in another process: the same result, every byte of it."""
    asked = [
        spec(stored_digits, 0),
        spec(stored_digits, 1, trial=1, learning_rate=5e-4, weight_decay=1e-2, batch_size=64),
        spec(stored_digits, 2, optimizer="sgd"),
        spec(stored_digits, 1, optimizer="rmsprop"),
    ]
    there_and_back = [run(training_process, stored_digits, what) for what in [*asked, *asked[::-1]]]
    assert there_and_back[:4] == there_and_back[:3:-1]
    fresh = TrainingProcess(tmp_path / "log")
    try:
        assert [run(fresh, stored_digits, what) for what in asked[::-1]] == there_and_back[4:]
    finally:
        fresh.close()
    assert len({result.weights_sha256 for result in there_and_back}) == 4


@pytest.mark.parametrize("name", ["initialisation", "order", "dropout", "stop", "split"])
def test_each_seed_has_an_effect_of_its_own(
    training_process: TrainingProcess, stored_digits: Path, name: str
) -> None:
    """Changing one seed changes the weights; the initial ones change with the initialisation seed alone."""
    first = spec(stored_digits)
    other = replace(first, seeds=replace(first.seeds, **{name: 12345}))
    here, there = (run(training_process, stored_digits, what) for what in (first, other))
    assert here.epochs[0].weights_sha256 != there.epochs[0].weights_sha256
    same_start = here.initial_weights_sha256 == there.initial_weights_sha256
    assert same_start == (name != "initialisation")


@pytest.mark.parametrize("change", [{"batch_size": 64}, {"learning_rate": 2.0001e-3}, {"weight_decay": 2e-4}])
def test_each_shared_hyperparameter_has_an_effect(
    training_process: TrainingProcess, stored_digits: Path, change: dict[str, Value]
) -> None:
    """What is not part of a trace still reaches the training."""
    here, there = (
        run(training_process, stored_digits, what)
        for what in (spec(stored_digits), spec(stored_digits, 0, trial=0, **change))
    )
    assert here.epochs[0].weights_sha256 != there.epochs[0].weights_sha256


def test_the_result_is_what_it_says(training_process: TrainingProcess, stored_digits: Path) -> None:
    """Predictions, confusion matrix and scores fit together; the best epoch is the stop set's."""
    what = spec(stored_digits)
    result = run(training_process, stored_digits, what)
    dataset = open_stored(stored_digits)
    held_out = Split.of_fit(what, dataset).held_out(0)
    predicted = result.predicted_classes()
    counts = np.zeros((10, 10), dtype=int)
    np.add.at(counts, (dataset.labels[held_out], predicted), 1)
    assert np.array_equal(counts, result.confusion)
    assert result.f1 == macro_f1(result.confusion)
    assert ((result.predicted_confidences() > 0.1) & (result.predicted_confidences() <= 1)).all()
    scores = [epoch.stop_f1 or 0.0 for epoch in result.epochs]
    assert scores.index(max(scores)) + 1 == result.best_epoch
    assert result.epochs[result.best_epoch - 1].weights_sha256 == result.weights_sha256


def test_it_stops_when_patience_is_used_up(training_process: TrainingProcess, stored_digits: Path) -> None:
    """With a rate too low to learn anything, no epoch is an improvement for long."""
    what = replace(spec(stored_digits, learning_rate=1e-9), epochs=30)
    result = run(training_process, stored_digits, what)
    assert len(result.epochs) == result.best_epoch + 2 < 30


def test_watching_the_loss_keeps_the_epoch_with_the_lowest(
    training_process: TrainingProcess, stored_digits: Path
) -> None:
    """Neither the one with the best score nor the last: all differ here. The epochs are the same ones."""
    on_score = replace(spec(stored_digits, 1, learning_rate=0.01), epochs=9, stopping=Stopping(patience=9))
    on_loss = replace(on_score, stopping=Stopping(patience=9, watch="loss"))
    by_score, by_loss = (run(training_process, stored_digits, what) for what in (on_score, on_loss))
    losses = [epoch.stop_loss or 0.0 for epoch in by_loss.epochs]
    assert losses.index(min(losses)) + 1 == by_loss.best_epoch
    assert by_score.best_epoch < by_loss.best_epoch < 9
    assert by_loss.epochs == by_score.epochs
    assert by_loss.weights_sha256 == by_loss.epochs[by_loss.best_epoch - 1].weights_sha256


def test_never_stopping_trains_all_epochs_on_all_but_the_held_out_fold(
    training_process: TrainingProcess, stored_digits: Path
) -> None:
    """There is no stop set; the last epoch is kept, and the held-out fold is scored by it."""
    what = replace(spec(stored_digits), stopping=None, epochs=3)
    result = run(training_process, stored_digits, what)
    dataset = open_stored(stored_digits)
    parts = Split.of_fit(what, dataset).parts(what)
    assert (len(parts.stop), len(parts.training) + len(parts.held_out)) == (0, len(dataset.labels))
    assert result.parts_sha256 == parts.digest
    assert result.best_epoch == len(result.epochs) == 3
    assert result.weights_sha256 == result.epochs[-1].weights_sha256
    assert {(epoch.stop_loss, epoch.stop_accuracy, epoch.stop_f1) for epoch in result.epochs} == {(None,) * 3}
    assert len(result.predicted_classes()) == len(parts.held_out)
    assert result.f1 == macro_f1(result.confusion)


@pytest.mark.parametrize("kind", ["cosine", "plateau"])
def test_a_refit_is_trained_at_the_replayed_rates(
    training_process: TrainingProcess, stored_digits: Path, kind: str
) -> None:
    """What it records are the first rates of its folds' schedule, with the reductions that it was given."""
    values: dict[str, Value] = {"schedule": kind, "warmup_epochs": 1, "learning_rate": 0.01}
    folds = replace(spec(stored_digits, 0, trial=0, **values), epochs=9)
    refit = replace(folds, fold=None, stopping=None, epochs=4, horizon=9)
    refit = replace(refit, reductions=(2, 3) if kind == "plateau" else ())
    rates = [epoch.learning_rate for epoch in run(training_process, stored_digits, refit).epochs]
    expected = {"cosine": [0.005, 0.01, 0.0096232, 0.00855018], "plateau": [0.005, 0.01, 0.001, 0.0001]}
    assert rates == expected[kind]


def test_divergence_is_an_outcome(training_process: TrainingProcess, stored_digits: Path) -> None:
    """A loss that is no number ends the fit as failed, with its reason and the epochs before."""
    hopeless = spec(stored_digits, learning_rate=1e30, optimizer="sgd")
    result = run(training_process, stored_digits, hopeless)
    assert result.state == "failed"
    assert "diverged" in (result.reason or "")
    assert "learning_rate 1e+30" in (result.reason or "")
    assert result.f1 is None


def test_a_refit_trains_on_everything(training_process: TrainingProcess, stored_digits: Path) -> None:
    """Without a stop set all epochs are trained and the last weights kept."""
    what = replace(spec(stored_digits, fold=None), stopping=None, epochs=3)
    result = run(training_process, stored_digits, what)
    assert result.best_epoch == len(result.epochs) == 3
    assert result.epochs[0].stop_f1 is None
    assert result.f1 is None


def test_a_refit_on_an_exam_has_the_same_weights_and_classifies_all_of_it(
    training_process: TrainingProcess, stored_digits: Path
) -> None:
    """The exam changes no weight; its images are scored by the kept model, and the network is measured."""
    refit = replace(spec(stored_digits), fold=None, stopping=None, epochs=2)
    examined = replace(refit, exam=refit.dataset)  # any stored images can be the exam
    plain = run(training_process, stored_digits, refit)
    job = Job(spec=examined, dataset=str(stored_digits), exam=str(stored_digits))
    scored = training_process.run(job, lambda *_: None)
    result = scored.result
    assert [each.weights_sha256 for each in result.epochs] == [each.weights_sha256 for each in plain.epochs]
    dataset = open_stored(stored_digits)
    assert len(result.predicted_classes()) == len(dataset.labels)
    assert result.f1 == macro_f1(result.confusion)
    assert np.asarray(result.confusion).sum() == len(dataset.labels)
    assert (plain.f1, plain.parameters, plain.predictions) == (None, None, b"")
    assert result.parameters is not None
    assert result.parameters > 100
    assert scored.timing.exam_seconds is not None
    assert scored.timing.exam_seconds < scored.timing.seconds


def test_epochs_are_announced_as_they_end(training_process: TrainingProcess, stored_digits: Path) -> None:
    """Each with its number, its record and its seconds, before the result comes."""
    heard: list[tuple[int, Epoch, float]] = []
    job = Job(spec=spec(stored_digits), dataset=str(stored_digits))
    run_ = training_process.run(job, lambda number, epoch, seconds: heard.append((number, epoch, seconds)))
    assert [number for number, _, _ in heard] == list(range(1, len(run_.result.epochs) + 1))
    assert tuple(epoch for _, epoch, _ in heard) == run_.result.epochs
    assert tuple(seconds for _, _, seconds in heard) == run_.timing.epoch_seconds


SLOW_AVERAGES = """
import keras

def net(hyperparameters, input_shape, classes):
    x = inputs = keras.Input(input_shape)
    x = keras.layers.Flatten()(x)
    for _ in range(2):
        x = keras.layers.Dense(64, use_bias=False)(x)
        x = keras.layers.BatchNormalization(momentum=0.999)(x)
        x = keras.layers.ReLU()(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))

def broken(hyperparameters, input_shape, classes):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Reshape((hyperparameters["rows"], 9))])
"""


def users(stored: Path, name: str, **values: Value) -> tuple[FitSpec, UserSource]:
    """A fit of an architecture of the user's."""
    source = UserSource(spec=f"nets.py:{name}", files=(("nets.py", inspect.cleandoc(SLOW_AVERAGES)),))
    asked = replace(spec(stored, 0, trial=0, **values), architecture=name, architecture_digest=source.digest)
    return asked, source


def test_moving_averages_that_have_not_arrived_are_noted(
    training_process: TrainingProcess, stored_digits: Path
) -> None:
    """Training went well, the stop set says otherwise, and the note says why."""
    result = run(training_process, stored_digits, *users(stored_digits, "net"))
    assert len(result.notes) == 1
    assert "batch normalisation's moving averages (momentum 0.999)" in result.notes[0]


def test_hyperparameters_that_fit_no_network_are_an_outcome(
    training_process: TrainingProcess, stored_digits: Path
) -> None:
    """A shape error of the user's model is recorded with its text, and the process goes on."""
    result = run(training_process, stored_digits, *users(stored_digits, "broken", rows=5))
    assert result.state == "failed"
    assert (result.reason or "").startswith("the model could not be built: ValueError")
    assert run(training_process, stored_digits, spec(stored_digits)).state == "complete"


def test_a_failure_reads_the_same_whatever_ran_before(
    training_process: TrainingProcess, stored_digits: Path
) -> None:
    """Keras numbers layers from model to model; a reason must not depend on that, or digests would."""
    first = run(training_process, stored_digits, *users(stored_digits, "broken", rows=5))
    run(training_process, stored_digits, spec(stored_digits))
    again = run(training_process, stored_digits, *users(stored_digits, "broken", rows=5))
    assert first == again

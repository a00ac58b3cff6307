"""Cross-validating one set of hyperparameters as the documentation of Keras and scikit-learn has it.

``compile`` and ``fit`` with callbacks, ``StratifiedKFold``, macro-F1 of the stop set by ``predict`` and
``f1_score`` after every epoch. ``by_hand``, ``with_keras_tuner`` and ``with_ray_tune`` share it. What is left
out is left out in its favour: no ``validation_data``, which would score the stop set twice, no model files,
no pictures.
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold

from benchmarks.task import STOP_SHARE, Data, Task
from trainer.architectures import built_in
from trainer.fits.folds import Indices, part_of
from trainer.fits.seeds import Seeds
from trainer.hyperparameters import Hyperparameters

#: Images scored in one call, as many as refold's: Keras' default of 32 would be slower.
SCORING_BATCH = 256

#: ``log(metrics, step)``: a tracker's function for the metrics of one epoch.
Log = Callable[[dict[str, float], int], object]


class StopSetF1(keras.callbacks.Callback):
    """Adds the stop set's macro-F1 to each epoch's logs, for the callbacks after it."""

    def __init__(self, data: Data, stop: Indices) -> None:
        super().__init__()
        self._images, self._labels = data.images[stop], data.labels[stop]

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:  # noqa: ARG002
        """Score the stop set."""
        scores = self.model.predict(self._images, batch_size=SCORING_BATCH, verbose=0)
        logs["stop_f1"] = float(f1_score(self._labels, scores.argmax(axis=1), average="macro"))


class Logged(keras.callbacks.Callback):
    """Logs each epoch's metrics under names that tell the folds apart."""

    def __init__(self, log: Log, fold: int) -> None:
        super().__init__()
        self._log, self._fold = log, fold

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Log the epoch."""
        self._log({f"{name}/fold_{self._fold}": float(value) for name, value in logs.items()}, epoch + 1)


def compiled_model(architecture: str, hyperparameters: Hyperparameters, data: Data) -> keras.Model:
    """Build refold's network behind its scaling layer, with the optimiser that refold would use."""
    shape = data.images.shape[1:]
    model = keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Rescaling(1.0 / data.pixel_max),
            built_in(architecture).build(hyperparameters, shape, data.classes),
        ]
    )
    optimizer = _optimizer(
        str(hyperparameters["optimizer"]),
        float(hyperparameters["learning_rate"]),
        float(hyperparameters["weight_decay"]),
    )
    optimizer.exclude_from_weight_decay(var_list=[v for v in model.trainable_variables if len(v.shape) < 2])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _optimizer(name: str, rate: float, decay: float) -> keras.optimizers.Optimizer:
    if name == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay)
    kinds = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}
    return kinds[name](rate, weight_decay=decay)


def cross_validate(
    task: Task, data: Data, architecture: str, hyperparameters: Hyperparameters, log: Log
) -> tuple[float | None, tuple[int, ...]]:
    """Train and score every fold.

    Args:
        task: gives folds, stop sets and the stopping rule; refold's own.
        data: its images.
        architecture: name of the network.
        hyperparameters: of the network and its training.
        log: takes the metrics of each epoch.

    Returns:
        Macro-F1 of the pooled out-of-fold predictions, None if not all folds were asked for; and how many
        epochs each fold trained.
    """
    given = task.epochs_of(architecture, hyperparameters)
    split = StratifiedKFold(task.folds, shuffle=True, random_state=_seeds(task, 0).split)
    predicted = np.empty_like(data.labels)
    trained: list[int] = []
    for fold, (rest, held_out) in enumerate(split.split(data.images, data.labels)):
        if given is not None and fold == len(given):
            return None, tuple(trained)
        seeds = _seeds(task, fold)
        stop = part_of(data.labels, rest, share=STOP_SHARE, seed=seeds.stop)
        training = np.setdiff1d(rest, stop)
        keras.utils.clear_session()
        keras.utils.set_random_seed(seeds.initialisation)
        model = compiled_model(architecture, hyperparameters, data)
        history = model.fit(
            data.images[training],
            data.labels[training],
            batch_size=int(hyperparameters["batch_size"]),
            epochs=task.epochs if given is None else given[fold],
            callbacks=_callbacks(task, data, stop, Logged(log, fold), patient=given is not None),
            verbose=0,
        )
        trained.append(len(history.epoch))
        scores = model.predict(data.images[held_out], batch_size=SCORING_BATCH, verbose=0)
        predicted[held_out] = scores.argmax(axis=1)
    return float(f1_score(data.labels, predicted, average="macro")), tuple(trained)


def _callbacks(
    task: Task, data: Data, stop: Indices, logged: Logged, *, patient: bool
) -> Sequence[keras.callbacks.Callback]:
    """Return what is done after each epoch; with ``patient`` the best weights are kept but nothing stops."""
    patience = task.epochs if patient else task.patience
    early = keras.callbacks.EarlyStopping(
        monitor="stop_f1", mode="max", patience=patience, restore_best_weights=True
    )
    return [StopSetF1(data, stop), early, logged]


def _seeds(task: Task, fold: int) -> Seeds:
    return Seeds.of_fit(task.seed, trial=0, repeat=0, fold=fold)

"""A network with its compiled training step: traced once, then re-initialised in place for every fit.

Tracing costs about as much as several epochs on small images, and the bits do not depend on it: weights,
optimiser slots, dropout state and the learning rate are variables that ``Engine.reset`` sets for each fit.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.architectures import Architecture
from trainer.canonical import canonical_json
from trainer.datasets import Dataset
from trainer.errors import FitFailed
from trainer.hyperparameters import Hyperparameters
from trainer.seeds import derive

#: Images scored in one call. Part of the procedure: another batch size may give other bits.
SCORING_BATCH = 256

#: Hyperparameters that are variables of the compiled step, so that one trace serves all their values.
NOT_TRACED = ("learning_rate", "weight_decay", "batch_size")

OPTIMIZERS: dict[str, Callable[[], keras.optimizers.Optimizer]] = {
    "adam": keras.optimizers.Adam,
    "sgd": lambda: keras.optimizers.SGD(momentum=0.9, nesterov=True),
    "rmsprop": keras.optimizers.RMSprop,
}

Weights = list[npt.NDArray[Any]]


def build_model(
    architecture: Architecture,
    hyperparameters: Hyperparameters,
    dataset: Dataset,
    *,
    seed: int,
) -> keras.Model:
    """Build the network with freshly drawn weights, the layer that scales raw pixels in front.

    Raises:
        FitFailed: if the architecture cannot be built with these hyperparameters.
    """
    # Automatic layer names count on from model to model; an error that names one must not depend on that.
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(seed)
    input_shape, classes = dataset.input_shape, len(dataset.classes)
    pixels = keras.Input(input_shape, name="pixels")
    try:
        body = architecture.build(hyperparameters, input_shape, classes)
        probabilities = body(keras.layers.Rescaling(1.0 / dataset.pixel_max, name="scaling")(pixels))
    except Exception as error:
        raise FitFailed(f"the model could not be built: {one_line(error)}") from error
    if tuple(probabilities.shape) != (None, classes):
        shape = tuple(probabilities.shape)
        raise FitFailed(f"the model's output has the shape {shape}, expected {(None, classes)}")
    return keras.Model(pixels, probabilities, name=architecture.name)


class Engine:
    """One network, its optimiser, and the two functions that were compiled for them."""

    def __init__(self, model: keras.Model, optimizer: str, images: tf.TensorSpec) -> None:
        self.model = model
        self._optimizer = OPTIMIZERS[optimizer]()
        self._optimizer.build(model.trainable_variables)
        self._weight_decay = tf.Variable(0.0, dtype=tf.float32)
        self._decayed = [v for v in model.trainable_variables if len(v.shape) > 1]
        # The number of images is left open: folds differ by one, and must not cost a trace each.
        some = tf.TensorSpec([None], tf.int32)
        self._epoch = tf.function(self._train_steps, input_signature=[images, some, some, some])
        self._forward = tf.function(self._score_batch, input_signature=[images, some])

    def reset(self, fresh: keras.Model, hyperparameters: Hyperparameters, *, dropout_seed: int) -> None:
        """Take over the fresh model's initial state and forget all training.

        Each dropout layer gets a seed of its own, derived from ``dropout_seed``.
        """
        for mine, theirs in zip(self.model.variables, fresh.variables, strict=True):
            if mine is not theirs:
                mine.assign(theirs)
        states = [v for v in self.model.variables if v.path.endswith("seed_generator_state")]
        for index, state in enumerate(states):
            state.assign(np.array([derive(dropout_seed, index), 0], dtype=np.uint32))
        for slot in self._optimizer.variables:
            slot.assign(np.zeros(slot.shape, dtype=slot.dtype))
        self._optimizer.learning_rate.assign(float(hyperparameters["learning_rate"]))
        self._weight_decay.assign(float(hyperparameters["weight_decay"]))

    def train_epoch(
        self, images: tf.Tensor, labels: tf.Tensor, order: npt.NDArray[np.int64], batch_size: int
    ) -> tuple[float, float]:
        """Train on the images once in the given order; return their mean loss (nats) and accuracy.

        The images are dealt to ceil(n / batch_size) batches whose sizes differ by at most one: a tiny last
        batch would leave batch normalisation's moving averages with its own odd statistics.
        """
        steps = -(-len(order) // batch_size)
        # Computed here in whole numbers without a limit: on the device step * size would overflow int32.
        bounds = [step * len(order) // steps for step in range(steps + 1)]
        loss, correct = self._epoch(
            images, labels, tf.constant(order, tf.int32), tf.constant(bounds, tf.int32)
        )
        return float(loss) / len(order), int(correct) / len(order)

    def probabilities(self, images: tf.Tensor, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return the class probabilities ``[n, classes]`` of the images at ``indices``, dropout off."""
        starts = range(0, len(indices), SCORING_BATCH)
        chunks = [tf.constant(indices[start : start + SCORING_BATCH], tf.int32) for start in starts]
        scored: list[npt.NDArray[np.float32]] = [self._forward(images, chunk).numpy() for chunk in chunks]
        return np.concatenate(scored)

    def weights(self) -> Weights:
        """Return copies of all weights, batch-norm statistics included."""
        return [variable.numpy().copy() for variable in self.model.weights]

    def restore(self, weights: Weights) -> None:
        """Set all weights to what ``weights`` returned earlier."""
        for variable, value in zip(self.model.weights, weights, strict=True):
            variable.assign(value)

    def _train_steps(
        self, images: tf.Tensor, labels: tf.Tensor, order: tf.Tensor, bounds: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        variables = self.model.trainable_variables
        total, correct = tf.constant(0.0), tf.constant(0)
        for step in tf.range(tf.size(bounds) - 1):
            batch = order[bounds[step] : bounds[step + 1]]
            true = tf.gather(labels, batch)
            with tf.GradientTape() as tape:
                scores = self.model(tf.cast(tf.gather(images, batch), tf.float32), training=True)
                losses = keras.losses.sparse_categorical_crossentropy(true, scores)
                loss = tf.reduce_mean(losses)
            gradients = tape.gradient(loss, variables)
            for variable in self._decayed:  # decoupled from the gradient (Loshchilov & Hutter 2019, alg. 2)
                variable.assign_sub(variable * (self._optimizer.learning_rate * self._weight_decay))
            self._optimizer.apply(gradients, variables)
            total += tf.reduce_sum(losses)
            predicted = tf.argmax(scores, axis=-1, output_type=tf.int32)
            correct += tf.reduce_sum(tf.cast(predicted == true, tf.int32))
        return total, correct

    def _score_batch(self, images: tf.Tensor, batch: tf.Tensor) -> tf.Tensor:
        return self.model(tf.cast(tf.gather(images, batch), tf.float32), training=False)


class EngineCache:
    """The engines a worker has traced, the least recently used dropped first."""

    def __init__(self, capacity: int = 3) -> None:
        self._capacity = capacity
        self._engines: OrderedDict[str, Engine] = OrderedDict()

    def engine_for(self, key: str, model: keras.Model, optimizer: str, images: tf.TensorSpec) -> Engine:
        """Return the engine traced for ``key``, or a new one around ``model``."""
        if key not in self._engines:
            self._engines[key] = Engine(model, optimizer, images)
            if len(self._engines) > self._capacity:
                self._engines.popitem(last=False)
        self._engines.move_to_end(key)
        return self._engines[key]


def trace_key(architecture_digest: str, hyperparameters: Hyperparameters, dataset: Dataset) -> str:
    """Name the trace that a fit needs: equal names share one."""
    traced = {name: value for name, value in hyperparameters.items() if name not in NOT_TRACED}
    data = [dataset.input_shape, str(dataset.images.dtype), len(dataset.classes), dataset.pixel_max]
    return canonical_json([architecture_digest, traced, data])


def weights_digest(weights: Weights) -> str:
    """Return the SHA-256 over type, shape and bytes of each weight in order."""
    content = hashlib.sha256()
    for weight in weights:
        content.update(f"{weight.dtype.str}{weight.shape}".encode())
        content.update(np.ascontiguousarray(weight).data)
    return content.hexdigest()


def one_line(error: BaseException) -> str:
    """Return the type of ``error`` and what it says, without the places that TensorFlow came through."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith(("File ", "[[", "Graph execution error"))]
    # A graph's error says what is wrong last, any other error first.
    in_graph = any(line.startswith("Graph execution error") for line in lines)
    text = (said[-1] if in_graph else said[0])[:300] if said else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

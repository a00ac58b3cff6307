"""A network with its compiled training epoch: traced once, then re-initialised in place for every fit.

On small images tracing takes about as long as several epochs. The bits do not depend on it: weights,
optimiser slots, dropout state and rates, learning rate and weight decay are variables that ``Engine.reset``
sets for each fit.
"""

import gc
import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.architectures import BUILT_IN, Architecture
from trainer.canonical import canonical_json
from trainer.datasets import Dataset
from trainer.engine.augmentation import Augmentation
from trainer.engine.batch_norm import fuse_batch_norm
from trainer.engine.batches import batch_bounds
from trainer.engine.dropout_rates import DropoutRates, dropout_layers
from trainer.engine.feed import Feed, FromFile, OnDevice
from trainer.engine.losses import Loss, traced_parts
from trainer.engine.model import build_model
from trainer.engine.optimizers import DECAY_EVERYTHING, OPTIMIZERS
from trainer.fits.folds import Indices
from trainer.fits.seeds import derive
from trainer.hyperparameters import Hyperparameters
from trainer.recipe.augmentation import Rows, Strengths
from trainer.recipe.table import CLIP_NORM, LEARNING_RATE, OPTIMIZER, UNTRACED, WEIGHT_DECAY

#: Images scored in one call. Part of the procedure: another batch size may give other bits.
SCORING_BATCH = 256

#: Dropped engines after which a process deletes all compiled kernels; kernels in use are compiled again.
FORGET_AFTER = 16

#: The parts of the recipe that are variables of every compiled epoch.
VARIABLES = (LEARNING_RATE, WEIGHT_DECAY, CLIP_NORM)

Weights = list[npt.NDArray[Any]]
Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TrainedEpoch:
    """Results of one epoch: mean loss (nats), accuracy, and the stop set's probabilities ``[n, classes]``."""

    loss: float
    accuracy: float
    stop: Probabilities


class Engine:
    """One network, its optimiser, and the functions that were compiled for them."""

    def __init__(self, model: keras.Model, hyperparameters: Hyperparameters, dataset: Dataset) -> None:
        self.model = model
        self._augmentation = Augmentation(hyperparameters, dataset)
        self._loss = Loss(hyperparameters, dataset.classes)
        self._clipped = CLIP_NORM.of(hyperparameters) > 0
        self._rates = DropoutRates(model)
        fuse_batch_norm(model)
        optimizer = OPTIMIZER.of(hyperparameters)
        self._optimizer = OPTIMIZERS[optimizer](model.trainable_variables)
        self._recipe = {part.name: tf.Variable(0.0, dtype=tf.float32) for part in VARIABLES}
        everything = optimizer in DECAY_EVERYTHING
        self._decayed = [v for v in model.trainable_variables if everything or len(v.shape) > 1]
        # The number of images is not part of the trace: folds differ by one image and share a trace.
        pixels = tf.TensorSpec([None, *dataset.input_shape], dataset.images.dtype)
        some = tf.TensorSpec([None], tf.int32)
        # On the device an epoch is one call; from a file every batch is one.
        self._score = tf.function(self._score_all, input_signature=[pixels, some])
        rows = self._augmentation.signature
        self._epoch = tf.function(self._train_epoch, input_signature=[pixels, some, some, some, some, rows])
        self._score_pixels = tf.function(self._forward, input_signature=[pixels])
        self._step = tf.function(self._train_augmented, input_signature=[pixels, some, rows])

    def reset(
        self,
        fresh: keras.Model,
        hyperparameters: Hyperparameters,
        counts: npt.NDArray[np.integer],
        *,
        dropout_seed: int,
    ) -> None:
        """Copy the fresh model's initial state and reset the optimiser.

        Each dropout layer gets a seed of its own, derived from ``dropout_seed``. Class weights follow from
        ``counts``, the numbers of training images of each class.
        """
        for mine, theirs in zip(self.model.variables, fresh.variables, strict=True):
            if mine is not theirs:
                mine.assign(theirs)
        states = [v for v in self.model.variables if v.path.endswith("seed_generator_state")]
        for index, state in enumerate(states):
            state.assign(np.array([derive(dropout_seed, index), 0], dtype=np.uint32))
        self._rates.take(fresh)
        self._optimizer.reset()
        for part in VARIABLES:
            self._recipe[part.name].assign(part.of(hyperparameters))
        self._augmentation.reset(hyperparameters)
        self._loss.reset(hyperparameters, counts)

    def train_epoch(
        self,
        data: Feed,
        order: Indices,
        batch_size: int,
        stop: Indices,
        rows: Rows | None = None,
        *,
        learning_rate: float | None = None,
    ) -> TrainedEpoch:
        """Train on the images once in the given order, then score those at ``stop``.

        Args:
            data: the images.
            order: the places of those to train on.
            batch_size: the most images of a batch.
            stop: the places of the stop set.
            rows: the random numbers of the images in that order; None if they are not augmented.
            learning_rate: of this epoch and the following ones; None for the one before.
        """
        if learning_rate is not None:
            self._recipe[LEARNING_RATE.name].assign(learning_rate)
        bounds = batch_bounds(len(order), batch_size)
        rows = self._augmentation.numbers(rows, len(order))
        match data:
            case OnDevice(images=images, labels=labels):
                indices = [tf.constant(each, tf.int32) for each in (order, bounds, stop)]
                loss, hits, scored = self._epoch(images, labels, *indices, tf.constant(rows))
                probabilities = scored.numpy()
            case FromFile():
                loss, hits = self._epoch_from_file(data, order, bounds, rows)
                probabilities = self.probabilities(data, stop)
        return TrainedEpoch(float(loss) / len(order), int(hits) / len(order), probabilities)

    def probabilities(self, data: Feed, indices: Indices) -> Probabilities:
        """Return the class probabilities ``[n, classes]`` of the images at ``indices``, without dropout."""
        match data:
            case OnDevice(images=images):
                scored: Probabilities = self._score(images, tf.constant(indices, tf.int32)).numpy()
                return scored
            case FromFile():
                bounds = [*range(0, len(indices), SCORING_BATCH), len(indices)]
                parts = [np.empty((0, len(data.dataset.classes)), np.float32)]
                batches = _batches(data, indices, bounds)  # one in memory, and the next on its way
                return np.concatenate([*parts, *(self._score_pixels(each).numpy() for _, each in batches)])

    def weights(self) -> Weights:
        """Return copies of all weights, batch-norm statistics included."""
        return weights_of(self.model)

    def restore(self, weights: Weights) -> None:
        """Set all weights to values that ``Engine.weights`` returned earlier."""
        for variable, value in zip(self.model.weights, weights, strict=True):
            variable.assign(value)

    def _epoch_from_file(
        self, data: FromFile, order: Indices, bounds: list[int], rows: Rows
    ) -> tuple[np.float32, int]:
        total, correct = np.float32(0.0), 0
        for (first, end), (batch, pixels) in zip(
            pairwise(bounds), _batches(data, order, bounds), strict=True
        ):
            labels = tf.constant(data.dataset.labels[batch], tf.int32)
            loss, hits = self._step(tf.constant(pixels), labels, tf.constant(rows[first:end]))
            total, correct = total + loss.numpy(), correct + int(hits)
        return total, correct

    def _train_epoch(
        self,
        images: tf.Tensor,
        labels: tf.Tensor,
        order: tf.Tensor,
        bounds: tf.Tensor,
        stop: tf.Tensor,
        rows: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        total, correct = tf.constant(0.0), tf.constant(0)
        for step in tf.range(tf.size(bounds) - 1):
            first, end = bounds[step], bounds[step + 1]
            batch = order[first:end]
            pixels, true = tf.gather(images, batch), tf.gather(labels, batch)
            loss, hits = self._train_augmented(pixels, true, rows[first:end])
            total, correct = total + loss, correct + hits
        return total, correct, self._score(images, stop)

    def _train_augmented(
        self, pixels: tf.Tensor, true: tf.Tensor, rows: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        return self._train_batch(self._augmentation(pixels, rows), true)

    def _train_batch(self, pixels: tf.Tensor, true: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Take one step; return the sum of the losses and the number of hits."""
        with tf.GradientTape() as tape:
            scores = self.model(tf.cast(pixels, tf.float32), training=True)
            losses = self._loss(true, scores)
            # The penalties of a user's regularisers; built-in architectures have none.
            loss = tf.add_n([tf.reduce_mean(losses), *self.model.losses])
        gradients = tape.gradient(loss, self.model.trainable_variables)
        if self._clipped:
            # Pascanu et al. (ICML 2013), algorithm 1, over all weights together.
            gradients, _ = tf.clip_by_global_norm(gradients, self._recipe[CLIP_NORM.name])
        # Decoupled from the gradient (Loshchilov & Hutter 2019, alg. 2).
        learning_rate = self._recipe[LEARNING_RATE.name]
        kept = 1.0 - learning_rate * self._recipe[WEIGHT_DECAY.name]
        for variable in self._decayed:
            variable.assign(variable * kept)
        self._optimizer.apply(gradients, learning_rate.value())
        for variable in self.model.trainable_variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable))
        hits = tf.argmax(scores, axis=-1, output_type=tf.int32) == true
        return tf.reduce_sum(losses), tf.reduce_sum(tf.cast(hits, tf.int32))

    def _score_all(self, images: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
        shape = [None, self.model.output_shape[-1]]
        scored = tf.TensorArray(tf.float32, size=0, dynamic_size=True, infer_shape=False, element_shape=shape)
        for start in tf.range(0, tf.size(indices), SCORING_BATCH):
            pixels = tf.gather(images, indices[start : start + SCORING_BATCH])
            scored = scored.write(start // SCORING_BATCH, self._forward(pixels))
        return scored.concat()

    def _forward(self, pixels: tf.Tensor) -> tf.Tensor:
        return self.model(tf.cast(pixels, tf.float32), training=False)


class EngineCache:
    """The engines that a worker has traced, the least recently used dropped first.

    A sweep of six architectures returns to each of them after five others: with four engines it traced three
    times as often as with sixteen. An engine takes 10 to 30 MiB beside its weights.

    Args:
        capacity: the most engines that are kept.
        weights: the most bytes of weights and optimiser slots that are kept, unless one engine has more.
    """

    def __init__(self, capacity: int = 16, weights: int = 256 * 2**20) -> None:
        self._capacity, self._weights, self._dropped = capacity, weights, 0
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        # For each trace of a user's architecture: whether Keras' layers or NumPy draw all of its weights.
        # Then TensorFlow need not be seeded, and compiled kernels can be kept.
        self._keras_draws: dict[str, bool] = {}

    def engine_for(
        self,
        architecture: Architecture,
        architecture_digest: str,
        hyperparameters: Hyperparameters,
        dataset: Dataset,
        *,
        initialisation_seed: int,
        dropout_seed: int,
        training: Indices | None = None,
    ) -> Engine:
        """Return an engine at the start of a fit: one from the cache, or a new one.

        Args:
            architecture: what to build.
            architecture_digest: of its source.
            hyperparameters: of the fit.
            dataset: its images.
            initialisation_seed: decides the first weights.
            dropout_seed: decides what dropout drops.
            training: places of the images that will be trained on, whose classes decide class weights; None
                for all.

        Raises:
            FitFailed: if the architecture cannot be built with these hyperparameters.
        """
        traced = trace_key(architecture, architecture_digest, hyperparameters, dataset)

        def built(*, keep_kernels: bool) -> keras.Model:
            seed = initialisation_seed
            return build_model(architecture, hyperparameters, dataset, seed=seed, keep_kernels=keep_kernels)

        ours = architecture is BUILT_IN.get(architecture.name)  # by test, Keras alone draws their weights
        fresh = built(keep_kernels=ours or self._keras_draws.get(traced, False))
        # A dropout layer with rate 0 is not traced, so the number of active ones is part of the key.
        key = f"{traced} {len(dropout_layers(fresh))}"
        if key not in self._engines:
            if not ours and traced not in self._keras_draws:
                self._keras_draws[traced] = same_weights(fresh, built(keep_kernels=True))
            self._make_room_for(fresh)
            self._engines[key] = Engine(fresh, hyperparameters, dataset)
        self._engines.move_to_end(key)
        engine = self._engines[key]
        labels = dataset.labels if training is None else dataset.labels[training]
        counts = np.bincount(labels, minlength=len(dataset.classes))
        engine.reset(fresh, hyperparameters, counts, dropout_seed=dropout_seed)
        return engine

    def _make_room_for(self, model: keras.Model) -> None:
        held = sum(_held_by(engine.model) for engine in self._engines.values()) + _held_by(model)
        before = self._dropped
        while self._engines and (len(self._engines) >= self._capacity or held > self._weights):
            _, dropped = self._engines.popitem(last=False)
            held -= _held_by(dropped.model)
            self._dropped += 1
            del dropped
        if self._dropped > before:
            gc.collect()  # an engine refers to itself: only the cyclic collector frees it
        if self._dropped // FORGET_AFTER > before // FORGET_AFTER:
            # Some compiled kernels outlive their function: 0.3 MiB of each dropped engine.
            keras.utils.clear_session(free_memory=False)


def _held_by(model: keras.Model) -> int:
    """Return the bytes of a model's weights and of two optimiser slots for each (no optimiser has more)."""
    sizes = (int(np.prod(v.shape)) * tf.as_dtype(v.dtype).size for v in model.variables)
    return int(3 * sum(sizes))


def trace_key(
    architecture: Architecture,
    architecture_digest: str,
    hyperparameters: Hyperparameters,
    dataset: Dataset,
) -> str:
    """Name the trace of a fit. Fits share it if they have this name and as many active dropout layers."""
    variable = {*UNTRACED, *architecture.dropout_rates}
    traced = {name: value for name, value in hyperparameters.items() if name not in variable}
    data = [dataset.input_shape, str(dataset.images.dtype), len(dataset.classes), dataset.pixel_max]
    parts = [*Strengths.of(hyperparameters).kinds, *traced_parts(hyperparameters)]
    if CLIP_NORM.of(hyperparameters) > 0:
        parts.append(CLIP_NORM.name)
    return canonical_json([architecture_digest, traced, data, parts])


def _batches(data: FromFile, order: Indices, bounds: list[int]) -> Iterator[tuple[Indices, npt.NDArray[Any]]]:
    """Yield each batch's indices and pixels; the next batch is being read while one is worked on."""
    parts = [order[first:end] for first, end in pairwise(bounds)]
    for batch, following in zip_longest(parts, parts[1:]):
        if following is not None:
            data.images.expect(following)
        yield batch, data.images.at(batch)


def same_weights(one: keras.Model, other: keras.Model) -> bool:
    """Return whether two models have the same weights, bit for bit."""
    return weights_digest(weights_of(one)) == weights_digest(weights_of(other))


def weights_of(model: keras.Model) -> Weights:
    """Return copies of all weights of a model, batch-norm statistics included."""
    return [variable.numpy().copy() for variable in model.weights]


def weights_digest(weights: Weights) -> str:
    """Return the SHA-256 over type, shape and bytes of each weight in order."""
    content = hashlib.sha256()
    for weight in weights:
        content.update(f"{weight.dtype.str}{weight.shape}".encode())
        content.update(np.ascontiguousarray(weight).data)
    return content.hexdigest()

"""Losses, class weights, clipping and the decay of AdamW: against Keras' own, and one digest everywhere."""

from typing import Any

import pytest

from tests.trainer.engine.conftest import Scripts

pytestmark = pytest.mark.training


def values() -> None:
    """Print for each loss whether its values are those of Keras."""
    import keras
    import numpy as np
    import tensorflow as tf

    from trainer.engine.losses import Loss

    draw = np.random.default_rng(1)
    true = draw.integers(0, 3, 40)
    probabilities = tf.nn.softmax(draw.normal(0, 3, (40, 3)).astype(np.float32))
    classes, counts, hot = ("a", "b", "c"), np.bincount(true), keras.utils.to_categorical(true, 3)
    own: dict[str, tuple[dict[str, Any], Any]] = {
        "plain": ({}, keras.losses.CategoricalCrossentropy(reduction=None)),
        "smoothed": (
            {"label_smoothing": 0.2},
            keras.losses.CategoricalCrossentropy(label_smoothing=0.2, reduction=None),
        ),
        "focal": (
            {"loss": "focal", "focal_gamma": 1.5},
            keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=1.5, reduction=None),
        ),
    }
    for name, (chosen, theirs) in own.items():
        for weights in ({}, {"class_weights": "balanced"}):
            loss = Loss({**chosen, **weights}, classes)
            loss.reset({**chosen, **weights}, counts)
            factors = (len(true) / (3 * counts))[true] if weights else 1.0
            expected = theirs(hot, probabilities).numpy() * factors
            found = loss(tf.constant(true, tf.int32), probabilities).numpy()
            print(name, len(weights), np.allclose(found, expected, rtol=1e-5, atol=1e-6))


def test_losses_are_those_of_keras_times_the_class_weights(in_training_process: Scripts) -> None:
    """Each with and without weights."""
    lines = in_training_process(values).splitlines()
    assert len(lines) == 6
    assert all(line.endswith("True") for line in lines)


def steps() -> None:
    """Print whether clipping and AdamW's decay are Keras': after ten batches of one network."""
    import keras
    import numpy as np

    from trainer.architectures.architecture import Architecture
    from trainer.datasets import Dataset
    from trainer.engine.engine import Engine
    from trainer.engine.feed import feed
    from trainer.engine.model import build_model

    pixels = np.random.default_rng(1).integers(0, 255, (320, 4, 4, 1), dtype=np.uint8)
    labels = np.arange(320, dtype=np.int32) % 3
    data = Dataset(name="d", images=pixels, labels=labels, classes=("a", "b", "c"), pixel_max=255.0)

    def build(_values: Any, shape: Any, classes: Any) -> Any:
        layers = keras.layers.Flatten(), keras.layers.Dense(classes, activation="softmax")
        return keras.Sequential([keras.Input(shape), *layers])

    usual: dict[str, Any] = {"learning_rate": 0.05, "weight_decay": 0.1}
    theirs = {
        "adamw": keras.optimizers.AdamW(0.05, weight_decay=0.1),
        "clipped": keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True, global_clipnorm=0.05),
        "unclipped": keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    }
    for name, optimizer in theirs.items():
        chosen = {
            "adamw": {**usual, "optimizer": "adamw"},
            "clipped": {**usual, "optimizer": "sgd", "weight_decay": 0.0, "clip_norm": 0.05},
            "unclipped": {**usual, "optimizer": "sgd", "weight_decay": 0.0},
        }[name]
        fresh = build_model(Architecture(name="x", build=build), chosen, data, seed=1)
        other = build_model(Architecture(name="x", build=build), chosen, data, seed=1)
        engine = Engine(fresh, chosen, data)
        engine.reset(fresh, chosen, np.bincount(labels), dropout_seed=1)
        engine.train_epoch(feed(data), np.arange(320), 32, np.arange(0))
        other.compile(optimizer, "sparse_categorical_crossentropy")
        other.fit(pixels, labels, batch_size=32, epochs=1, shuffle=False, verbose=0)
        pairs = zip(engine.weights(), other.get_weights(), strict=True)
        apart = [float(np.abs(one - two).max()) for one, two in pairs]
        print(name, max(apart) < 1e-5, round(float(np.linalg.norm(engine.weights()[0])), 4))


def test_clipping_and_adamws_decay_are_those_of_keras(in_training_process: Scripts) -> None:
    """Weights and biases; clipping changes where the network goes."""
    lines = [line.split() for line in in_training_process(steps).splitlines()]
    assert [same for _, same, _ in lines] == ["True"] * 3
    assert len({norm for *_, norm in lines}) == 3


def digests() -> None:
    """Print the digests of fits with everything switched on: fresh and cached traces, memory and file."""
    from trainer.architectures import BUILT_IN
    from trainer.datasets import DatasetSource, load
    from trainer.engine.engine import EngineCache
    from trainer.engine.feed import feed
    from trainer.engine.fit import train
    from trainer.fits.seeds import Seeds
    from trainer.fits.specs import FitSpec, Stopping

    data = load(DatasetSource(source="digits", samples=200)).search
    usual: dict[str, Any] = {
        "batch_size": 32, "dense_units": 16, "dropout": 0.2, "filters": 4, "learning_rate": 0.01,
        "optimizer": "nadam", "weight_decay": 1e-4,
    }  # fmt: skip
    everything: dict[str, Any] = {
        **usual, "augment": "strong", "class_weights": "effective", "clip_norm": 0.5, "loss": "focal",
        "schedule": "plateau", "warmup_epochs": 1, "plateau_patience": 1, "effective_beta": 0.9,
    }  # fmt: skip

    def spec(values: dict[str, Any], fold: int) -> FitSpec:
        seeds = Seeds.of_fit(1, trial=0, repeat=0, fold=fold, augmented="augment" in values)
        return FitSpec(
            dataset=data.fingerprint, architecture="lenet", architecture_digest="lenet",
            hyperparameters=tuple(sorted(values.items())), folds=3, repeat=0, fold=fold, seeds=seeds,
            epochs=4, stopping=Stopping(patience=4),
        )  # fmt: skip

    shared, memory, file = EngineCache(), feed(data), feed(data, 1)
    other = {**everything, "clip_norm": 2.0, "effective_beta": 0.99, "focal_gamma": 1.0, "augment_zoom": 0.1}
    for values in (usual, everything, {**usual, "class_weights": "balanced", "label_smoothing": 0.1}):
        wanted = spec(values, 1)
        found = set()
        for data_, engines in ((memory, EngineCache()), (memory, shared), (file, shared), (memory, shared)):
            result = train(wanted, data_, BUILT_IN["lenet"], engines).result
            found.add((result.weights_sha256, result.probabilities_sha256, result.epochs))
            train(spec(other, 0), memory, BUILT_IN["lenet"], shared)
        print(len(found), len(result.epochs), next(iter(found))[0][:16])
    print(len(shared._engines))


def test_one_digest_with_everything_switched_on(in_training_process: Scripts) -> None:
    """Over fresh and cached traces, memory and file; other strengths share a trace."""
    lines = [line.split() for line in in_training_process(digests).splitlines()]
    assert [count for count, *_ in lines[:3]] == ["1", "1", "1"]
    assert len({digest for *_, digest in lines[:3]}) == 3
    assert lines[3] == ["3"]

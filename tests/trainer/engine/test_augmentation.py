"""Augmentation in the compiled epoch: it depends on seed, epoch and image, and nothing else."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.small_fits import run, spec
from tests.trainer.engine.conftest import Scripts
from trainer.architectures import BUILT_IN
from trainer.fits.specs import FitSpec
from trainer.hyperparameters import Value
from trainer.process.jobs import Job
from trainer.process.training_process import TrainingProcess

pytestmark = pytest.mark.training

EVERYTHING: dict[str, Value] = {"augment": "strong", "augment_flip": "both", "augment_crop": 0.3}

KINDS: list[dict[str, Value]] = [
    {"augment_flip": "both"}, {"augment_shift": 0.3}, {"augment_crop": 0.5}, {"augment_rotate": 180.0},
    {"augment_zoom": 0.5}, {"augment_brightness": 0.5}, {"augment_contrast": 0.5}, {"augment_erase": 0.5},
    {"augment": "light"}, {"augment": "strong"}, EVERYTHING, {"augment": "light", **EVERYTHING},
]  # fmt: skip


def augmented(what: FitSpec, **values: Value) -> FitSpec:
    """A fit with further hyperparameters and a seed for augmentation."""
    hyperparameters = tuple(sorted({**dict(what.hyperparameters), **values}.items()))
    return replace(what, hyperparameters=hyperparameters, seeds=replace(what.seeds, augmentation=77))


def batches() -> None:
    """Augment images in batches of several sizes and orders, with TensorFlow and NumPy; print digests."""
    import tensorflow as tf

    from trainer.datasets import Dataset
    from trainer.engine.augmentation import Augmentation
    from trainer.recipe.augmentation import Strengths, random_rows
    from trainer.recipe.transformation import NUMPY, Draw, transformed

    def digest(pixels: Any) -> str:
        return hashlib.sha256(pixels.tobytes()).hexdigest()[:12]

    for shape in ((28, 28, 1), (9, 13, 3), (1, 1, 1)):
        pixels = np.random.default_rng(1).integers(0, 256, (150, *shape)).astype(np.uint8)
        made = {"labels": np.zeros(150, np.int32), "classes": ("a", "b"), "pixel_max": 255.0}
        data = Dataset(name="made", images=pixels, **made)  # type: ignore[arg-type]
        rows = random_rows(5, np.arange(150))
        mixed = np.random.default_rng(2).permutation(150)
        for kind in KINDS:
            ours = Augmentation(kind, data)
            ours.reset(kind)
            signature = [tf.TensorSpec([None, *shape], tf.uint8), ours.signature]
            compiled = tf.function(ours.__call__, input_signature=signature)

            def of(places: Any, compiled: Any = compiled, rows: Any = rows, pixels: Any = pixels) -> Any:
                return compiled(tf.constant(pixels[places]), tf.constant(rows[places])).numpy()

            found = [
                np.concatenate([of(np.arange(i, min(i + size, 150))) for i in range(0, 150, size)])
                for size in (1, 7, 64, 150)
            ]
            found.append(of(mixed)[np.argsort(mixed)])
            strengths = Strengths.of(kind)
            amounts = {name: np.float32(a) for name, a in strengths.amounts(shape, 255.0).items()}
            draw = Draw(NUMPY, rows, amounts, strengths.kinds)
            found.append(transformed(draw, pixels.astype(np.float32), 255.0))
            print(kind, shape, len({digest(each) for each in found}), digest(pixels) == digest(found[0]))


def test_an_image_has_the_same_bits_in_every_batch_and_in_numpy(
    in_training_process: Scripts,
) -> None:
    """In batches of 1, 7, 64 and all, in another order; so a picture of NumPy's is what training sees."""
    lines = in_training_process(batches).splitlines()
    assert len(lines) == 3 * len(KINDS)
    assert [line for line in lines if not line.endswith(" 1 False")] == []


def feeds() -> None:
    """Train epochs with all kinds from memory and from a file; print the digests of the weights."""
    from trainer.datasets import DatasetSource, load
    from trainer.engine.engine import EngineCache, weights_digest
    from trainer.engine.feed import feed
    from trainer.recipe.augmentation import random_rows

    data = load(DatasetSource(source="digits", samples=200)).search
    values: dict[str, Value] = {**dict(spec(Path("x")).hyperparameters), **EVERYTHING}
    order = np.random.default_rng(1).permutation(150)
    for memory in (None, 1):
        engine = EngineCache().engine_for(
            BUILT_IN["baseline"], "d", values, data, initialisation_seed=1, dropout_seed=2
        )
        for epoch in (1, 2):
            engine.train_epoch(feed(data, memory), order, 32, np.arange(20), random_rows(epoch, order))
        print(weights_digest(engine.weights()))


def test_images_from_memory_and_from_a_file_train_the_same_weights(
    in_training_process: Scripts,
) -> None:
    """With everything switched on."""
    lines = in_training_process(feeds).splitlines()
    assert len(lines) == 2
    assert len(set(lines)) == 1


def shown() -> None:
    """Collect what a network sees of each image in two epochs of other orders and batches."""
    import keras
    import tensorflow as tf

    from trainer.datasets import DatasetSource, load
    from trainer.engine.engine import Engine
    from trainer.engine.feed import feed
    from trainer.recipe.augmentation import random_rows

    data = load(DatasetSource(source="digits", samples=100)).search
    for kind in (EVERYTHING, {}):
        found = []
        for batch_size, seed, memory in ((32, 1, None), (7, 2, None), (100, 3, 1)):
            seen: list[Any] = []
            model = keras.Sequential([keras.Input(data.input_shape), keras.layers.Flatten()])
            model.add(keras.layers.Dense(len(data.classes), activation="softmax"))
            values = {**kind, "optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.0}
            engine = Engine(model, values, data)
            original = engine._train_batch

            def watched(pixels: Any, true: Any, seen: Any = seen, original: Any = original) -> Any:
                tf.numpy_function(lambda pixels: seen.append(pixels.copy()), [pixels], [])
                return original(pixels, true)

            engine._train_batch = watched  # type: ignore[method-assign]
            engine.reset(model, values, np.bincount(data.labels), dropout_seed=1)
            order = np.random.default_rng(seed).permutation(len(data.labels))
            rows = random_rows(9, order) if kind else None
            engine.train_epoch(feed(data, memory), order, batch_size, np.arange(10), rows)
            pixels = np.concatenate(seen)[np.argsort(order)]
            found.append(hashlib.sha256(pixels.astype(np.float32).tobytes()).hexdigest())
        untouched = hashlib.sha256(data.images.astype(np.float32).tobytes()).hexdigest()
        print(len(set(found)), found[0] == untouched)


def test_an_epoch_shows_the_same_pixels_whatever_its_order(
    in_training_process: Scripts,
) -> None:
    """Watched inside the compiled epoch; without augmentation it shows the images as they are."""
    assert in_training_process(shown).splitlines() == ["1 False", "1 True"]


def fitted() -> None:
    """Watch a whole fit, and print for each of its epochs whether a sheet shows the very same pixels."""
    import tensorflow as tf

    from tracking.reports.augmentation_sheet import Sheet
    from trainer.datasets import DatasetSource, load
    from trainer.engine.engine import Engine, EngineCache
    from trainer.engine.feed import feed
    from trainer.engine.fit import train
    from trainer.fits.seeds import derive, permutation
    from trainer.fits.split import Split
    from trainer.recipe.augmentation import Strengths

    seen: list[Any] = []
    original = Engine._train_batch

    def watched(self: Engine, pixels: Any, *more: Any) -> Any:
        tf.numpy_function(lambda pixels: seen.append(pixels.copy()), [pixels], [])
        return original(self, pixels, *more)

    Engine._train_batch = watched  # type: ignore[method-assign, assignment]
    data = load(DatasetSource(source="digits", samples=200)).search
    what = augmented(spec(Path("x")), **EVERYTHING)
    trained = train(what, feed(data), BUILT_IN["baseline"], EngineCache())
    training = Split.of_fit(what, data).parts(what).training
    shown = np.concatenate(seen).reshape(len(trained.result.epochs), len(training), *data.input_shape)
    for number, pixels in enumerate(shown, start=1):
        order = training[permutation(derive(what.seeds.order, number), len(training))]
        strengths = Strengths.of(dict(what.hyperparameters))
        seed = what.seeds.augmentation
        sheet = Sheet(name="", what="", strengths=strengths, seed=seed, dataset=data, images=order)
        print(np.array_equal(sheet.pixels(number), pixels))


def test_a_sheet_shows_what_the_network_of_a_fit_saw(
    in_training_process: Scripts,
) -> None:
    """Every training image in every epoch, bit for bit."""
    lines = in_training_process(fitted).splitlines()
    assert len(lines) > 2
    assert set(lines) == {"True"}


def scores() -> None:
    """Score the same weights by engines with and without augmentation, from memory and from a file."""
    from trainer.datasets import DatasetSource, load
    from trainer.engine.engine import EngineCache
    from trainer.engine.feed import feed

    data = load(DatasetSource(source="digits", samples=300)).search
    plain = dict(spec(Path("x")).hyperparameters)
    for values in (plain, {**plain, **EVERYTHING}):
        engine = EngineCache().engine_for(
            BUILT_IN["baseline"], "d", values, data, initialisation_seed=1, dropout_seed=2
        )
        for memory in (None, 1):
            found = engine.probabilities(feed(data, memory), np.arange(len(data.labels)))
            print(hashlib.sha256(found.tobytes()).hexdigest())


def test_what_is_scored_is_never_augmented(
    in_training_process: Scripts,
) -> None:
    """Held-out, stop-set and exam images pass the same function: it gives the same bits with augmentation."""
    lines = in_training_process(scores).splitlines()
    assert len(lines) == 4
    assert len(set(lines)) == 1


def test_cached_traces_have_the_bits_of_fresh_ones(
    training_process: TrainingProcess, stored_digits: Path, tmp_path: Path
) -> None:
    """One trace serves all strengths of its kinds; another process, and a file feed, give the same result."""
    base = spec(stored_digits)
    asked = [
        augmented(base, augment="strong"),
        augmented(base, augment="strong", augment_rotate=40.0, augment_shift=0.3, batch_size=64),
        base,
        augmented(base, augment_flip="horizontal"),
    ]
    results = [run(training_process, stored_digits, what) for what in asked]
    assert [run(training_process, stored_digits, what) for what in asked[::-1]] == results[::-1]
    fresh = TrainingProcess(tmp_path / "log")
    try:
        assert run(fresh, stored_digits, asked[1]) == results[1]
        job = Job(spec=asked[0], dataset=str(stored_digits), memory=1)
        assert fresh.run(job, lambda *_: None).result == results[0]
    finally:
        fresh.close()
    assert len({result.weights_sha256 for result in results}) == 4
    assert len({result.initial_weights_sha256 for result in results}) == 1


def test_the_seed_for_augmentation_has_an_effect_of_its_own(
    training_process: TrainingProcess, stored_digits: Path
) -> None:
    """On augmented fits alone, and not on the initial weights."""
    for values, same in (({"augment": "light"}, False), ({"augment": "light", **OFF}, True)):
        first = augmented(spec(stored_digits), **values)
        other = replace(first, seeds=replace(first.seeds, augmentation=78))
        here, there = (run(training_process, stored_digits, what) for what in (first, other))
        assert (here.epochs[0].weights_sha256 == there.epochs[0].weights_sha256) == same
        assert here.initial_weights_sha256 == there.initial_weights_sha256


OFF: dict[str, Value] = {"augment_shift": 0, "augment_brightness": 0.0, "augment_contrast": 0}


def test_strengths_of_zero_train_the_weights_of_no_augmentation(
    training_process: TrainingProcess, stored_digits: Path
) -> None:
    """Bit for bit, in every epoch."""
    here, there = (
        run(training_process, stored_digits, what)
        for what in (spec(stored_digits), augmented(spec(stored_digits), augment="light", **OFF))
    )
    assert here.epochs == there.epochs
    assert here.probabilities_sha256 == there.probabilities_sha256


def traces() -> None:
    """Print the names of the traces of some hyperparameters."""
    from trainer.datasets import DatasetSource, load
    from trainer.engine.engine import trace_key

    data = load(DatasetSource(source="digits", samples=100)).search
    for values in (
        *({"augment": "light"}, {"augment_shift": 0.3, "augment_brightness": 0.1, "augment_contrast": 1e-3}),
        *({}, {"augment": "none"}, {"augment": "light", **OFF}),
        *({"augment_flip": "horizontal"}, {"augment_flip": "both"}),
    ):
        print(trace_key(BUILT_IN["baseline"], "d", {"optimizer": "sgd", **values}, data))


def test_only_the_kinds_name_a_trace(
    in_training_process: Scripts,
) -> None:
    """Every strength is a variable."""
    names = in_training_process(traces).splitlines()
    assert names[0] == names[1]
    assert names[2] == names[3] == names[4]
    assert len(set(names)) == 4

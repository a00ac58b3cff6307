"""The compiled epoch: what one trace serves, how images reach it, and that its kernels do what Keras' do.

Most are scripts in a training process of their own: TensorFlow's switches are set once a process.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.small_fits import run, spec
from tests.trainer.engine.conftest import Scripts
from trainer.architectures import BUILT_IN
from trainer.fits.specs import Rung, Thresholds
from trainer.hyperparameters import Value
from trainer.process.jobs import Job
from trainer.process.training_process import TrainingProcess

pytestmark = pytest.mark.training


def optimizers() -> None:
    """Train the same weights with ours and with Keras' optimisers; print how far they are apart."""
    import keras
    import numpy as np
    import tensorflow as tf

    from trainer.engine.optimizers import OPTIMIZERS

    theirs = {
        "adam": keras.optimizers.Adam(0.01),
        "sgd": keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
        "rmsprop": keras.optimizers.RMSprop(0.01),
        "adamw": keras.optimizers.AdamW(0.01, weight_decay=0.0),  # its decay: test_losses
        "nadam": keras.optimizers.Nadam(0.01),
    }
    for name, other in theirs.items():
        here, there = (keras.Variable(np.linspace(-1, 1, 50, dtype="float32")) for _ in range(2))
        unused = keras.Variable(np.ones(3, dtype="float32"))
        ours = OPTIMIZERS[name]([here, unused])
        for step in range(20):
            gradients = [tf.sin(variable.value * (step + 1)) for variable in (here, there)]
            ours.apply([gradients[0], None], tf.constant(0.01))
            other.apply([gradients[1]], [there])
        apart = float(np.abs(here.numpy() - there.numpy()).max())
        moved = float(np.abs(here.numpy() - np.linspace(-1, 1, 50)).max())
        before = here.numpy().copy()
        here.assign(np.linspace(-1, 1, 50, dtype="float32"))
        ours.reset()
        for step in range(20):
            ours.apply([tf.sin(here.value * (step + 1)), None], tf.constant(0.01))
        same = bool((before == here.numpy()).all())
        print(name, apart < 1e-5 and moved > 0.05, same, unused.numpy().sum())


def test_the_optimisers_are_those_of_keras_and_can_be_set_back(in_training_process: Scripts) -> None:
    """Twenty steps end where Keras' own end; after a reset they end there again, bit for bit."""
    lines = in_training_process(optimizers).splitlines()
    names = ("adam", "sgd", "rmsprop", "adamw", "nadam")
    assert lines == [f"{name} True True 3.0" for name in names]


def batch_norms() -> None:
    """Train the same layer fused and as Keras has it; print how far apart they are."""
    import keras
    import numpy as np
    import tensorflow as tf

    from trainer.engine.batch_norm import fuse_batch_norm

    def step(shape: Any, rows: Any, *, fused: Any, training: Any) -> Any:
        inputs = keras.Input(shape)
        model = keras.Model(inputs, keras.layers.BatchNormalization(momentum=0.8)(inputs))
        layer = model.layers[-1]
        channels = shape[-1]
        layer.gamma.assign(np.linspace(0.5, 2, channels))
        layer.beta.assign(np.linspace(-1, 1, channels))
        if fused:
            fuse_batch_norm(model)
            assert "call" in vars(layer)
        rng = np.random.default_rng(1)
        x = tf.constant(rng.normal(3, 2, (rows, *shape)).astype("float32"))
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = model(x, training=training)
            loss = tf.reduce_sum(y * rng.normal(0, 1, y.shape))
        gradients = tape.gradient(loss, [x, *(v.value for v in model.trainable_variables)])
        return [each.numpy() for each in (y, *gradients, layer.moving_mean, layer.moving_variance)]

    for shape, rows in (((5, 4, 3), 7), ((5, 4, 3), 1), ((6,), 9), ((6,), 2), ((6,), 1)):
        pairs = [step(shape, rows, fused=fused, training=True) for fused in (True, False)]
        print("apart", max(float(np.abs(one - other).max()) for one, other in zip(*pairs, strict=True)))
        pairs = [step(shape, rows, fused=fused, training=False) for fused in (True, False)]
        same = all(one.tobytes() == other.tobytes() for one, other in zip(*pairs, strict=True))
        print("scoring", same)


def test_fused_batch_norm_is_that_of_keras(in_training_process: Scripts) -> None:
    """Outputs, gradients and averages, also of a single row; scoring has the same bits."""
    lines = in_training_process(batch_norms).splitlines()
    apart = [float(line.split()[1]) for line in lines if line.startswith("apart")]
    assert len(apart) == 5
    assert max(apart) < 1e-4
    assert lines.count("scoring True") == 5


def kept_batch_norms() -> None:
    """Print which layers keep Keras' own call, and whether a frozen one stays as it is in training."""
    import keras
    import numpy as np

    from trainer.engine.batch_norm import fuse_batch_norm

    class Own(keras.layers.BatchNormalization):
        pass

    norm = keras.layers.BatchNormalization
    image, sequence = (4, 4, 3), (4, 3)
    for layer, shape in (
        (norm(axis=1), image),
        (norm(scale=False), image),
        (norm(center=False), image),
        (norm(renorm=True), image),
        (norm(epsilon=1e-7), image),
        (norm(dtype="mixed_bfloat16"), image),
        (norm(), sequence),
        (Own(), image),
    ):
        inputs = keras.Input(shape)
        model = keras.Model(inputs, layer(inputs))
        fuse_batch_norm(model)
        print("kept" if "call" not in vars(layer) else "fused")
    inputs = keras.Input(image)
    frozen = norm()
    model = keras.Model(inputs, frozen(inputs))
    frozen.trainable = False
    fuse_batch_norm(model)
    x = np.ones((2, *image), "float32")
    assert np.array_equal(model(x, training=True), model(x, training=False))
    assert float(frozen.moving_mean[0]) == 0.0


def test_layers_that_ask_for_more_keep_keras_batch_norm(in_training_process: Scripts) -> None:
    """Their results would be others."""
    assert in_training_process(kept_batch_norms).split() == ["kept"] * 8


@pytest.mark.slow
def test_a_dropout_rate_needs_no_trace_of_its_own(
    training_process: TrainingProcess, stored_digits: Path, tmp_path: Path
) -> None:
    """Fits that differ in their rate share a trace; each gets the bits that a fresh process gives it."""
    asked = [spec(stored_digits, dropout=rate) for rate in (0.2, 0.45, 0.0, 0.2)]
    shared = [run(training_process, stored_digits, what) for what in asked]
    assert shared[0] == shared[3]
    assert len({result.weights_sha256 for result in shared}) == 3
    fresh = TrainingProcess(tmp_path / "log")
    try:
        assert [run(fresh, stored_digits, what) for what in asked[1:3]] == shared[1:3]
    finally:
        fresh.close()


def one_trace() -> None:
    """Reset one engine to other rates and count its traces."""
    import numpy as np

    from trainer.architectures import BUILT_IN
    from trainer.datasets import Dataset
    from trainer.engine.engine import EngineCache
    from trainer.engine.feed import feed

    pixels = np.random.default_rng(1).integers(0, 255, (60, 8, 8, 1), dtype=np.uint8)
    labels = np.arange(60, dtype=np.int32) % 3
    dataset = Dataset(name="d", images=pixels, labels=labels, classes=("a", "b", "c"), pixel_max=255.0)
    data, engines, seen = feed(dataset), EngineCache(), set()
    for rate in (0.1, 0.3, 0.5):
        values: dict[str, Value] = {
            "optimizer": "adam",
            "filters": 4,
            "dense_units": 8,
            "batch_size": 16,
            "dropout": rate,
        }
        values |= {"learning_rate": rate / 100, "weight_decay": rate / 10}
        seeds: Any = {"initialisation_seed": 1, "dropout_seed": 1}
        engine = engines.engine_for(BUILT_IN["baseline"], "digest", values, dataset, **seeds)
        seen.add(engine.train_epoch(data, np.arange(50), 16, np.arange(50, 60)).loss)
        rates = [layer.rate for layer in engine.model._flatten_layers() if hasattr(layer, "rate")]
        print(engine._epoch.experimental_get_tracing_count(), rates == [rate, rate])
    print(len(seen), len(engines._engines))


def test_three_rates_are_one_trace(in_training_process: Scripts) -> None:
    """And the model carries the rate of the fit that it serves, so that an export has the right one."""
    assert in_training_process(one_trace).splitlines() == ["1 True", "1 True", "1 True", "3 1"]


def bounded_caches() -> None:
    """Ask for networks of growing size and print which ones each cache holds afterwards."""
    import numpy as np

    from trainer.architectures import BUILT_IN
    from trainer.datasets import Dataset
    from trainer.engine.engine import EngineCache

    pixels, labels = np.zeros((6, 8, 8, 1), dtype=np.uint8), np.arange(6, dtype=np.int32) % 3
    dataset = Dataset(name="d", images=pixels, labels=labels, classes=("a", "b", "c"), pixel_max=255.0)
    values: dict[str, Value] = {"optimizer": "adam", "filters": 4, "batch_size": 16, "dropout": 0.1}
    values |= {"learning_rate": 0.1, "weight_decay": 0.1}
    for bounds in ({"capacity": 2}, {"weights": 50_000}, {"weights": 1}):
        engines = EngineCache(**bounds)
        for units in (16, 32, 48, 32, 16):
            wanted: dict[str, Value] = values | {"dense_units": units}
            engines.engine_for(
                BUILT_IN["baseline"], "digest", wanted, dataset, initialisation_seed=1, dropout_seed=1
            )
        print([engine.model.trainable_variables[-2].shape[0] for engine in engines._engines.values()])


@pytest.mark.slow
def test_a_cache_holds_so_many_engines_and_so_much_weight(in_training_process: Scripts) -> None:
    """The least recently used go first; one that is too large alone is there as long as it is needed."""
    assert in_training_process(bounded_caches).splitlines() == ["[32, 16]", "[32, 16]", "[16]"]


def forgotten_kernels() -> None:
    """Train one shape again and, when an engine was dropped, again; print what came of it."""
    import keras
    import numpy as np

    from trainer.architectures import BUILT_IN
    from trainer.datasets import Dataset
    from trainer.engine import engine
    from trainer.engine.feed import feed

    pixels = np.random.default_rng(1).integers(0, 255, (60, 8, 8, 1), dtype=np.uint8)
    labels = np.arange(60, dtype=np.int32) % 3
    dataset = Dataset(name="d", images=pixels, labels=labels, classes=("a", "b", "c"), pixel_max=255.0)
    values: dict[str, Value] = {"optimizer": "adam", "dense_units": 8, "batch_size": 16, "dropout": 0.3}
    values |= {"learning_rate": 0.01, "weight_decay": 0.1}
    forget, times, digests = keras.utils.clear_session, [], []

    def counted(**how: Any) -> None:
        times.append(how)
        forget(**how)

    keras.utils.clear_session = counted
    engine.FORGET_AFTER = 1
    engines = engine.EngineCache(capacity=2)
    for filters in (4, 8, 4, 12, 4):
        trained = engines.engine_for(
            BUILT_IN["baseline"], "digest", {**values, "filters": filters}, dataset,
            initialisation_seed=1, dropout_seed=1,
        )  # fmt: skip
        trained.train_epoch(feed(dataset), np.arange(50), 16, np.arange(50, 60))
        digests.append(engine.weights_digest(trained.weights()))
    print(len({digests[place] for place in (0, 2, 4)}), len(times))


@pytest.mark.slow
def test_forgotten_kernels_change_no_bits(in_training_process: Scripts) -> None:
    """An engine that is there when others' kernels are forgotten goes on as before."""
    assert in_training_process(forgotten_kernels).split() == ["1", "1"]


def initial_weights() -> None:
    """Print whether engines that are there begin with the weights of fresh models, and may keep kernels."""
    import keras
    import numpy as np
    import tensorflow as tf

    from trainer.architectures import BUILT_IN, Architecture
    from trainer.architectures.middle import middle
    from trainer.datasets import Dataset
    from trainer.engine.engine import EngineCache, weights_digest, weights_of
    from trainer.engine.model import build_model

    pixels = np.zeros((6, 16, 16, 1), np.uint8)
    labels = np.arange(6, dtype=np.int32) % 3
    dataset = Dataset(name="d", images=pixels, labels=labels, classes=("a", "b", "c"), pixel_max=255.0)

    def drawn_by(draw: Any) -> Any:
        def build(values: Any, shape: Any, classes: Any) -> Any:
            layers = keras.layers.Flatten(), keras.layers.Dense(classes, activation="softmax")
            model = keras.Sequential([keras.Input(shape), *layers])
            if draw is not None:
                model.layers[1].kernel.assign(draw((256, classes)))
            return model

        return Architecture(name="mine", build=build)

    def layers_of_keras(values: Any, shape: Any, classes: Any) -> Any:
        pixels = keras.Input(shape)
        x = keras.layers.SeparableConv2D(4, 3, pointwise_initializer="orthogonal")(pixels)
        x = keras.layers.Dropout(0.1)(keras.layers.GroupNormalization(2)(keras.layers.PReLU()(x)))
        return keras.Model(
            pixels, keras.layers.Dense(classes, activation="softmax")(keras.layers.Flatten()(x))
        )

    def drawn_in_build(shape: Any) -> Any:
        draw = keras.initializers.GlorotUniform()
        return draw(shape)

    mine = {
        "keras layers": Architecture(name="mine", build=layers_of_keras),
        "numpy": drawn_by(lambda shape: np.random.normal(size=shape)),
        "python": drawn_by(drawn_in_build),
        "tensorflow": drawn_by(tf.random.normal),
        "keras.random": drawn_by(keras.random.normal),
        "shuffled": drawn_by(lambda shape: tf.random.shuffle(tf.reshape(tf.range(256.0 * 3), shape))),
    }
    for name, architecture in {**BUILT_IN, **mine}.items():
        values = {**middle(architecture.space), "optimizer": "sgd", "batch_size": 2}
        values |= {"learning_rate": 0.1, "weight_decay": 0.0}
        engines, agree = EngineCache(), True
        for seed in (1, 2, 1, 3, 2):
            seeds: Any = {"initialisation_seed": seed, "dropout_seed": 1}
            begun = weights_digest(
                engines.engine_for(architecture, "digest", values, dataset, **seeds).weights()
            )
            fresh = build_model(architecture, values, dataset, seed=seed)
            agree = agree and begun == weights_digest(weights_of(fresh))
            kept = build_model(architecture, values, dataset, seed=seed, keep_kernels=True)
            agree = agree and [v.path for v in kept.variables] == [v.path for v in fresh.variables]
        print(name, agree, *engines._keras_draws.values())


@pytest.mark.slow
def test_an_engine_that_is_there_begins_with_a_fresh_networks_weights(in_training_process: Scripts) -> None:
    """However a network draws them; where only Keras' layers or NumPy do, TensorFlow's kernels stay."""
    assert in_training_process(initial_weights).splitlines() == [
        *(f"{name} True" for name in BUILT_IN),  # no need to ask
        *(f"{name} True True" for name in ("keras layers", "numpy", "python")),
        *(f"{name} True False" for name in ("tensorflow", "keras.random", "shuffled")),
    ]


def leaks() -> None:
    """Print baseline's results alone, and after a network whose build changes what Keras builds by."""
    import keras
    import numpy as np

    from trainer.architectures import BUILT_IN, Architecture
    from trainer.architectures.middle import middle
    from trainer.datasets import Dataset
    from trainer.engine.engine import EngineCache, weights_digest
    from trainer.engine.feed import feed

    pixels = np.random.default_rng(1).integers(0, 255, (60, 8, 8, 1), dtype=np.uint8)
    labels = np.arange(60, dtype=np.int32) % 3
    dataset = Dataset(name="d", images=pixels, labels=labels, classes=("a", "b", "c"), pixel_max=255.0)
    baseline = BUILT_IN["baseline"]
    values = {**middle(baseline.space), "optimizer": "adam", "batch_size": 16}
    values |= {"learning_rate": 0.01, "weight_decay": 0.1}

    def leaking(values: Any, shape: Any, classes: Any) -> Any:
        keras.config.set_dtype_policy("mixed_bfloat16")
        keras.config.set_epsilon(1e-3)
        inputs = keras.Input(shape)
        x = keras.layers.Flatten()(inputs)
        return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax", dtype="float32")(x))

    for before in ((), (Architecture(name="mine", build=leaking),)):
        engines = EngineCache()
        for architecture in (*before, baseline):
            engine = engines.engine_for(
                architecture, architecture.name, values, dataset, initialisation_seed=1, dropout_seed=1
            )
            engine.train_epoch(feed(dataset), np.arange(50), 16, np.arange(50, 60))
        print(weights_digest(engine.weights()))


def test_what_a_users_network_sets_does_not_reach_the_next(in_training_process: Scripts) -> None:
    """Or bits would depend on what a worker had trained before."""
    alone, after = in_training_process(leaks).splitlines()
    assert alone == after


@pytest.mark.slow
def test_a_dataset_that_does_not_fit_is_read_batch_by_batch_with_the_same_bits(
    training_process: TrainingProcess, stored_digits: Path
) -> None:
    """Every epoch, digest, prediction and score agrees."""
    whole = run(training_process, stored_digits, spec(stored_digits))
    job = Job(spec=spec(stored_digits), dataset=str(stored_digits), memory=1000)
    assert training_process.run(job, lambda _number, _epoch, _seconds: None).result == whole


def test_a_missed_rung_prunes_and_a_reached_one_does_not(
    training_process: TrainingProcess, stored_digits: Path
) -> None:
    """Below the threshold after its epoch a fit ends; what it did until then is what it would have done."""
    whole = run(training_process, stored_digits, spec(stored_digits))
    scores = [epoch.stop_f1 or 0.0 for epoch in whole.epochs]
    best = max(scores[:2])
    for asked, state in ((best, "complete"), (best + 1e-9, "pruned")):
        thresholds = Thresholds(rungs=(Rung(epoch=2, f1=asked),))
        result = run(training_process, stored_digits, replace(spec(stored_digits), thresholds=thresholds))
        assert result.state == state
        assert result.epochs == (whole.epochs if state == "complete" else whole.epochs[:2])
        assert (result.f1 == whole.f1) if state == "complete" else (result.f1 is None)
        if state == "pruned":
            assert f"stop-set F1 by epoch 2 of the first fold was {best:.4f}" in (result.reason or "")
            assert result.predictions == b""


def penalties() -> None:
    """Train one step with and without a regulariser and a constraint of the user's."""
    import keras
    import numpy as np

    from trainer.architectures import Architecture
    from trainer.datasets import Dataset
    from trainer.engine.engine import Engine
    from trainer.engine.feed import feed
    from trainer.engine.model import build_model

    pixels = np.random.default_rng(1).integers(0, 255, (32, 8, 8, 1), dtype=np.uint8)
    labels = np.arange(32, dtype=np.int32) % 2
    dataset = Dataset(name="d", images=pixels, labels=labels, classes=("a", "b"), pixel_max=255.0)
    values: dict[str, Value] = {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.0}
    for extra in ({}, {"kernel_regularizer": "l2"}, {"kernel_constraint": keras.constraints.MaxNorm(0.5)}):

        def build(values: Any, shape: Any, classes: Any, extra: Any = extra) -> Any:
            layers = keras.layers.Flatten(), keras.layers.Dense(classes, activation="softmax", **extra)
            return keras.Sequential([keras.Input(shape), *layers])

        fresh = build_model(Architecture(name="x", build=build), values, dataset, seed=1)
        engine = Engine(fresh, values, dataset)
        engine.reset(fresh, values, np.bincount(labels), dropout_seed=1)
        engine.train_epoch(feed(dataset), np.arange(32), 32, np.arange(0))
        kernel = engine.weights()[0]
        print(round(float(np.linalg.norm(kernel)), 4), bool((np.linalg.norm(kernel, axis=0) <= 0.5001).all()))


def test_a_users_regularisers_and_constraints_count(in_training_process: Scripts) -> None:
    """They change the weights; an engine that left them out would give one line three times."""
    lines = in_training_process(penalties).splitlines()
    assert len(set(lines)) == 3
    assert [line.endswith("True") for line in lines] == [False, False, True]


def many_fits() -> None:
    """Train 200 fits, hardly two of one shape, and print the resident MiB after every twentieth."""
    from pathlib import Path

    import numpy as np

    from trainer.architectures import BUILT_IN
    from trainer.datasets import Dataset
    from trainer.engine.engine import EngineCache
    from trainer.engine.feed import feed
    from trainer.engine.fit import train
    from trainer.fits.seeds import Seeds
    from trainer.fits.specs import FitSpec, Stopping

    pixels = np.random.default_rng(1).integers(0, 255, (120, 8, 8, 1), dtype=np.uint8)
    labels = np.arange(120, dtype=np.int32) % 3
    data = feed(Dataset(name="d", images=pixels, labels=labels, classes=("a", "b", "c"), pixel_max=255.0))
    engines = EngineCache()
    for number in range(200):
        values: dict[str, Value] = {
            "batch_size": 32,
            "dense_units": 8 + number % 89,
            "dropout": 0.1,
            "filters": 4 + number % 97,
        }
        values |= {"learning_rate": 1e-3, "optimizer": ("adam", "sgd", "rmsprop")[number % 3]}
        spec = FitSpec(
            dataset="d", architecture="baseline", architecture_digest="x", folds=3, repeat=0, fold=number % 3,
            hyperparameters=tuple(sorted({**values, "weight_decay": 1e-4}.items())), epochs=1,
            seeds=Seeds.of_fit(1, trial=number, repeat=0, fold=0), stopping=Stopping(),
        )  # fmt: skip
        assert train(spec, data, BUILT_IN["baseline"], engines).result.state == "complete"
        if number % 20 == 19:
            print(int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 2**20)


@pytest.mark.campaign
def test_memory_stays_flat_over_200_fits_of_changing_shapes(in_training_process: Scripts) -> None:
    """From the fortieth fit on, when the cache of traces is long full, it grows by less than a tenth."""
    held = [int(line) for line in in_training_process(many_fits).splitlines()]
    print("resident MiB after every 20 fits:", held)
    assert max(held[1:]) < 1.1 * held[1]

"""What every built-in architecture has to do, for any image and any point of its space."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.architectures import BUILT_IN, middle
from trainer.hyperparameters import Choice, Float

pytestmark = pytest.mark.training

SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (33, 47, 3)]
#: Layers whose gradients are deterministic on CPU and GPU, and that Keras alone can load.
LAYERS = {
    "Activation",
    "Add",
    "AveragePooling2D",
    "BatchNormalization",
    "Concatenate",
    "Conv2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling2D",
    "InputLayer",
    "MaxPooling2D",
    "ReLU",
}


@pytest.fixture(scope="module")
def keras() -> Any:
    """Return Keras, imported in a process that may warn about other things than these tests look at."""
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return pytest.importorskip("keras")


@pytest.fixture(autouse=True)
def seeded(keras: Any) -> None:
    """Start each test from the same seed."""
    keras.utils.set_random_seed(0)


def extreme(space: Any, end: Any) -> Any:
    """Return the smallest (``end`` 0) or largest (-1) network of a space."""
    return {
        name: values.values[end] if isinstance(values, Choice) else (values.low, values.high)[end]
        for name, values in space.items()
        if isinstance(values, Choice | Float)
    }


def images(shape: Any, number: Any = 4) -> Any:
    """Return random pixels in [0, 1]."""
    return np.random.default_rng(0).random((number, *shape), dtype=np.float32)


def build(name: str, shape: Any = (8, 8, 1), classes: Any = 3, **given: Any) -> Any:
    """Build the network in the middle of its space, but for what is ``given``."""
    architecture = BUILT_IN[name]
    return architecture.build({**middle(architecture.space), **given}, shape, classes)


@pytest.mark.parametrize(("classes", "end"), [(2, 0), (10, -1)])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", BUILT_IN)
def test_any_image_becomes_probabilities(keras: Any, name: str, shape: Any, classes: Any, end: Any) -> None:
    """At both ends of its space, the network maps images of any size to one probability per class."""
    model = BUILT_IN[name].build(extreme(BUILT_IN[name].space, end), shape, classes)
    assert isinstance(model, keras.Model)
    assert model.input_shape == (None, *shape)
    assert model.output_shape == (None, classes)
    assert model.name == name
    probabilities = np.asarray(model(images(shape), training=False))
    assert probabilities.dtype == np.float32
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_photo_is_affordable(keras: Any, name: str) -> None:
    """At 224x224x3 the largest network has at most 4 million weights: dense layers do not grow with it."""
    model = BUILT_IN[name].build(extreme(BUILT_IN[name].space, -1), (224, 224, 3), 10)
    assert model.count_params() < 4_500_000


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", BUILT_IN)
def test_no_image_is_pooled_below_two_pixels(keras: Any, name: str, shape: Any) -> None:
    """Whatever the size of the image, two pixels each way are left where the convolutions end."""
    model = BUILT_IN[name].build(extreme(BUILT_IN[name].space, -1), shape, 2)
    sides = [min(layer.output.shape[1:3]) for layer in model.layers if len(layer.output.shape) == 4]
    assert min(sides) >= 2


@pytest.mark.parametrize("name", BUILT_IN)
def test_only_layers_that_repeat_and_export(keras: Any, name: str) -> None:
    """Only Keras' own layers with deterministic gradients; batch normalisation has momentum 0.9."""
    model = BUILT_IN[name].build(extreme(BUILT_IN[name].space, -1), (28, 28, 1), 10)
    assert {type(layer).__name__ for layer in model.layers} <= LAYERS
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert norms
    assert {layer.momentum for layer in norms} == {0.9}
    assert len(model.layers) < 60, "each layer costs milliseconds in every fit"


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_loss_finds_the_logits(keras: Any, name: str) -> None:
    """Softmax is the last layer's activation: Keras then computes cross-entropy from the logits behind it."""
    output = build(name)(images((8, 8, 1)))
    assert hasattr(output, "_keras_logits")


@pytest.mark.parametrize("shape", [(8, 8, 1), (33, 47, 3)])
@pytest.mark.parametrize("name", BUILT_IN)
def test_every_weight_has_a_gradient(keras: Any, name: str, shape: Any) -> None:
    """No weight is out of the loss' reach, and no gradient is NaN."""
    import tensorflow as tf

    model = build(name, shape)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(
            keras.losses.sparse_categorical_crossentropy(
                tf.constant([0, 1, 2, 1]), model(images(shape), training=True)
            )
        )
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True
    ):
        assert gradient is not None, variable.path
        assert np.isfinite(gradient.numpy()).all(), variable.path
        assert np.abs(gradient.numpy()).max() > 0, variable.path


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_seed_decides_the_weights(keras: Any, name: str) -> None:
    """The same seed gives the same bytes, another one does not: no initialiser has a seed of its own."""

    def weights(seed: int) -> Any:
        keras.utils.set_random_seed(seed)
        return b"".join(np.asarray(weight).tobytes() for weight in build(name).weights)

    assert weights(1) == weights(1)
    assert weights(1) != weights(2)


@pytest.mark.parametrize("name", BUILT_IN)
def test_dropout_is_what_the_hyperparameters_say(keras: Any, name: str) -> None:
    """The dropout rate reaches the layers, and 0 is possible."""
    rates = {
        layer.rate for layer in build(name, dropout=0.3).layers if isinstance(layer, keras.layers.Dropout)
    }
    assert max(rates) == 0.3
    model = build(name, dropout=0.0)
    assert model.output_shape == (None, 3)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras, saving
def test_files_load_with_keras_alone(keras: Any, tmp_path: Path) -> None:
    """A .keras file of each architecture gives the same probabilities in a process without refold."""
    expected = {}
    for name in BUILT_IN:
        model = build(name, (28, 28, 1))
        model.save(tmp_path / f"{name}.keras")
        expected[name] = np.asarray(model(images((28, 28, 1)), training=False)).tolist()
    np.save(tmp_path / "images.npy", images((28, 28, 1)))
    code = (
        "import sys, json, keras, numpy as np; images = np.load('images.npy'); "
        f"names = {list(BUILT_IN)!r}; "
        "models = {n: keras.models.load_model(n + '.keras') for n in names}; "
        "assert not any(m.partition('.')[0] == 'trainer' for m in sys.modules); "
        "print(json.dumps({n: np.asarray(m(images, training=False)).tolist() for n, m in models.items()}))"
    )
    command = [sys.executable, "-P", "-c", code]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    found = json.loads(ended.stdout.splitlines()[-1])
    for name, probabilities in expected.items():
        np.testing.assert_allclose(found[name], probabilities, atol=1e-5)


@pytest.mark.parametrize(
    "name", ["baseline", *(pytest.param(n, marks=pytest.mark.slow) for n in BUILT_IN if n != "baseline")]
)
def test_it_learns(keras: Any, name: str) -> None:
    """Eighty steps at a learning rate of 3e-3 take it from chance to most of 128 digits."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = (digits.images[:128, ..., None] / 16).astype("float32")
    model = build(name, classes=10, dropout=0.1)
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(pixels, digits.target[:128], batch_size=32, epochs=20, verbose=0)
    found = np.asarray(model(pixels, training=False)).argmax(axis=1)
    assert (found == digits.target[:128]).mean() > 0.6

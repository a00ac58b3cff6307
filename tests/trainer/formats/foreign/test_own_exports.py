"""What refold exports passes the checks for models from anywhere, in every format, with the same output."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.warm_process import WarmProcess
from trainer.architectures import BUILT_IN
from trainer.datasets import Dataset, store
from trainer.formats.catalogue import FORMATS
from trainer.formats.request import ConvertAnswer, ConvertRequest
from trainer.hyperparameters import Choice, Fixed, Value
from trainer.user_code import UserSource

pytestmark = [pytest.mark.slow, pytest.mark.training]

FILES = [name for name, form in FORMATS.items() if form.file is not None]

#: Layers that usual networks of users have; their operations are more than those of the six.
USUAL = """
import keras
from keras import ops


def build(hyperparameters, input_shape, classes):
    image = keras.Input(input_shape)
    x = keras.layers.Resizing(12, 12)(image)
    x = keras.layers.Rescaling(1 / 16)(x)
    x = keras.layers.ZeroPadding2D()(x)
    x = keras.layers.SeparableConv2D(8, 3, activation="silu")(x)
    x = keras.layers.GroupNormalization(4)(x)
    x = keras.layers.Conv2DTranspose(8, 3, activation="gelu")(x)
    x = keras.layers.SpatialDropout2D(0.1)(x)
    x = keras.layers.LayerNormalization()(x)
    x = keras.layers.UpSampling2D()(x)
    x = keras.layers.PReLU()(x) + 0.5
    x = ops.multiply(ops.tanh(x), 2.0)
    x = keras.layers.MaxPooling2D(4)(x)
    x = keras.layers.Reshape((-1, 8))(x)
    x = keras.layers.MultiHeadAttention(2, 4)(x, x)
    x = keras.layers.LSTM(6)(x)
    x = keras.layers.Dense(9, activation="leaky_relu", kernel_regularizer="l2")(x)
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax")(x))
"""


#: Layers that draw at random while a network is trained. The first six do so unless they are told not to.
AUGMENTED = """
import keras


def build(hyperparameters, input_shape, classes):
    image = keras.Input(input_shape)
    x = keras.layers.RandomFlip()(image)
    x = keras.layers.RandomRotation(0.1)(x)
    x = keras.layers.RandomTranslation(0.1, 0.1)(x)
    x = keras.layers.RandomZoom(0.1)(x)
    x = keras.layers.RandomContrast(0.1, value_range=(0, 1))(x)
    x = keras.layers.RandomBrightness(0.1, value_range=(0, 1))(x)
    x = keras.layers.GaussianNoise(0.1)(x)
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.3, seed=3)(keras.layers.Flatten()(x))
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax")(x))
"""
OWN = {"own": USUAL, "augmented": AUGMENTED}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored dataset; only its shape matters."""
    images = np.random.default_rng(0).integers(0, 17, (16, 8, 8, 1)).astype(np.uint8)
    labels = np.arange(16, dtype=np.int32) % 2
    made = Dataset(name="made-up", images=images, labels=labels, classes=("a", "b"), pixel_max=16.0)
    return store(made, tmp_path_factory.mktemp("datasets"))


def hyperparameters(name: str) -> dict[str, Value]:
    """Return the first value of each of an architecture's hyperparameters."""
    found: dict[str, Value] = {}
    for key, searched in BUILT_IN[name].space.items():
        if isinstance(searched, Choice):
            found[key] = searched.values[0]
        else:
            found[key] = searched.value if isinstance(searched, Fixed) else searched.low
    return found


#: Layer by layer they have nothing that the others lack.
PLAIN = ("baseline", "densenet", "vgg")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.campaign) if name in PLAIN else name for name in [*BUILT_IN, *OWN]],
)
def test_an_export_needs_no_trust(
    warm_process: WarmProcess, dataset: Path, tmp_path: Path, name: str
) -> None:
    """Single networks, ensembles, and a user's networks: of usual layers, and of random ones."""
    source = UserSource(spec="own.py:build", files=(("own.py", OWN[name]),)) if name in OWN else None
    formats = tuple(each for each in FILES if name != "own" or each in ("keras", "savedmodel"))
    request = ConvertRequest(
        architecture=name, source=source, digest=source.digest if source else "",
        hyperparameters={"learning_rate": 0.1} if source else hyperparameters(name), dataset=str(dataset),
        members=(), count=2 if name in ("lenet", "augmented") else 1, formats=formats,
        folder=str(tmp_path / "out"),
    )  # fmt: skip
    (tmp_path / "out").mkdir()
    (tmp_path / "request.json").write_text(json.dumps(request.to_json()))
    done = warm_process.run("trainer.formats.convert", "main", str(tmp_path / "request.json"))
    assert done.returncode == 0, done.stderr
    assert ConvertAnswer.from_json(json.loads(done.stdout)) == ConvertAnswer()
    outputs = [classified(warm_process, form, tmp_path / "out") for form in formats]
    for output in outputs:
        assert output.shape == (5, 2)
        np.testing.assert_allclose(output, outputs[0], atol=1e-5)


def classified(process: WarmProcess, form: str, folder: Path) -> np.ndarray:
    """Return what a checked file makes of a few images."""
    images, out = folder / "images.npy", folder / f"{form}.npy"
    np.save(images, np.random.default_rng(1).integers(0, 17, (5, 8, 8, 1)).astype(np.float32))
    arguments = (form, str(folder / str(FORMATS[form].file)), str(images), str(out), "checked")
    done = process.run("trainer.formats.foreign.classify", "main", *arguments)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {}
    found: np.ndarray = np.load(out)
    return found

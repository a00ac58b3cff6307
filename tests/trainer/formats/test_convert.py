"""Models in other programs' formats: what they can hold, and who is to blame where they cannot."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.warm_process import WarmProcess
from trainer.datasets import Dataset, store
from trainer.formats.request import ConvertAnswer, ConvertRequest, KeptWeights
from trainer.user_code import UserSource

CUSTOM = '''
import keras
from keras import ops


class Twice(keras.layers.Layer):
    """A layer whose code would have to travel."""

    def call(self, x):
        return 2 * x


class Spectrum(keras.layers.Layer):
    """A layer that neither a phone nor ONNX has an operation for."""

    def call(self, x):
        import tensorflow as tf

        return tf.linalg.svd(x[..., 0], compute_uv=False)


def soft_sign(x):
    return x / (1 + ops.abs(x))


def build(middle, input_shape, classes):
    image = keras.Input(input_shape)
    x = keras.layers.Flatten()(middle(image))
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax")(x))


def with_layer(hyperparameters, input_shape, classes):
    return build(Twice(name="doubled"), input_shape, classes)


def with_lambda(hyperparameters, input_shape, classes):
    return build(keras.layers.Lambda(lambda x: 2 * x, name="hidden"), input_shape, classes)


def with_function(hyperparameters, input_shape, classes):
    return build(keras.layers.Conv2D(2, 3, activation=soft_sign, name="odd"), input_shape, classes)


def with_unusual(hyperparameters, input_shape, classes):
    return build(Spectrum(name="spectrum"), input_shape, classes)


def plain(hyperparameters, input_shape, classes):
    return build(keras.layers.Conv2D(2, 3, activation="silu", kernel_regularizer="l2"), input_shape, classes)
'''


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored dataset; only its shape matters."""
    images = np.zeros((4, 8, 8, 1), np.uint8)
    labels = np.array([0, 1, 0, 1], np.int32)
    made = Dataset(name="made-up", images=images, labels=labels, classes=("a", "b"), pixel_max=255.0)
    return store(made, tmp_path_factory.mktemp("datasets"))


Convert = Callable[..., ConvertAnswer]


@pytest.fixture
def convert(warm_process: WarmProcess, dataset: Path, tmp_path: Path) -> Convert:
    """Returns what the converter answers, for one network and some formats."""

    def answer(
        build: str, *formats: str, dispensable: tuple[str, ...] = (), members: tuple[KeptWeights, ...] = ()
    ) -> ConvertAnswer:
        source = UserSource(spec=f"own.py:{build}", files=(("own.py", CUSTOM),))
        (tmp_path / "out").mkdir()
        request = ConvertRequest(
            architecture="own", source=source, digest=source.digest,
            hyperparameters={"learning_rate": 0.1}, dataset=str(dataset), members=members, count=1,
            formats=formats, dispensable=dispensable, folder=str(tmp_path / "out"),
        )  # fmt: skip
        (tmp_path / "request.json").write_text(json.dumps(request.to_json()))
        done = warm_process.run("trainer.formats.convert", "main", str(tmp_path / "request.json"))
        assert done.returncode == 0, done.stderr
        return ConvertAnswer.from_json(json.loads(done.stdout))

    return answer


@pytest.mark.training
@pytest.mark.parametrize(
    ("name", "build", "named"),
    [
        ("keras", "with_layer", r"the layer 'doubled' \(Twice\)"),
        ("mlflow", "with_layer", r"the layer 'doubled' \(Twice\)"),
        ("keras", "with_lambda", r"the layer 'hidden' \(Lambda\)"),
        ("keras", "with_function", "the function 'soft_sign' of the layer 'odd'"),
    ],
)
def test_files_that_would_need_code_are_refused(
    convert: Convert, tmp_path: Path, name: str, build: str, named: str
) -> None:
    """By the layer's name; nothing is written."""
    import re

    answer = convert(build, name)
    assert re.search(f"cannot hold {named}: its code would have to travel", answer.what)
    assert answer.obstacle == "refused"
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.training
def test_graphs_hold_a_users_layers(convert: Convert, tmp_path: Path) -> None:
    """They have operations, not classes."""
    assert convert("with_layer", "savedmodel", "onnx", "litert") == ConvertAnswer()
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"saved_model", "model.onnx", "model.tflite"}


@pytest.mark.training
def test_what_may_be_left_out_does_not_stop_the_others(convert: Convert, tmp_path: Path) -> None:
    """Each has its reason, and nothing is left of it; one that was asked for by its name is refused."""
    answer = convert(
        "with_unusual", "keras", "savedmodel", "onnx", dispensable=("keras", "savedmodel", "onnx")
    )
    assert answer.obstacle is None
    assert list(answer.left_out) == ["keras", "onnx"]
    assert all("cannot hold the layer 'spectrum'" in why for why in answer.left_out.values())
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["saved_model"]
    (tmp_path / "out" / "saved_model").rename(tmp_path / "elsewhere")
    (tmp_path / "out").rmdir()
    assert convert("with_unusual", "onnx", dispensable=("keras",)).obstacle == "refused"
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.slow
@pytest.mark.training
@pytest.mark.parametrize("name", ["onnx", "litert"])
def test_a_format_can_be_asked_for_alone(convert: Convert, tmp_path: Path, name: str) -> None:
    """Keras' exporters count on what an earlier one did to the model."""
    assert convert("with_layer", name) == ConvertAnswer()


@pytest.mark.training
@pytest.mark.parametrize("name", ["onnx", "litert"])
def test_an_operation_that_a_format_lacks_is_blamed_on_its_layer(
    convert: Convert, tmp_path: Path, name: str
) -> None:
    """The converter's own words come after it."""
    answer = convert("with_unusual", name)
    assert "cannot hold the layer 'spectrum' (Spectrum): " in answer.what
    assert answer.obstacle == "refused"


@pytest.mark.training
def test_keras_own_parts_are_no_strangers(convert: Convert, tmp_path: Path) -> None:
    """Activations, regularisers, initialisers of Keras need no code of anybody's."""
    assert convert("plain", "keras") == ConvertAnswer()


@pytest.mark.training
def test_other_weights_than_asked_for_are_a_mismatch(convert: Convert, tmp_path: Path) -> None:
    """The digest of what the model holds is compared, not that of a file."""
    shapes: list[tuple[int, ...]] = [(3, 3, 1, 2), (2,), (72, 2), (2,)]
    arrays = {str(number): np.zeros(shape, np.float32) for number, shape in enumerate(shapes)}
    np.savez(tmp_path / "w.npz", allow_pickle=False, **arrays)
    members = (KeptWeights(weights=str(tmp_path / "w.npz"), sha256="0" * 64),)
    answer = convert("plain", "keras", members=members)
    assert "not 0000000000000000" in answer.what
    assert answer.obstacle == "mismatch"
    assert list((tmp_path / "out").iterdir()) == []

"""What a user's model says of its own training is refused by name, before anything is trained."""

import os
from pathlib import Path

import pytest

from trainer.architectures.inspect_messages import InspectRequest
from trainer.errors import UsageError

pytestmark = pytest.mark.training

COMPILED = """
import keras

def net(hyperparameters, input_shape, classes):
    model = keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(),
                              keras.layers.Dense(classes, activation="softmax")])
    model.compile({arguments})
    return model
"""
SUBCLASS = """
import keras

class Base(keras.Model):
    {method}

class Distiller(Base):
    pass

def net(hyperparameters, input_shape, classes):
    image = keras.Input(input_shape)
    x = keras.layers.Dense(classes, activation="softmax")(keras.layers.Flatten()(image))
    return Distiller(image, x)
"""
METHODS = {
    "train_step": "def train_step(self, data): raise RuntimeError",
    "test_step": "def test_step(self, data): raise RuntimeError",
    "predict_step": "def predict_step(self, data): raise RuntimeError",
    "compute_loss": "def compute_loss(self, x=None, y=None, y_pred=None, **rest): return 0.0",
    "compute_metrics": "def compute_metrics(self, *arguments, **rest): return {}",
    "fit": "def fit(self, *arguments, **rest): raise RuntimeError",
}


def refused(folder: Path, text: str) -> str:
    """Return with which line a network is refused."""
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from trainer.architectures.inspect_process import examine

    (folder / "mine.py").write_text(text)
    request = InspectRequest(
        base=str(folder), spec="mine.py:net", cell=None, name="tiny", input_shape=(8, 8, 1), classes=3
    )
    with pytest.raises(UsageError) as caught:
        examine(request)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_it_is_compiled_with_is_named_with_the_places_that_say_the_same(tmp_path: Path) -> None:
    """Optimiser, loss and metrics: each has its key in the sweep file."""
    arguments = "keras.optimizers.Adam(0.1), 'categorical_hinge', metrics=['accuracy', my_metric]"
    text = COMPILED.format(arguments=arguments) + "def my_metric(true, predicted): return 0.0\n"
    assert refused(tmp_path, text) == (
        "mine.py:net builds a model that is compiled with optimizer Adam, loss 'categorical_hinge', metrics "
        "['accuracy', my_metric], which refold would ignore: leave compile() out, and say it in the sweep "
        "file: architectures.tiny.optimizer, architectures.tiny.learning_rate, architectures.tiny.loss, "
        "cv.stop (the metric itself is macro-F1)"
    )


def test_a_loss_of_the_users_own_is_named(tmp_path: Path) -> None:
    """By its function's name; weights of losses are a part of it."""
    text = COMPILED.format(arguments="'sgd', focal, loss_weights=[2.0]")
    said = refused(tmp_path, text + "def focal(true, predicted): return 0.0\n")
    assert "compiled with optimizer SGD, loss focal, loss_weights [2.0], which refold" in said
    assert said.endswith("architectures.tiny.learning_rate, architectures.tiny.loss")


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_refold_would_never_call_is_named(tmp_path: Path, method: str) -> None:
    """With the class that has it, also if that is a base of the model's."""
    said = refused(tmp_path, SUBCLASS.format(method=METHODS[method]))
    assert said.startswith(
        f"mine.py:net builds a model with a {method} of its own (class Base), which refold"
    )


def test_a_method_that_is_set_on_the_model_is_named_too(tmp_path: Path) -> None:
    """It stands in the model and in no class."""
    text = COMPILED.replace("model.compile({arguments})", "model.train_step = print")
    assert "with a train_step of its own (class Sequential)" in refused(tmp_path, text)

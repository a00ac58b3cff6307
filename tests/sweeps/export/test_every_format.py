"""All six architectures in all formats: minutes, so CI runs four of them after the other tests."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.architectures import BUILT_IN
from trainer.formats.catalogue import FORMATS

SWEEP = """
name = "six"
dataset = "digits"
trials = 1
[cv]
folds = 2
epochs = 2
"""
HOWS = ("refit", "ensemble", "best-fold")

pytestmark = [pytest.mark.slow, pytest.mark.training, pytest.mark.server]


def refold(home: Path, *arguments: str) -> str:
    """Run the command line and return what it prints."""
    command = [sys.executable, "-m", "refold", *arguments, "--home", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a tiny sweep of all six."""
    folder = tmp_path_factory.mktemp("six")
    (folder / "six.toml").write_text(SWEEP)
    refold(folder / "home", "run", str(folder / "six.toml"), "--quiet", "--workers", "2")
    return folder / "home"


#: Layer by layer they have nothing that the others lack.
PLAIN = ("baseline", "vgg")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.campaign) if name in PLAIN else name for name in BUILT_IN]
)
def test_every_architecture_goes_home_in_every_format(home: Path, name: str) -> None:
    """Each way of making a model is tried with two of them; the command itself proves each file."""
    how = HOWS[sorted(BUILT_IN).index(name) % len(HOWS)]
    asked = ("--architecture", name, "--how", how, "--format", "all", "--out", str(home.parent), "--json")
    about = json.loads(refold(home, "export", "six", *asked))
    assert list(about["formats"]) == list(FORMATS)
    assert all(form["largest_difference"] <= 1e-5 for form in about["formats"].values())
    assert all(form["bytes"] > 0 and form["ms_per_image"] > 0 for form in about["formats"].values())
    assert (about["architecture"], about["how"]) == (name, how)


OWN = """
import keras


class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x


def build(hyperparameters, input_shape, classes):
    image = keras.Input(input_shape)
    x = keras.layers.Flatten()(Twice(name="doubled")(image))
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax")(x))
"""
OWN_SWEEP = """
name = "own"
dataset = "digits"
trials = 1
[cv]
folds = 2
epochs = 2
[architectures.mine]
source = "own.py:build"
"""


AUGMENTED = """
import keras


def build(hyperparameters, input_shape, classes):
    image = keras.Input(input_shape)
    x = keras.layers.RandomFlip()(image)
    x = keras.layers.RandomRotation(0.1)(x)
    x = keras.layers.GaussianNoise(0.1)(x)
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    x = keras.layers.Dropout(0.2, seed=3)(keras.layers.Flatten()(x))
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax")(x))
"""


def test_layers_that_draw_at_random_are_exported_without_chance(tmp_path: Path) -> None:
    """Every format classifies as the trained model does, which the command itself proves."""
    (tmp_path / "own.py").write_text(AUGMENTED)
    (tmp_path / "own.toml").write_text(OWN_SWEEP)
    home = tmp_path / "home"
    refold(home, "run", str(tmp_path / "own.toml"), "--quiet", "--workers", "1")
    about = json.loads(refold(home, "export", "own", "--format", "all", "--out", str(tmp_path), "--json"))
    assert list(about["formats"]) == list(FORMATS)
    assert all(form["largest_difference"] <= 1e-5 for form in about["formats"].values())
    assert "left_out" not in about


def test_a_users_own_layers_go_where_they_can(tmp_path: Path) -> None:
    """As operations into ONNX, whose runtime needs nothing of the user's; not into a Keras file.

    Asked for all formats, refold leaves that one out and says so; asked for it by its name, it refuses.
    """
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "own.toml").write_text(OWN_SWEEP)
    home = tmp_path / "home"
    refold(home, "run", str(tmp_path / "own.toml"), "--quiet", "--workers", "1")
    (tmp_path / "own.py").unlink()  # what was recorded is enough
    asked = ("export", "own", "--how", "ensemble", "--out", str(tmp_path / "models"))
    about = json.loads(refold(home, *asked, "--format", "all", "--json"))
    assert list(about["formats"]) == ["savedmodel", "onnx", "litert"]
    assert about["formats"]["onnx"]["largest_difference"] <= 1e-5
    assert list(about["left_out"]) == ["keras", "mlflow"]
    assert "Left out: Keras cannot hold the layer" in (Path(about["folder"]) / "README.md").read_text()
    command = [sys.executable, "-m", "refold", *asked, "--home", str(home), "--force"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert refused.returncode == 2
    assert "Keras cannot hold the layer 'doubled' (Twice)" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert [path.name for path in (tmp_path / "models").iterdir()] == [about["name"]]

"""Initial weights that the fit's seed does not decide are noticed: all folds would begin with them."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.architectures.inspect_messages import InspectRequest
from trainer.errors import UsageError

pytestmark = pytest.mark.training

CODE = """
import random
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

{before}

def net(hyperparameters, input_shape, classes):
    {first}
    image = keras.Input(input_shape)
    x = keras.layers.Conv2D(2, 3, name="first")(image)
    x = {layer}(x)
    {then}
    x = keras.layers.Flatten()(x)
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax")(x))
"""
PLAIN = "keras.layers.Dense(4, name='second')"
OWN = """
class Own(keras.layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], 2), trainable={trainable}, initializer={initializer})
    def call(self, x):
        return x @ self.w

def drawn(shape, dtype=None):
    return np.random.default_rng(3).normal(size=shape).astype("float32")
"""
OUT = "so all folds would begin alike: leave that out, or "


def tried(folder: Path, *, keep: bool = False, files: tuple[str, ...] = (), **parts: Any) -> tuple[str, ...]:
    """Return the remarks on a network."""
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from trainer.architectures.inspect_process import examine

    blanks = {"before": "", "first": "", "then": "", "layer": PLAIN}
    (folder / "mine.py").write_text(CODE.format(**blanks | parts))
    request = InspectRequest(
        base=str(folder), spec="mine.py:net", cell=None, name="tiny", input_shape=(8, 8, 1), classes=3,
        files=files, keep_seeds=keep,
    )  # fmt: skip
    return examine(request).remarks


GLOROT = "keras.initializers.GlorotUniform(seed=1)"
SEEDED: dict[str, tuple[dict[str, Any], str]] = {
    "an initialiser with a seed": (
        {"layer": f"keras.layers.Dense(4, name='second', kernel_initializer={GLOROT})"},
        f"mine.py:net: the layer 'second' (Dense) has a seed of its own (kernel_initializer), {OUT}",
    ),
    "a layer in a model in the model": (
        {
            "layer": f"keras.Sequential([keras.layers.Dense(4, name='second', kernel_initializer={GLOROT})])"
        },
        f"mine.py:net: the layer 'second' (Dense) has a seed of its own (kernel_initializer), {OUT}",
    ),
    "one initialiser for all builds": (
        {
            "before": "once = keras.initializers.GlorotUniform()",
            "layer": "keras.layers.Dense(4, name='second', kernel_initializer=once)",
        },
        "mine.py:net: the layer 'second' (Dense) has an initialiser that is made once, outside of build "
        f"(kernel_initializer), {OUT}",
    ),
    "a seed for everything": (
        {"first": "keras.utils.set_random_seed(3)"},
        "mine.py:net: its code sets a seed for all random numbers: the layer 'first' (Conv2D) and 2 other "
        f"layers begin with the same weights under any other, {OUT}",
    ),
    "a seed for Python": (
        {"first": "random.seed(3)"},
        "mine.py:net: its code sets a seed for all random numbers: the layer 'first' (Conv2D) and 2 other "
        f"layers begin with the same weights under any other, {OUT}",
    ),
    "a generator in the user's code": (
        {"before": OWN.format(trainable=True, initializer="drawn"), "layer": "Own(name='own')"},
        "mine.py:net: the layer 'own' (Own) begins with the same weights under any seed, so all folds would "
        "begin alike: draw them without a seed, declare the file that they come from (files), or ",
    ),
    "a seed in a layer's own initialiser": (
        {
            "before": OWN.format(trainable=False, initializer="keras.initializers.RandomNormal(seed=2)"),
            "layer": f"keras.layers.Dense(4, name='second', bias_initializer={GLOROT})",
        },
        f"mine.py:net: the layer 'second' (Dense) has a seed of its own (bias_initializer), {OUT}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SEEDED)
def test_seeds_of_the_users_own_are_refused_by_name(tmp_path: Path, case: str) -> None:
    """One line that names the layer, and what to write if it is meant."""
    parts, said = SEEDED[case]
    with pytest.raises(UsageError) as caught:
        tried(tmp_path, **parts)
    assert str(caught.value) == f'{said}write own_seeds = "keep" in [architectures.tiny] to mean it'


def test_a_layer_without_a_name_has_the_one_that_it_is_trained_with(tmp_path: Path) -> None:
    """Automatic names count on from build to build."""
    with pytest.raises(UsageError, match=r"the layer 'dense' \(Dense\) has a seed of its own"):
        tried(tmp_path, layer=f"keras.layers.Dense(4, kernel_initializer={GLOROT})")


def test_who_means_it_says_keep(tmp_path: Path) -> None:
    """Then the network is taken, with a word on what it means."""
    layer = SEEDED["an initialiser with a seed"][0]
    assert tried(tmp_path, keep=True, **layer) == (
        "tiny: the layer 'second' (Dense) begins with the same weights in all fits, whatever their seeds "
        '(own_seeds = "keep")',
    )
    assert tried(tmp_path, keep=True) == ()


HARMLESS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a dropout with a seed, which each fit replaces": {"layer": "keras.layers.Dropout(0.2, seed=3)"},
    "a random layer with a seed": {"layer": "keras.layers.RandomFlip(seed=3)"},
    "an identity": {"layer": "keras.layers.Dense(2, kernel_initializer='identity')"},
    "a constant": {
        "layer": "keras.layers.Dense(2, kernel_initializer=keras.initializers.Constant([[0., 1.], [2., 3.]]))"
    },
    "weights that are not trained": {
        "before": OWN.format(trainable=False, initializer="drawn"), "layer": "Own(name='own')",
    },
    "a seed that decides no weight": {"first": "np.random.seed(3)"},
}  # fmt: skip


@pytest.mark.parametrize("case", HARMLESS)
def test_what_decides_no_initial_weight_is_no_own_seed(tmp_path: Path, case: str) -> None:
    """Constants, and seeds of layers that draw while they are trained: each fit gives those its own."""
    assert tried(tmp_path, **HARMLESS[case]) == ()


LOADED = (
    "weights = np.load(Path(__file__).parent / 'w.npy')\n"
    "    keras.Model(image, x).get_layer('first').set_weights([weights, np.zeros(2)])"
)


def test_weights_from_declared_files_are_welcome(tmp_path: Path) -> None:
    """They are the same in all fits, which is said; a seed beside them is refused all the same."""
    np.save(tmp_path / "w.npy", np.random.default_rng(0).normal(size=(3, 3, 1, 2)).astype("float32"))
    assert tried(tmp_path, files=("w.npy",), then=LOADED) == (
        "tiny: the layer 'first' (Conv2D) begins with the same weights in all fits: they seem to come from "
        "its files (w.npy)",
    )
    with pytest.raises(UsageError, match=r"the layer 'second' \(Dense\) has a seed of its own"):
        tried(tmp_path, files=("w.npy",), then=LOADED, **SEEDED["an initialiser with a seed"][0])
    with pytest.raises(UsageError, match="its code sets a seed for all random numbers"):
        tried(tmp_path, files=("w.npy",), then=LOADED, first="keras.utils.set_random_seed(3)")

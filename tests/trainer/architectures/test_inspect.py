"""A user's architecture is tried out before anything is trained."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trainer.architectures import inspect_user, load_user
from trainer.architectures.inspect_messages import InspectRequest
from trainer.errors import UsageError
from trainer.hyperparameters import Choice, Float
from trainer.user_code import UserSource

GOOD = """
import keras
from mine.layers import hidden

class TinyNet:
    space = {"units": {"choices": [4, 8]}, "rate": {"low": 0.0, "high": 0.5}}

    def build(self, hyperparameters, input_shape, classes):
        inputs = keras.Input(input_shape)
        x = hidden(keras.layers.Flatten()(inputs), hyperparameters["units"])
        x = keras.layers.Dropout(hyperparameters["rate"])(x)
        return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))
"""
SIBLING = """
import keras
print("this must not be in the answer")

class Gate(keras.layers.Layer):
    def call(self, x):
        return x * keras.ops.sigmoid(x)

def hidden(x, units):
    return Gate()(keras.layers.Dense(units, activation="relu")(x))
"""
#: A model in one line; what is wrong with it is filled in.
MODEL = """
import keras
def TinyNet(hyperparameters, input_shape, classes):
    inputs = keras.Input({input})
    return {result}
"""
END = "keras.Model(inputs, keras.layers.Dense({units}{how})(keras.layers.Flatten()(inputs)))"

SOFTMAX = ", activation='softmax'"
TEN = END.format(units="classes", how=SOFTMAX)


def write(folder: Path, main: Any, **siblings: Any) -> None:
    """Write a user's folder."""
    (folder / "my_models.py").write_text(main)
    for name, text in siblings.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def look(folder: Path, spec: str = "my_models.py:TinyNet", shape: Any = (8, 8, 1), classes: Any = 10) -> Any:
    """Inspect it as the coordinator does."""
    return inspect_user(spec, base=folder, name="mine", input_shape=shape, classes=classes)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("my_models.py", 'must look like "file.py:Name"'),
        ("my_models:TinyNet", 'must look like "file.py:Name"'),
        ("my_models.py:Tiny Net", 'must look like "file.py:Name"'),
        ("other.py:TinyNet", "there is no file .*other.py"),
    ],
)
def test_what_needs_no_process_is_refused_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, message: str
) -> None:
    """A wrong spelling or a missing file is told at once."""
    monkeypatch.setattr(subprocess, "run", None)
    with pytest.raises(UsageError, match=message):
        look(tmp_path, spec)


@pytest.mark.training
def test_a_good_one_comes_back_as_texts_and_space(tmp_path: Path) -> None:
    """Its file, the sibling it imports and its space are returned; its print is not in the way."""
    write(tmp_path, GOOD, mine__layers=SIBLING, unused="1 / 0\n")
    found = look(tmp_path)
    source, space = found.source, found.space
    assert source.spec == "my_models.py:TinyNet"
    assert source.files == (("my_models.py", GOOD), ("mine/layers.py", SIBLING))
    assert space == {"units": Choice((4, 8)), "rate": Float(low=0.0, high=0.5)}
    assert load_user(source, name="mine", digest=source.digest).space == space
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        "layers.py",
        "mine",
        "my_models.py",
        "unused.py",
    ]


@pytest.mark.slow
@pytest.mark.training
def test_a_cell_is_tried_out_with_the_modules_beside_its_notebook(tmp_path: Path) -> None:
    """Its text stands in the place of a file; what it imports from the folder is carried with it."""
    write(tmp_path, "1 / 0", mine__layers=SIBLING, notebook="1 / 0")
    cell = UserSource(spec="notebook:TinyNet", files=(("notebook.py", GOOD),))
    found = inspect_user(cell, base=tmp_path, name="mine", input_shape=(8, 8, 1), classes=10)
    source, space = found.source, found.space
    assert source.spec == "notebook:TinyNet"
    assert source.files == (("notebook.py", GOOD), ("mine/layers.py", SIBLING))
    assert set(space) == {"units", "rate"}
    broken = UserSource(spec="notebook:TinyNet", files=(("notebook.py", "import kers\n" + GOOD),))
    with pytest.raises(UsageError, match=r"notebook\.py line 1: ModuleNotFoundError: .*'kers'"):
        inspect_user(broken, base=tmp_path, name="mine", input_shape=(8, 8, 1), classes=10)


@pytest.mark.slow
@pytest.mark.training
def test_a_custom_layer_trains_from_its_text_alone(tmp_path: Path) -> None:
    """A layer of the user's, whose file does not exist on this machine, is traced and trained."""
    write(tmp_path, GOOD, mine__layers=SIBLING)
    source = look(tmp_path).source
    (tmp_path / "mine" / "layers.py").unlink()
    (tmp_path / "my_models.py").unlink()
    import numpy as np

    model = load_user(source, name="mine", digest=source.digest).build(
        {"units": 4, "rate": 0.1}, (8, 8, 1), 2
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(np.zeros((4, 8, 8, 1), "float32"), np.array([0, 1, 0, 1]), verbose=0)


@pytest.mark.slow
@pytest.mark.training
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "import os\nprint('{}')\nos._exit(3)\n",
            "my_models.py:TinyNet: the process that tried it out ended (3)",
        ),
        (
            "from pathlib import Path\nTEXT = (Path(__file__).parent / 'unused.py').read_text()\n"
            + MODEL.format(input="input_shape", result=TEN),
            "my_models.py:TinyNet works in its own folder, but not from the texts of its Python files alone: "
            "my_models.py line 2: FileNotFoundError: ",
        ),
    ],
)
def test_what_only_the_whole_process_shows(tmp_path: Path, text: str, message: str) -> None:
    """A module that ends the process, or that needs more than travels, gets one line as well."""
    write(tmp_path, text, unused="")
    with pytest.raises(UsageError) as caught:
        look(tmp_path)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


CASES = {
    "x = kers.Model\n": "my_models.py line 1: NameError: name 'kers' is not defined",
    "import keras\ndef TinyNte(h, s, c): ...\n": "my_models.py has no 'TinyNet': did you mean 'TinyNte'?",
    MODEL.format(input="input_shape", result=END.format(units=1000, how=SOFTMAX)): (
        "my_models.py:TinyNet builds a model whose output is (None, 1000), expected (None, 10)"
    ),
    MODEL.format(input="input_shape", result=END.format(units="classes", how="")): (
        "my_models.py:TinyNet builds a model whose outputs are not probabilities: end it with a softmax"
    ),
    MODEL.format(input="(28, 28, 1)", result=TEN): (
        "my_models.py:TinyNet builds a model whose input is (None, 28, 28, 1), expected (None, 8, 8, 1)"
    ),
    MODEL.format(input="(64,)", result=TEN): (
        "my_models.py:TinyNet builds a model whose input is (None, 64), expected (None, 8, 8, 1)"
    ),
    MODEL.format(input="input_shape", result="keras.Model([inputs, keras.Input((1,))], " + TEN[20:]): (
        "my_models.py:TinyNet builds a model with 2 inputs, expected one"
    ),
    MODEL.format(input="input_shape", result="keras.Model(inputs, [inputs, inputs])"): (
        "my_models.py:TinyNet builds a model whose output is a list, expected (None, 10)"
    ),
    MODEL.format(input="input_shape", result="inputs"): (
        "my_models.py:TinyNet builds a KerasTensor, expected a keras.Model"
    ),
    MODEL.format(input="input_shape", result="None"): (
        "my_models.py:TinyNet builds a NoneType, expected a keras.Model"
    ),
    MODEL.format(
        input="input_shape",
        result="keras.Sequential([inputs, keras.layers.Flatten(), keras.layers.Dense(classes, "
        "kernel_initializer=keras.initializers.Constant(float('nan')), activation='softmax')])",
    ): "my_models.py:TinyNet builds a model whose output is not finite",
    MODEL.format(
        input="(8, 8, 1)",
        result="keras.Sequential([inputs, keras.layers.Flatten(), keras.layers.Softmax(), "
        "keras.layers.Lambda(lambda x: keras.ops.ones((4, 10)) / 10, output_shape=(10,))])",
    ): "my_models.py:TinyNet builds a model without anything to train",
    MODEL.format(input="input_shape", result="hyperparameters['widht']"): (
        "my_models.py line 5: KeyError: 'widht'"
    ),
    "def TinyNet(h): ...\n": "my_models.py:TinyNet: TypeError: TinyNet() takes 1 positional argument but 3",
    "import keras\nclass TinyNet(keras.Model): ...\n": "my_models.py:TinyNet is a Keras class: expected",
    "import keras\nTinyNet = keras.Sequential()\n": "my_models.py:TinyNet is a Keras object: expected",
}


@pytest.fixture(scope="module")
def examine() -> Any:
    """Return what the process runs, to run it here: a process for each mistake would take a minute."""
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from trainer.architectures.inspect_process import examine

    return examine


def tiny_net(folder: Path) -> InspectRequest:
    """Return what is asked about the class in a folder's file."""
    return InspectRequest(
        base=str(folder), spec="my_models.py:TinyNet", cell=None, name="mine",
        input_shape=(8, 8, 1), classes=10,
    )  # fmt: skip


@pytest.mark.training
@pytest.mark.parametrize("text", CASES, ids=range(len(CASES)))
def test_each_mistake_has_its_line(tmp_path: Path, examine: Any, text: str) -> None:
    """What is wrong with the model is said in one line that names file and name."""
    write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        examine(tiny_net(tmp_path))
    assert str(caught.value).startswith(CASES[text])
    assert "\n" not in str(caught.value)


@pytest.mark.training
@pytest.mark.parametrize(
    "body",
    [
        "class Net(keras.Model):\n"
        "    def __init__(self, classes):\n        super().__init__()\n"
        "        self.a = keras.layers.Flatten()\n"
        "        self.b = keras.layers.Dense(classes, activation='softmax')\n"
        "    def call(self, x):\n        return self.b(self.a(x))\n"
        "def TinyNet(h, s, c):\n    return Net(c)\n",
        "def TinyNet(h, s, c):\n"
        "    last = keras.layers.Dense(c, activation='softmax')\n"
        "    return keras.Sequential([keras.layers.Flatten(), last])\n",
        "def TinyNet(h, s, c):\n"
        "    x = keras.Input((None, None, s[2]))\n    y = keras.layers.GlobalAveragePooling2D()(x)\n"
        "    return keras.Model(x, keras.layers.Dense(c, activation='softmax')(y))\n",
    ],
)
def test_any_style_of_model_is_welcome(tmp_path: Path, examine: Any, body: Any) -> None:
    """Subclassed models, sequential ones without an input, and ones that take any size pass."""
    write(tmp_path, "import keras\n" + body)
    found = examine(tiny_net(tmp_path))
    assert len(found.source.files) == 1
    assert found.space == {}
    assert found.remarks == ()


def test_importing_it_imports_no_tensorflow() -> None:
    """The coordinator imports inspect_user and must stay light."""
    code = "import sys; from trainer.architectures import inspect_user; print('keras' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"

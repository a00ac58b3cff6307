"""What is built in Python is checked exactly like a sweep file."""

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeps.definition.architecture_choice import ArchitectureChoice
from sweeps.definition.spec import CrossValidation, Limits, Prune, Search, SweepSpec
from sweeps.definition.sweep_file import parse_sweep, sweep_text
from trainer.datasets import Arrays, DatasetSource
from trainer.errors import UsageError
from trainer.hyperparameters import Fixed, Float
from trainer.user_code import UserSource

ANY: Any = SweepSpec  # types are wrong on purpose
WRONG_RANGE: Any = {"low": 1.0, "high": 0.1}

#: What is wrong, in a file and in Python.
SAME: dict[str, Callable[[], object]] = {
    'name = "x/../y"': lambda: SweepSpec(name="x/../y"),
    'name = "x"\ntrials = -1': lambda: SweepSpec(name="x", trials=-1),
    'name = "x"\ntrials = "3"': lambda: ANY(name="x", trials="3"),
    'name = "x"\nseed = 1.5': lambda: ANY(name="x", seed=1.5),
    'name = "x"\nseed = -1': lambda: SweepSpec(name="x", seed=-1),
    'name = "x"\ndevice = "tpu"': lambda: SweepSpec(name="x", device="tpu"),
    'name = "x"\ndataset = 3': lambda: ANY(name="x", dataset=3),
    'name = "x"\ndataset = ""': lambda: SweepSpec(name="x", dataset=""),
    'name = "x"\n[dataset]\nsource = "d"\nsamples = 1': (
        lambda: SweepSpec(name="x", dataset=DatasetSource(source="d", samples=1))
    ),
    'name = "x"\n[dataset]\nsource = "d"\nimage_size = [4, 4]': (
        lambda: SweepSpec(name="x", dataset=DatasetSource(source="d", image_size=(4, 4)))
    ),
    'name = "x"\n[mlflow]\nexperiment = " "': lambda: SweepSpec(name="x", experiment=" "),
    'name = "x"\n[architectures.resnte]': lambda: SweepSpec(name="x", architectures=["resnte"]),
    'name = "x"\n[architectures]': lambda: SweepSpec(name="x", architectures=[]),
    'name = "x"\n[architectures.mine]\nsource = "y"': lambda: ArchitectureChoice(name="mine", source="y"),
    'name = "x"\n[architectures.lenet]\ndropout = {low = 1.0, high = 0.1}': (
        lambda: ArchitectureChoice(name="lenet", ranges={"dropout": WRONG_RANGE})
    ),
    'name = "x"\n[cv]\nfolds = 1': lambda: CrossValidation(folds=1),
    'name = "x"\n[cv]\nepochs = true': lambda: CrossValidation(epochs=True),
    'name = "x"\n[cv]\nstop_share = 0.9': lambda: CrossValidation(stop_share=0.9),
    'name = "x"\n[cv]\nmin_delta = nan': lambda: CrossValidation(min_delta=float("nan")),
    'name = "x"\n[search]\nwindow = 0': lambda: Search(window=0),
    'name = "x"\n[prune]\nrungs = [9, 3]': lambda: Prune(rungs=[9, 3]),  # type: ignore[arg-type]
    'name = "x"\n[prune]\nkeep = 0': lambda: Prune(keep=0),
    'name = "x"\n[cv]\nepochs = 9\n[prune]\nrungs = [3, 9]': (
        lambda: SweepSpec(name="x", cv=CrossValidation(epochs=9), prune=Prune(rungs=(3, 9)))
    ),
    'name = "x"\n[limits]\nfit_minutes = 0': lambda: Limits(fit_minutes=0),
}


@pytest.mark.parametrize("text", SAME)
def test_a_wrong_value_gets_the_same_words_in_python_as_in_a_file(text: str) -> None:
    """The same rule and the same message, before anything runs."""
    with pytest.raises(UsageError) as in_file:
        parse_sweep(tomllib.loads(text))
    with pytest.raises(UsageError) as in_python:
        SAME[text]()
    assert str(in_python.value) == str(in_file.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ANY(name="x", cv={"folds": 3}), "cv = {'folds': 3}: must be a CrossValidation"),
        (lambda: ANY(name="x", limits=3), "limits = 3: must be a Limits"),
        (lambda: ANY(name="x", architectures="resnet"), "architectures = \"resnet\": must be a list"),
        (lambda: ANY(name="x", architectures=[3]), "architectures: 3 must be a name, a class or an"),
        (lambda: SweepSpec(name="x", architectures=["vgg", "vgg"]), "architectures has 'vgg' twice"),
        (lambda: ANY(name="x", folder=None), "folder = None: must be the path of a folder"),
        (lambda: ANY(name="x", seed=np.zeros((99, 9))), "seed = [[0. 0."),
        (lambda: replace(SweepSpec(name="x"), trials=-1), "trials = -1: must be at least 1"),
        (lambda: replace(CrossValidation(), folds=1), "cv.folds = 1: must be at least 2"),
    ],
)  # fmt: skip
def test_what_only_python_can_get_wrong_is_one_line_too(make: Callable[[], object], message: str) -> None:
    """Wrong kinds of objects, names twice, and what replace() makes of a good spec."""
    with pytest.raises(UsageError) as caught:
        make()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_names_stand_for_what_they_mean_in_a_file() -> None:
    """A dataset's and an architecture's name are enough, and a bare value fixes a hyperparameter."""
    spec = SweepSpec(name="x", dataset="mnist", architectures=["resnet", "vgg"])
    assert spec.dataset == DatasetSource(source="mnist")
    assert spec.architectures == (ArchitectureChoice(name="resnet"), ArchitectureChoice(name="vgg"))
    with pytest.raises(UsageError, match=r"architectures.vgg.dropout = Float.*: low 1.0 is above high 0.1"):
        ArchitectureChoice(name="vgg", ranges={"dropout": Float(low=1.0, high=0.1)})
    fixed = ArchitectureChoice(name="vgg", ranges={"learning_rate": 0.001})
    assert fixed.ranges == {"learning_rate": Fixed(0.001)}


class Tiny:
    """An architecture in a module."""

    def build(self, hyperparameters: Any, input_shape: Any, classes: Any) -> Any:
        """Never called here."""


def test_a_class_of_the_user_s_is_an_architecture() -> None:
    """Under its own name or another; one of a module stands for the module's file."""
    here = f"{Path(__file__).resolve()}:Tiny"
    spec = SweepSpec(name="x", architectures=["vgg", Tiny])
    assert [(choice.name, choice.source) for choice in spec.architectures] == [("vgg", None), ("Tiny", here)]
    named = ArchitectureChoice(name="mine", source=Tiny)
    assert named == ArchitectureChoice(name="mine", source=here)
    assert parse_sweep(tomllib.loads(sweep_text(SweepSpec(name="x", architectures=[named]))))


def test_code_from_a_notebook_s_cell_is_carried_as_text() -> None:
    """The recorded sweep file names it, and says what to do where somebody runs that file."""
    cell = UserSource(spec="notebook:Net", files=(("notebook.py", "class Net: ..."),))
    spec = SweepSpec(name="x", architectures=[ArchitectureChoice(name="mine", source=cell)])
    assert spec.architectures[0].source == cell
    with pytest.raises(UsageError, match=r"notebook:Net.: it was defined in a notebook or script"):
        parse_sweep(tomllib.loads(sweep_text(spec)))


def test_two_arrays_are_a_dataset() -> None:
    """Recorded by their fingerprint; checked where they are given."""
    images, labels = np.zeros((24, 8, 8), np.uint8), np.arange(24) % 2
    spec = SweepSpec(name="x", dataset=(images, labels))
    assert spec.dataset == Arrays(images, labels)
    assert f'source = "arrays:{Arrays(images, labels).loaded.search.fingerprint}"' in sweep_text(spec)
    assert SweepSpec(name="x", dataset=Arrays(images, labels)) == spec
    with pytest.raises(UsageError, match=r"dataset has 3 parts: it must be two arrays, \(images, labels\)"):
        ANY(name="x", dataset=(images, labels, labels))
    with pytest.raises(UsageError, match="the array of labels has 5 labels for 24 images"):
        SweepSpec(name="x", dataset=(images, labels[:5]))


def test_numbers_of_numpy_become_plain_ones() -> None:
    """What decides a sweep's key is the same whatever kind of number said it."""
    whole, real = np.int64(3), np.float32(0.25)
    cv = CrossValidation(folds=whole, stop_share=float(real), min_delta=0)  # type: ignore[arg-type]
    assert (type(cv.folds), type(cv.min_delta)) == (int, float)
    assert parse_sweep(tomllib.loads(sweep_text(SweepSpec(name="x", cv=cv)))).cv == cv

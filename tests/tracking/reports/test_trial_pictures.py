"""Pictures of trials: drawn without error, with what a reader needs to read them."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracking.records import TrialRecord
from tracking.reports.drawing import png
from tracking.reports.trial_pictures import confusion_picture, learning_curves

Make = Callable[..., TrialRecord]
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot")


def texts(axes: Any) -> list[str]:
    """What is written inside the axes."""
    return [text.get_text() for text in axes.texts]


def test_learning_curves_show_every_fold_and_its_best_epoch(trial: Make) -> None:
    """One named curve a fold, one mark at its best epoch, both losses beside."""
    figure = learning_curves(trial("resnet", 7, folds=5, epochs=20))
    scores, losses = figure.axes
    assert "resnet/7" in figure.get_suptitle()
    assert "0.9" in figure.get_suptitle()
    legend = scores.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        *(f"fold {fold}" for fold in range(5)),
        "best epoch",
    ]
    marks = [
        line for line in scores.get_lines() if line.get_marker() == "o" and len(np.asarray(line.get_xdata()))
    ]
    assert [list(np.asarray(line.get_xdata())) for line in marks] == [[19]] * 5
    assert len(losses.get_lines()) == 10
    assert (scores.get_ylabel(), losses.get_xlabel()) == ("macro-F1", "epoch")


@pytest.mark.parametrize(
    ("state", "done", "folds", "epochs"),
    [
        ("complete", None, 1, 1),
        ("failed", 1, 3, 4),
        ("failed", 2, 3, 1),
        ("pruned", 2, 5, 3),
        ("complete", None, 30, 2),
    ],
)
def test_learning_curves_of_odd_trials_are_drawn(
    state: str, done: int | None, folds: int, epochs: int, trial: Make
) -> None:
    """One epoch, a NaN, one fold, thirty folds: each gives a PNG."""
    figure = learning_curves(trial("vgg", 0, state, done, folds=folds, epochs=epochs))
    assert png(figure).startswith(b"\x89PNG")
    assert (state in figure.get_suptitle()) == (state != "complete")


def test_the_confusion_matrix_shows_counts_and_class_names(trial: Make) -> None:
    """Counts of the pooled predictions in the cells, names along both sides."""
    given = trial("mobilenet", 3, folds=3)
    figure = confusion_picture(given, CLOTHES)
    axes = figure.axes[0]
    assert given.confusion is not None
    assert sorted(texts(axes), key=int) == sorted(
        (str(count) for row in given.confusion for count in row if count), key=int
    )
    assert [label.get_text() for label in axes.get_xticklabels()] == list(CLOTHES)
    assert axes.get_title() == "mobilenet/3   out-of-fold predictions of 3 folds"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    assert png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("classes", [2, 21, 100])
def test_many_classes_are_drawn_without_numbers(classes: int, trial: Make) -> None:
    """More than twenty classes leave no room for numbers, and more than forty none for every name."""
    figure = confusion_picture(trial(classes=classes), [f"class number {index}" for index in range(classes)])
    assert bool(texts(figure.axes[0])) == (classes <= 20)
    assert len(figure.axes[0].get_xticks()) <= 40
    assert png(figure).startswith(b"\x89PNG")


def test_a_trial_without_a_fold_has_no_confusion_matrix(trial: Make) -> None:
    """There is nothing to draw, which is said."""
    with pytest.raises(ValueError, match="no finished fold"):
        confusion_picture(trial("vgg", 0, "running", 0), CLOTHES)


def test_the_same_trial_gives_the_same_bytes(trial: Make) -> None:
    """So that a picture that is written again is the same file."""
    assert png(learning_curves(trial())) == png(learning_curves(trial()))


def test_pyplot_stays_out() -> None:
    """Its global state is not for threads; importing the module does not even import matplotlib."""
    program = "import sys, tracking.reports.trial_pictures; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

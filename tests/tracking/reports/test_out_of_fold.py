"""Predictions joined with images: each image once a repeat, with its own class."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.closed_formula import plan, result_of, run_of
from tracking.records import FoldRecord, TrialRecord
from tracking.reports.drawing import png
from tracking.reports.out_of_fold import HeldOut
from tracking.reports.trial_pictures import most_confused
from trainer.datasets import Dataset
from trainer.fits.split import Split

CLASSES = ("cat", "dog", "eel")


def dataset(channels: int = 1, count: int = 60) -> Dataset:
    """Images that are not looked at, with three classes in turn."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, size=(count, 8, 8, channels), dtype=np.uint8)
    labels = np.arange(count, dtype=np.int32) % 3
    return Dataset(name="animals", images=images, labels=labels, classes=CLASSES, pixel_max=255.0)


def trial(data: Dataset, wrong: tuple[int, ...] = (4, 17)) -> TrialRecord:
    """A trial that takes some images for the next class, the lower ones more confidently."""
    made = plan(folds=3)
    specs = made.fit_specs(made.architectures[0], 0, {"learning_rate": 1e-3})
    folds = []
    for spec in specs:
        images = Split.of_fit(spec, data).held_out(spec.fold or 0)
        predicted = (data.labels[images] + np.isin(images, wrong)) % 3
        sure = 0.99 - images / 1000
        result = replace(
            result_of(spec),
            predictions=predicted.astype("<u2").tobytes(),
            confidences=sure.astype("<f4").tobytes(),
        )
        folds.append(FoldRecord(spec=spec, run=replace(run_of(spec), result=result)))
    return TrialRecord(
        architecture="alpha", number=0, state="complete", hyperparameters={}, seed=1, proposed_at=0.0,
        folds=tuple(folds),
    )  # fmt: skip


def test_every_image_is_predicted_once_with_its_own_class() -> None:
    """The union of the folds is the dataset; what is wrong is exactly what was made wrong."""
    data = dataset()
    found = HeldOut(data).of(trial(data))
    assert found is not None
    assert sorted(found.image) == list(range(60))
    assert (found.true == data.labels[found.image]).all()
    assert list(found.image[found.mistakes()]) == [4, 17]


def test_the_table_begins_with_the_mistakes() -> None:
    """As MLflow's tables are written: columns, then rows; class names, not numbers."""
    data = dataset()
    found = HeldOut(data).of(trial(data))
    assert found is not None
    table = json.loads(found.table(CLASSES))
    assert table["columns"] == ["image", "true", "predicted", "confidence", "correct", "fold"]
    assert [row[:5] for row in table["data"][:2]] == [
        [4, "dog", "eel", 0.986, False],
        [17, "eel", "cat", 0.973, False],
    ]
    assert len(table["data"]) == 60
    assert all(row[4] for row in table["data"][2:])


def test_the_table_names_files() -> None:
    """Where images have names, a mistake can be traced to its file."""
    data = replace(dataset(), paths=tuple(f"pets/{number}.png" for number in range(60)))
    found = HeldOut(data).of(trial(data))
    assert found is not None
    table = json.loads(found.table(CLASSES))
    assert table["columns"][:2] == ["image", "path"]
    assert [row[1] for row in table["data"][:2]] == ["pets/4.png", "pets/17.png"]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_most_confused_images_are_drawn(channels: int) -> None:
    """Grey, colour, and anything else; each named by true and predicted class."""
    data = dataset(channels)
    made = trial(data, wrong=tuple(range(30)))
    found = HeldOut(data).of(made)
    assert found is not None
    figure = most_confused(made, found, data)
    titles = [text.get_text() for text in figure.axes[0].texts]
    assert len(titles) == len(figure.axes[0].get_images()) == 24
    assert titles[0] == "cat → dog\n0.990"
    assert png(figure).startswith(b"\x89PNG")


def test_captions_name_the_files() -> None:
    """A long name is cut at its beginning: what tells files apart is at the end."""
    paths = tuple(f"cat{'s' * (number % 2) * 30}/{number}.png" for number in range(60))
    data = replace(dataset(), paths=paths)
    made = trial(data)
    found = HeldOut(data).of(made)
    assert found is not None
    titles = [text.get_text() for text in most_confused(made, found, data).axes[0].texts]
    assert titles == ["dog → eel\n0.986 cat/4.png", "eel → cat\n0.973 …ssssssssss/17.png"]


def test_predictions_that_do_not_fit_the_images_are_left_out() -> None:
    """Without predictions, or with too few, there is no table rather than a wrong one."""
    data = dataset()
    made = trial(data)
    short = [
        replace(
            fold, run=replace(fold.run, result=replace(fold.run.result, predictions=b"\0\0", confidences=b""))
        )
        for fold in made.folds
    ]
    assert HeldOut(data).of(replace(made, folds=tuple(short))) is None
    assert HeldOut(data).of(replace(made, folds=())) is None

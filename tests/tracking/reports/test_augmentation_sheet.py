"""The sheet of augmented images: which images, whose random numbers, and a picture of any kind of image."""

from dataclasses import replace

import numpy as np
import pytest

from tests.closed_formula import plan, run_of
from tests.made_up_records import make_sweep
from tracking.mlflow.files import trial_files
from tracking.records import FoldRecord, TrialRecord
from tracking.reports.augmentation_sheet import Sheet, of_trial, some_of_each_class
from tracking.reports.drawing import png
from trainer.datasets import Dataset
from trainer.fits.seeds import derive
from trainer.fits.split import Split
from trainer.hyperparameters import Value
from trainer.recipe.augmentation import COLUMNS, Strengths, random_rows


def dataset(shape: tuple[int, int, int] = (8, 8, 1), classes: int = 3, count: int = 60) -> Dataset:
    """Random images with classes in turn."""
    images = np.random.default_rng(0).integers(0, 255, size=(count, *shape), dtype=np.uint8)
    labels = np.arange(count, dtype=np.int32) % classes
    names = tuple(f"class {label} $x^2$ of a long name" for label in range(classes))
    return Dataset(name="made", images=images, labels=labels, classes=names, pixel_max=255.0)


def trial(**hyperparameters: Value) -> TrialRecord:
    """A complete trial with these hyperparameters."""
    made = plan(folds=3)
    values = {"learning_rate": 1e-3, **hyperparameters}
    specs = made.fit_specs(made.architectures[0], 0, values)
    return TrialRecord(
        architecture="alpha", number=0, state="complete", hyperparameters=values, seed=1, proposed_at=0.0,
        folds=tuple(FoldRecord(spec=spec, run=run_of(spec)) for spec in specs),
    )  # fmt: skip


def sheet(data: Dataset, strengths: Strengths) -> Sheet:
    """A sheet of some images."""
    images = some_of_each_class(data, np.arange(len(data.labels)))
    return Sheet(name="made", what="some", strengths=strengths, seed=3, dataset=data, images=images)


def test_a_trials_sheet_has_the_random_numbers_and_the_training_images_of_its_first_fit() -> None:
    """So it shows what the network saw in those epochs; a flip tells which numbers were used."""
    made, data = trial(augment_flip="horizontal"), dataset()
    found, spec = of_trial(made, data), made.folds[0].spec
    assert set(found.images) <= set(Split.of_fit(spec, data).parts(spec).training)
    for epoch in (1, 2):
        rows = random_rows(derive(spec.seeds.augmentation, epoch), np.arange(60))
        flipped = rows[found.images, COLUMNS["flip_horizontal"]] < 0.5
        expected = data.images[found.images].astype(np.float32)
        expected[flipped] = expected[flipped, :, ::-1]
        assert np.array_equal(found.pixels(epoch), expected)
    assert not np.array_equal(found.pixels(1), found.pixels(2))
    assert not np.array_equal(found.pixels(1), of_trial(made, data, seed=4).pixels(1))


def test_images_are_of_as_many_classes_as_there_is_room_for() -> None:
    """Few classes have several images each; of many those that lie evenly apart."""
    for classes, expected in ((1, 1), (3, 3), (8, 8), (20, 8)):
        data = dataset(classes=classes)
        chosen = some_of_each_class(data, np.arange(10, 60))
        assert len(chosen) == len(set(chosen)) == 8
        assert chosen.min() >= 10
        assert len(set(data.labels[chosen])) == expected


@pytest.mark.parametrize("shape", [(8, 8, 1), (5, 9, 2), (40, 9, 3), (1, 1, 4)])
def test_images_of_any_shape_are_drawn(shape: tuple[int, int, int]) -> None:
    """Grey, colour and anything else; the title has the strengths, names are no formulas."""
    strengths = Strengths.of({"augment": "strong", "augment_flip": "both"})
    figure = sheet(dataset(shape), strengths).figure()
    assert png(figure).startswith(b"\x89PNG")
    assert "rotate 15°" in figure.texts[0].get_text()
    labels = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert labels[:3] == ["as it is", "epoch 1", "epoch 2"]


def test_mlflow_gets_the_sheet_of_complete_augmented_trials() -> None:
    """No other trial has one, and their digests are what they were."""
    data = dataset()
    augmented = trial(augment="light")
    names = {
        name: "augmentation.png" in trial_files(make_sweep(), each, None, images)[0]
        for name, each, images in (
            ("augmented", augmented, data),
            ("plain", trial(), data),
            ("switched off", trial(augment="none"), data),
            ("pruned", replace(augmented, state="pruned"), data),
            ("no images", augmented, None),
        )
    }
    assert [name for name, there in names.items() if there] == ["augmented"]

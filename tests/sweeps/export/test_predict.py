"""Classifying image files with an exported model."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sweeps.export import foreign_model
from sweeps.export.about import ModelAbout
from sweeps.export.model_card import to_json
from sweeps.export.predict import predict
from tests.command import Command, one_line, refold
from tests.exported_model import about, report
from trainer.errors import UsageError

ABOUT = about(
    2, classes=("dark", "light"), input_shape=(8, 8, 1), pixel_max=16.0,
    formats={name: report(name) for name in ("keras", "mlflow")},
)  # fmt: skip


def model(folder: Path, **more: Any) -> Path:
    """Write what a model's folder has, with a file that nobody will load."""
    folder.mkdir()
    (folder / "model.json").write_text(to_json(replace(ABOUT, **more)))
    (folder / "model.keras").write_text("")
    return folder


def image(path: Path, grey: int, *, size: tuple[int, int] = (8, 8), mode: str = "L") -> Path:
    """Write an image of one shade; the size is (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, grey if mode == "L" else (grey,) * 3).save(path)
    return path


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """Stand in for the model: the lighter the image the more probable is light. Returns what it was given."""
    given: list[np.ndarray] = []

    def probabilities(
        _about: ModelAbout, _name: str, _file: Path, pixels: np.ndarray, _work: Path, *, trust: bool
    ) -> np.ndarray:
        assert not trust
        given.append(pixels)
        light = pixels.mean(axis=(1, 2, 3)) / 16
        return np.stack([1 - light, light], axis=1)

    monkeypatch.setattr(foreign_model, "probabilities", probabilities)
    return given


def test_images_and_folders_are_classified(tmp_path: Path, scored: list[np.ndarray]) -> None:
    """In the order given, folders sorted and with their folders; pixels as the sweep had them."""
    folder = model(tmp_path / "m")
    image(tmp_path / "photos" / "b.png", 255)
    image(tmp_path / "photos" / "a" / "x.JPG", 0)
    image(tmp_path / "photos" / ".hidden.png", 0)
    (tmp_path / "photos" / "notes.txt").write_text("no image")
    one = image(tmp_path / "one.png", 51)
    found = predict(folder, [one, tmp_path / "photos"])
    assert [each.image for each in found] == [
        str(one),
        str(tmp_path / "photos" / "a" / "x.JPG"),
        str(tmp_path / "photos" / "b.png"),
    ]
    assert [each.class_name for each in found] == ["dark", "dark", "light"]
    assert [each.probability for each in found] == pytest.approx([0.8, 1.0, 1.0])
    assert found[0].probabilities == pytest.approx({"dark": 0.8, "light": 0.2})
    assert scored[0].dtype == np.float32
    assert scored[0].shape == (3, 8, 8, 1)
    assert scored[0].max() == 16


def test_images_become_what_the_sweep_made_of_them(tmp_path: Path, scored: list[np.ndarray]) -> None:
    """A size or a colour that the sweep brought its images to is brought about here too."""
    folder = model(tmp_path / "m", image_size=[8, 8], colour="grey")
    predict(folder, [image(tmp_path / "large.png", 255, size=(20, 30), mode="RGB")])
    assert scored[0].shape == (1, 8, 8, 1)


@pytest.mark.parametrize(
    ("size", "mode", "said"),
    [
        ((9, 8), "L", r"it is 8x9 pixels \(height x width\), not 8x8"),
        ((8, 8), "RGB", "it is stored as rgb, the model takes grey"),
    ],
)
def test_images_that_do_not_fit_are_refused(
    tmp_path: Path, scored: list[np.ndarray], size: tuple[int, int], mode: str, said: str
) -> None:
    """By name; nothing is classified."""
    wrong = image(tmp_path / "wrong.png", 9, size=size, mode=mode)
    with pytest.raises(UsageError, match=rf"wrong\.png': {said}"):
        predict(model(tmp_path / "m"), [image(tmp_path / "right.png", 9), wrong])
    assert scored == []


def test_what_is_no_image_is_refused(tmp_path: Path, scored: list[np.ndarray]) -> None:
    """A text, a missing file, a folder without images, channels that files do not have."""
    folder = model(tmp_path / "m")
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"text\.png': it is no PNG, JPEG, WebP, BMP or TIFF inside"):
        predict(folder, [tmp_path / "text.png"])
    with pytest.raises(UsageError, match=r"there is no image .*none\.png"):
        predict(folder, [tmp_path / "none.png"])
    with pytest.raises(UsageError, match="has no PNG, JPEG, WebP, BMP or TIFF image in it"):
        predict(folder, [tmp_path / "empty"])
    odd = model(tmp_path / "odd", input_shape=[8, 8, 2])
    with pytest.raises(UsageError, match="takes 2 channels"):
        predict(odd, [image(tmp_path / "right.png", 9)])


def test_a_file_of_the_model_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is that file that is loaded; its maker is trusted only if that is said."""
    folder = model(tmp_path / "m", formats={name: report(name) for name in ("keras", "onnx")})
    (folder / "model.onnx").write_text("")
    asked = []

    def probabilities(_about: ModelAbout, name: str, file: Path, *_: Any, trust: bool) -> np.ndarray:
        asked.append((name, file.name, trust))
        return np.array([[0.5, 0.5]], np.float32)

    monkeypatch.setattr(foreign_model, "probabilities", probabilities)
    one = image(tmp_path / "one.png", 9)
    predict(folder / "model.onnx", [one])
    predict(folder, [one], trust_model=True)
    assert asked == [("onnx", "model.onnx", False), ("keras", "model.keras", True)]


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    """A missing folder, somebody's folder, a file beside the model, a model that is in MLflow alone."""
    one = image(tmp_path / "one.png", 9)
    folder = model(tmp_path / "m", formats={"mlflow": report("mlflow")})
    (tmp_path / "mine").mkdir()
    with pytest.raises(UsageError, match=r"there is no model .*none: name the folder"):
        predict(tmp_path / "none", [one])
    with pytest.raises(UsageError, match=r"mine is no model of 'refold export'"):
        predict(tmp_path / "mine", [one])
    with pytest.raises(UsageError, match="was only exported to MLflow"):
        predict(folder, [one])
    with pytest.raises(UsageError, match="is no file of the model"):
        predict(folder / "model.json", [one])
    gone = model(tmp_path / "gone")
    (gone / "model.keras").unlink()
    with pytest.raises(UsageError, match=r"model\.keras is gone"):
        predict(gone, [one])


def test_a_missing_runtime_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    folder = model(tmp_path / "m", formats={"onnx": report("onnx")})
    (folder / "model.onnx").write_text("")
    monkeypatch.setattr("trainer.formats.catalogue.find_spec", lambda _module: None)
    with pytest.raises(UsageError, match=r"pip install 'refold\[onnx\]'"):
        predict(folder, [image(tmp_path / "one.png", 9)])


def test_an_array_of_pixels_is_classified_as_it_is(tmp_path: Path, scored: list[np.ndarray]) -> None:
    """Its images are called by their place; grey ones need no channel."""
    folder = model(tmp_path / "m")
    pixels = np.stack([np.zeros((8, 8)), np.full((8, 8), 16)]).astype(np.uint8)
    found = predict(str(folder), pixels)
    assert [(each.image, each.class_name) for each in found] == [("0", "dark"), ("1", "light")]
    np.testing.assert_array_equal(scored[0], pixels[..., None])


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (
            np.zeros((2, 9, 8, 1)),
            r"are an array \[2, 9, 8, 1\] of float64, and the model takes .*\[n, 8, 8, 1\]",
        ),
        (np.zeros((0, 8, 8, 1)), r"are an array \[0, 8, 8, 1\]"),
        (np.zeros((1, 8, 8, 1), dtype=object), "of object"),
        (np.full((1, 8, 8, 1), 255), "values from 255 to 255, and the model was trained on 0 to 16"),
        (np.full((1, 8, 8, 1), np.nan), "values from nan to nan"),
    ],
)
def test_an_array_that_the_model_cannot_know_is_refused(
    tmp_path: Path, pixels: np.ndarray, said: str
) -> None:
    """Another shape, no image, no numbers, another scale."""
    with pytest.raises(UsageError, match=said):
        predict(model(tmp_path / "m"), pixels)


@pytest.mark.slow
@pytest.mark.training
def test_a_saved_model_that_writes_a_file_is_refused(tmp_path: Path) -> None:
    """A real one, on the command line: one line and no file. If its maker is trusted it does what it does."""
    victim = tmp_path / "victim"
    made = Command("tests.hostile_graphs")(str(tmp_path / "made"), str(victim), "write", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    folder = model(tmp_path / "m", formats={"savedmodel": report("savedmodel")})
    (tmp_path / "made" / "write").rename(folder / "saved_model")
    image(tmp_path / "photo.png", 9)
    said = one_line(refold("predict", "m", "photo.png", cwd=tmp_path))
    assert said.startswith("refold: m/saved_model is not loaded: its operation WriteFile (in the function ")
    assert said.endswith("if you trust its maker, add --trust-model (in Python: trust_model=True)")
    assert not victim.exists()
    trusted = refold("predict", "m", "photo.png", "--trust-model", "--json", cwd=tmp_path)
    assert trusted.returncode == 0, trusted.stderr
    assert victim.read_text() == "written by the model"
    assert json.loads(trusted.stdout)[0]["class_name"] == "dark"

"""``refold evaluate``: the scores of an exported model on labelled images, and what is said beside them."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import f1_score

import refold
from sweeps import evaluation
from sweeps.export.about import ModelAbout, SweptDataset
from tests.command import here
from tests.exported_model import about
from tests.labelled_trainer import LabelledWorkers, record_sweep
from tracking.ledger.ledger import Ledger
from trainer.datasets import Arrays, open_stored
from trainer.errors import UsageError

RNG = np.random.default_rng(1)
IMAGES, LABELS = (
    RNG.integers(0, 255, (60, 8, 8), dtype=np.uint8),
    np.array(["a", "b"])[RNG.integers(0, 2, 60)],
)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModelAbout:
    """A model of two classes that says "b" to bright images, with the mean pixel as its probability."""
    made = about(classes=("a", "b"), input_shape=(8, 8, 1), pixel_max=255.0)

    def bright(_about: Any, _name: str, _file: Any, pixels: Any, *_more: Any, **_options: Any) -> Any:
        mean = pixels.reshape(len(pixels), -1).mean(axis=1) / 255
        return np.stack([1 - mean, mean], axis=1).astype(np.float32)

    monkeypatch.setattr(evaluation, "find_model", lambda _model: (made, "keras", tmp_path / "model.keras"))
    monkeypatch.setattr("sweeps.export.foreign_model.probabilities", bright)
    return made


@pytest.mark.usefixtures("model")
def test_scores_are_scikit_learn_s_and_lie_in_their_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the number of images that are classified at a time; groups make the interval another one."""
    done = refold.evaluate("model", Arrays(IMAGES, LABELS))
    predicted = np.where(IMAGES.mean(axis=(1, 2)) > 127.5, "b", "a")
    assert done.f1.score == pytest.approx(f1_score(LABELS, predicted, average="macro"))
    assert done.accuracy.score == pytest.approx((predicted == LABELS).mean())
    assert 0 <= done.f1.low < done.f1.score < done.f1.high <= 1
    assert [each.class_name for each in done.predictions] == predicted.tolist()
    monkeypatch.setattr(evaluation, "AT_ONCE", 7 * 4 * 64)
    grouped = refold.evaluate("model", Arrays(IMAGES, LABELS, groups=np.arange(60) // 4))
    assert grouped.f1.score == done.f1.score
    assert (grouped.groups, grouped.f1.units, done.f1.units) == (15, 15, 60)
    told = json.loads(json.dumps(done.to_json()))
    assert told["by_class"]["a"]["support"] == int((LABELS == "a").sum())
    wrong = {(each["true"], each["predicted"]): each["images"] for each in told["confused"]}
    assert wrong["a", "b"] == int(((LABELS == "a") & (predicted == "b")).sum())
    assert sum(wrong.values()) == int((predicted != LABELS).sum())


@pytest.mark.usefixtures("model")
def test_a_folder_is_scored_without_its_bad_images(tmp_path: Path) -> None:
    """They are named; the CSV has a row for each image that was scored; groups come from the names."""
    for number in range(20):
        path = tmp_path / "photos" / "ab"[number % 2] / f"p{number // 4}_{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(IMAGES[number]).save(path)
    (tmp_path / "photos/a/p9_9.png").write_bytes(b"nonsense")
    arguments = ["evaluate", "model", str(tmp_path / "photos"), "--groups", "(p[0-9]+)_"]
    done = here(*arguments, "--csv", str(tmp_path / "out.csv"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "20 images of 5 groups" in done.stdout
    assert "95 % intervals for new groups: groups count, not images" in done.stdout
    assert "rows: true classes; columns: what they were taken for; [right predictions]:" in done.stdout
    assert "images  groups" in done.stdout
    assert "taken for" in done.stdout
    assert "1 file left out because it cannot be read: 'a/p9_9.png'" in done.stdout
    with (tmp_path / "out.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 20
    assert rows[0]["image"] == "a/p0_0.png"
    assert rows[0]["true"] == "a"


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            Arrays(IMAGES, np.where(LABELS == "a", "a", "c")),
            "has the class 'c', which is none of the model's",
        ),
        (Arrays(np.zeros((8, 9, 9), np.uint8), np.arange(8) % 2), "has images of 9x9x1, and the model takes"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(source: Arrays, said: str) -> None:
    """One line that names it."""
    with pytest.raises(UsageError, match=said):
        refold.evaluate("model", source)
    with pytest.raises(UsageError, match="has no official test set"):
        refold.evaluate("model", source, part="test")


def test_an_exam_s_opening_is_counted_once_and_survives_the_sweep(
    model: ModelAbout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scoring the exam of a recorded sweep is an opening; images that were trained on are said."""
    home = record_sweep(tmp_path, LabelledWorkers({"lenet": 0.9}), "lenet")
    with Ledger.read(home) as ledger:
        data = ledger.sweep("made").dataset
    assert data.exam is not None
    exam = open_stored(home / "datasets" / data.exam.fingerprint)
    search = open_stored(home / "datasets" / data.fingerprint)
    swept = SweptDataset(name="data", fingerprint=data.fingerprint, images=data.samples)
    knows = replace(model, classes=("0", "1", "2"), dataset=swept)
    monkeypatch.setattr(evaluation, "find_model", lambda _model: (knows, "keras", tmp_path))
    monkeypatch.setattr(
        "sweeps.export.foreign_model.probabilities",
        lambda _about, _name, _file, pixels, *_more, **_options: np.full((len(pixels), 3), 1 / 3, np.float32),
    )
    assert "trained on" not in str(refold.evaluate("model", Arrays(exam.images, exam.labels), home).notes)
    few = refold.evaluate("model", Arrays(exam.images[:6], exam.labels[:6], groups=np.arange(6)), home).notes
    assert few[0].startswith("6 of 6 images are of the exam of the sweep 'made', which is opened by this")
    assert few[0].endswith("1 model scored on it so far")
    seen = refold.evaluate("model", Arrays(search.images[:9], search.labels[:9]), home).notes
    assert seen[0].startswith("9 images of these are among those that the model was trained on")
    refold.evaluate("model", Arrays(exam.images, exam.labels), home)
    with Ledger.open(home) as ledger:
        (opening,) = ledger.openings(data.exam.fingerprint)
        assert ledger.damaged_openings() is None
        assert (opening.purpose, opening.sweep, opening.model) == ("evaluation", "s", model.key)
        ledger.remove_sweep("made")
        assert ledger.openings(data.exam.fingerprint) == (opening,)


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("none",), "none"),
        (("photos", "--groups", "(q[0-9]+)_"), "(q[0-9]+)_"),
        (("photos", "--groups", "(["), "(["),
        (("photos", "--groups", "7"), "7"),
        (("digits", "--groups", "(p)"), "groups applies to files of images only"),
        (("photos", "--csv", "none/out.csv"), "its folder does not exist"),
        (("photos", "--csv", "photos"), "it is a folder"),
        (("photos", "--part", "test"), "has no official test set"),
    ],
)
def test_hostile_words_are_refused_in_one_line(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """Exit code 2, nothing written."""
    for number in range(4):
        path = tmp_path / "photos" / "ab"[number % 2] / f"p{number}_.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(IMAGES[number]).save(path)
    before = sorted(tmp_path.rglob("*"))
    done = here("evaluate", "model", *words, cwd=tmp_path)
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, ""), line
    assert said in line
    assert sorted(tmp_path.rglob("*")) == before

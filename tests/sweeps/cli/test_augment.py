"""``refold augment``: a sheet of a sweep file's strongest augmentation, or of a recorded trial's own."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweeps.api.augmentation import sheet
from tests.command import here, one_line
from tests.labelled_trainer import LabelledWorkers, record, sweep
from trainer.errors import UsageError
from trainer.hyperparameters import Choice, Fixed, Range

SWEEP = """
name = "tiny"
[dataset]
source = "digits"
samples = 200
[architectures.lenet]
augment_flip = "both"
[architectures.baseline]
[training]
augment_shift = {low = 0.0, high = 0.2}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a sweep whose lenet may be augmented and whose baseline never is."""
    made = sweep(tmp_path_factory.mktemp("recorded"), "lenet", "baseline", trials=6)
    lenet, baseline = made.architectures
    lenet = replace(lenet, ranges={"augment": Choice(("none", "strong")), "augment_rotate": Fixed(5.0)})
    off: dict[str, Range] = {"augment": Choice(("none", "light")), "augment_shift": Fixed(0)}
    off |= {"augment_brightness": Fixed(0), "augment_contrast": Fixed(0)}
    made = replace(made, architectures=(lenet, replace(baseline, ranges=off)))
    return record(made, LabelledWorkers({"lenet": 0.8, "baseline": 0.9}))


def test_a_sweep_file_has_a_sheet_of_its_strongest_augmentation(tmp_path: Path) -> None:
    """Of its first architecture that is augmented, or of the one that is named; nothing is recorded."""
    (tmp_path / "sweep.toml").write_text(SWEEP)
    done = here("augment", "sweep.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "lenet of sweep.toml: the strongest augmentation that its trials can have",
        "flip both, shift 0.2",
        "the sheet is in sweep-augmentation.png",
    ]
    named = ("--architecture", "baseline", "--out", "b.png", "--seed", "7", "--json")
    done = here("augment", "sweep.toml", *named, cwd=tmp_path)
    found = json.loads(done.stdout)
    assert (found["sheet"], found["strengths"]["shift"]) == ("b.png", 0.2)
    assert found["strengths"]["flip"] == "none"
    pictures = [(tmp_path / name).read_bytes() for name in ("sweep-augmentation.png", "b.png")]
    assert all(content.startswith(b"\x89PNG") for content in pictures)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("sweep.toml --trial lenet/0", "a sweep file has no trials yet"),
        ("sweep.toml --out sheet.jpg", "name a file that ends with .png"),
        ("sweep.toml --out none/sheet.png", "its folder does not exist"),
        ("sweep.toml --architecture vgg", "has no architecture 'vgg'; it has: lenet, baseline"),
        ("plain.toml", 'no trial is augmented: write augment = "light" under [training]'),
        ("small.toml", "training.augment_shift has no effect: 0.1 of 8 x 8 pixels is less than one pixel"),
        ("absent.toml", "absent.toml"),
        ("absent", "no sweep has run in"),
    ],
)
def test_wrong_input_gets_one_line(arguments: str, words: str, tmp_path: Path) -> None:
    """Exit code 2, and no picture."""
    (tmp_path / "sweep.toml").write_text(SWEEP)
    (tmp_path / "plain.toml").write_text('name = "plain"\n[dataset]\nsource = "digits"\nsamples = 200\n')
    (tmp_path / "small.toml").write_text('name = "small"\n[training]\naugment_shift = 0.1\n')
    assert words in one_line(here("augment", *arguments.split(), cwd=tmp_path))
    assert list(tmp_path.glob("*.png")) == []


def test_a_recorded_sweep_has_the_sheet_of_its_best_augmented_trial(home: Path) -> None:
    """Or of the trial that is named; the seed can be another one."""
    found = sheet("made", home)
    assert found.name.startswith("lenet/")
    assert "rotate" in found.strengths.kinds
    named = sheet("made", home, trial=found.name.split()[0], seed=5)
    assert (named.name, named.seed) == (found.name, 5)
    assert np.array_equal(named.images, found.images)
    assert not np.array_equal(named.pixels(1), found.pixels(1))


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"architecture": "baseline"}, "no complete trial of baseline of the sweep 'made' is augmented"),
        ({"architecture": "vgg"}, "has no architecture 'vgg'"),
        ({"trial": "lenet/9"}, "no trial 'lenet/9'"),
        ({"trial": "baseline/0"}, "the images of the trial 'baseline/0' are not augmented"),
    ],
)
def test_what_has_no_sheet_is_said(home: Path, chosen: dict[str, str], words: str) -> None:
    """In one line, with what to do."""
    with pytest.raises(UsageError, match=words):
        sheet("made", home, **chosen)  # type: ignore[arg-type]

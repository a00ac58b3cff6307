"""``refold inspect``: each kind of fault is named once it is there, and not before."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import refold
from sweeps.inspection.inspect import quick_lines
from sweeps.inspection.suggestions import guessed_groups
from tests.command import here
from tests.labelled_trainer import FOLDS, IMAGES, LabelledWorkers, record, sweep_of_table
from trainer.datasets import Arrays, DatasetSource, load
from trainer.errors import UsageError


def picture(seed: int) -> Image.Image:
    """A smooth colour picture."""
    noise = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((32, 32), Image.Resampling.BICUBIC)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder without faults: 100 images of two classes, two a patient."""
    for number in range(100):
        path = tmp_path / "photos" / ("cat" if number % 4 < 2 else "dog") / f"p{number // 2:02}_{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(number).save(path)
    return tmp_path / "photos"


def found(folder: Path, **settings: Any) -> Any:
    """Inspect a folder with settings."""
    return refold.inspect(DatasetSource(source=str(folder), **settings))


def texts(report: Any) -> str:
    """Return all problems as one text."""
    return "\n".join(each.text for each in report.inspection.problems)


def test_a_folder_without_faults(photos: Path) -> None:
    """Nothing is wrong; the JSON has the keys that DESIGN names; groups are suggested from the names."""
    report = found(photos)
    assert not report.inspection.wrong
    assert report.inspection.problems == ()
    told = json.loads(json.dumps(report.to_json()))
    assert told["images"] == 100
    assert told["classes"] == {"cat": 50, "dog": 50}
    assert told["groups"] is None
    assert told["duplicates"] == []
    assert told["suggestions"]["dataset.groups"] == guessed_groups(
        [each["path"] for each in report.members()]
    )
    assert "32x32 pixels, colour" in told["facts"][0]


def test_equal_images_are_named_with_what_they_cross(photos: Path) -> None:
    """Across labels one label is wrong, across the exam the exam is not unseen: both make answers wrong."""
    parts = {each["path"]: each for each in found(photos).members()}
    exam = next(path for path, each in parts.items() if each["part"] == "exam")
    search = next(path for path, each in parts.items() if each["part"] == "search" and "dog" in path)
    picture(7_000).save(photos / "cat/p90_1.png")
    picture(7_000).save(photos / "dog/p91_2.png")
    (photos / search).write_bytes((photos / exam).read_bytes())
    report = found(photos)
    kinds = {each.paths: each for each in report.inspection.duplicates}
    contradiction = next(each for each in kinds.values() if "cat/p90_1.png" in each.paths)
    assert contradiction.contradicts
    assert report.inspection.wrong
    assert "of equal images with different labels: one of the labels is wrong" in texts(report)
    assert {"cat/p90_1.png", "dog/p91_2.png"} <= set(report.inspection.suggestions["dataset.exclude"])
    assert any({exam, search} <= set(each.paths) for each in kinds.values())


def test_images_of_an_exam_of_its_own_are_not_suggested_to_be_excluded(photos: Path) -> None:
    """``exclude`` names images of the source; what the suggestion names it takes."""
    for number in range(4):
        path = photos.parent / "exam" / ("cat" if number % 2 else "dog") / f"e{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(9_000 + number).save(path)
    (photos.parent / "exam/cat/wrong.png").write_bytes((photos / "dog/p01_2.png").read_bytes())
    report = found(photos, exam=str(photos.parent / "exam"))
    assert "of equal images with different labels" in texts(report)
    assert report.inspection.suggestions["dataset.exclude"] == ["dog/p01_2.png"]
    assert "dataset.groups" in report.inspection.suggestions


def test_near_duplicates_across_folds_are_a_note_and_kept_together(photos: Path) -> None:
    """They make scores too high; ``keep-together`` puts them on one side, and nothing crosses any more."""
    for number in range(12):
        picture(number).point(lambda value: min(255, value + 4)).save(photos / f"cat/near{number}_x.png")
    report = found(photos, exam=0.0)
    assert "that look the same" in texts(report)
    assert report.inspection.suggestions["dataset.duplicates"] == "keep-together"
    together = found(photos, exam=0.0, duplicates="keep-together")
    assert all("fold" not in each.crosses for each in together.inspection.duplicates)
    assert together.inspection.groups is not None


def test_what_is_too_few_or_plain_is_said(photos: Path) -> None:
    """A constant image, an exam with few images or groups, no exam at all."""
    Image.new("RGB", (32, 32), (9, 9, 9)).save(photos / "dog/p99_1.png")
    assert "1 image of the search with one value in all pixels ('dog/p99_1.png')" in texts(
        found(photos, exam=0.0)
    )
    assert "no exam: no unseen images" in texts(found(photos, exam=0.0))
    assert "the exam has 10 groups, fewer than 20" in texts(found(photos, groups=r"(p\d+)_"))


def test_all_files_that_cannot_be_read_are_listed(photos: Path) -> None:
    """The rest is inspected nevertheless."""
    for number in range(8):
        (photos / f"cat/broken{number}.png").write_bytes(b"?")
    report = found(photos)
    assert report.inspection.wrong
    assert sum("broken" in each.text for each in report.inspection.problems) == 8
    assert len(report.inspection.members) == 100


def test_several_sizes_and_colours_are_reported_and_settled(photos: Path) -> None:
    """The report goes on with settings that fit, says them for the sweep file, and exits with 1."""
    for number, path in enumerate(sorted(photos.rglob("*.png"))):
        if number % 3 == 0:
            picture(number).resize((40, 24)).save(path)
    Image.new("L", (32, 32), 7).save(photos / "cat" / "grey.png")
    (photos / "dog" / "broken.png").write_bytes(b"no picture")
    done = here("inspect", "photos", cwd=photos.parent)
    assert done.returncode == 1, done.stderr
    assert "images of 2 sizes, height x width: 32x32 (67 images), 24x40 (34 images)\n" in done.stdout
    assert "'cat/grey.png' is grey and" in done.stdout
    assert "set image_size" not in done.stdout
    told = found(photos).to_json()
    assert told["images"] == 101
    assert {name: told["suggestions"][f"dataset.{name}"] for name in ("image_size", "fit", "colour")} == {
        "image_size": [32, 32],
        "fit": "pad",
        "colour": "rgb",
    }
    assert '[dataset] unreadable = "leave-out"' in done.stdout
    assert sum("broken.png" in line for line in told["serious"]) == 1


def test_members_say_where_each_image_is(photos: Path) -> None:
    """Part, fold and group of every image; no group has two places."""
    members = found(photos, groups=r"(p\d+)_").members()
    assert {each["part"] for each in members} == {"search", "exam"}
    place = {(each["group"], each["part"], each["fold"]) for each in members}
    assert len({group for group, _, _ in place}) == len(place) == 50


def test_the_command_prints_what_a_stranger_understands(photos: Path, tmp_path: Path) -> None:
    """Exit code 0 without faults, 1 with; the page has pictures and loads no other file."""
    done = here("inspect", "photos", "--html", "photos.html", cwd=tmp_path)
    assert done.returncode == 0
    assert "nothing wrong was found" in done.stdout
    page = (tmp_path / "photos.html").read_text()
    assert "what is in the images" in page
    assert "http" not in page.replace("http-equiv", "")
    (photos / "dog/p98_1.png").write_bytes((photos / "cat/p00_0.png").read_bytes())
    done = here("inspect", "photos", "--json", "--exact", cwd=tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout)["duplicates"][0]["kind"] == "exact"
    assert here("inspect", "nothing-here", cwd=tmp_path).returncode == 2
    assert "is no recorded sweep" in here("inspect", "photos", "--labels", cwd=tmp_path).stderr


def test_a_run_says_the_cheap_half_by_itself() -> None:
    """Equal images across classes and into the exam, in a line each; nothing about good images."""
    rng = np.random.default_rng(3)
    images, labels = rng.integers(0, 255, (60, 8, 8), dtype=np.uint8), np.arange(60) % 2
    exam = rng.integers(0, 255, (40, 8, 8), dtype=np.uint8), np.arange(40) % 2
    assert quick_lines(load(Arrays(images, labels, exam=exam))) == []
    images[5] = images[2]
    exam[0][1] = images[9]
    lines = quick_lines(load(Arrays(images, labels, exam=exam)))
    assert lines[0] == (
        "1 set of equal images in the search and in the exam: the exam is not unseen ('9', 'exam 1')"
    )
    assert lines[1] == "1 set of equal images with different labels: one of the labels is wrong ('2', '5')"


def test_label_errors_need_a_recorded_sweep(tmp_path: Path) -> None:
    """There is nothing to judge labels by before a sweep."""
    with pytest.raises(UsageError, match="label errors are found after a sweep"):
        refold.inspect("digits", tmp_path, labels=True)


def test_a_sweep_may_be_called_like_the_folder_of_its_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As 'refold new' calls it: label errors and members are the sweep's, all else is the folder's."""
    home = record(sweep_of_table(tmp_path, "lenet"), LabelledWorkers({"lenet": 0.9}))
    for number in range(20):
        path = tmp_path / "made" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(number).save(path)
    monkeypatch.chdir(tmp_path)
    assert len(refold.inspect("made", home).members()) == 20
    members = refold.inspect("made", home, sweep=True).members()
    assert {(each["group"], each["fold"]) for each in members} == {
        (f"p{number // 3}", number // 3 % FOLDS) for number in range(IMAGES)
    }
    rows = json.loads(
        here("inspect", "made", "--home", str(home), "--members", "--json", cwd=tmp_path).stdout
    )
    assert rows == members


def test_a_class_without_a_readable_image_is_reported(tmp_path: Path) -> None:
    """The exam that is set aside may then have no image at all."""
    for number in range(2):
        picture(number).save(tmp_path / f"{number}.png")
    (tmp_path / "t.csv").write_text("path,label\n0.png,cat\n1.png,dog\nnone.png,eel\n")
    done = here("inspect", "t.csv", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "the exam has 0 images" in done.stdout
    assert "WRONG: 'row 4': 'none.png' is not there" in done.stdout

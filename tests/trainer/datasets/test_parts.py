"""The exam: it never meets the search, whatever the sweep's seed, sample, groups or excluded images."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from trainer.datasets import Arrays, DatasetSource, load
from trainer.datasets.labelled import Labelled
from trainer.datasets.parts import Loaded, divide, require_separate
from trainer.errors import UsageError
from trainer.escaping import for_terminal


def labelled(labels: list[int], groups: list[int] | None = None) -> Labelled:
    """Images that are all different, the first pixels of each are its number."""
    count = len(labels)
    images = np.zeros((count, 8, 8, 1), dtype=np.uint8)
    images[:, 0, 0, 0], images[:, 0, 1, 0] = np.arange(count) % 256, np.arange(count) // 256
    return Labelled(
        name="made", images=images, labels=np.array(labels, dtype=np.int32), classes=("a", "b", "c"),
        pixel_max=255.0, paths=tuple(f"{number}.png" for number in range(count)),
        group_of=() if groups is None else tuple(f"p{group}" for group in groups),
    )  # fmt: skip


LABELS = st.lists(st.integers(0, 2), min_size=30, max_size=90)


@settings(max_examples=150, deadline=None)
@given(LABELS, st.sampled_from([None, 0.1, 0.2, 0.5]), st.integers(0, 20), st.data())
def test_the_exam_never_meets_the_search(
    labels: list[int], share: float | None, excluded: int, data: st.DataObject
) -> None:
    """Together they are the images that are not excluded; a sample of the search leaves the exam as it is."""
    left_out = {f"{number}.png" for number in range(0, excluded, 3)}
    samples = data.draw(st.none() | st.integers(12, 20))
    found = labelled(labels)
    try:
        whole = divide(found, DatasetSource(source="x", exam=share), excluded=left_out)
        some = divide(found, DatasetSource(source="x", exam=share, samples=samples), excluded=left_out)
    except UsageError as refused:
        assert "class" in str(refused) or "samples" in str(refused)  # noqa: PT017
        assume(False)
    assert whole.exam is not None
    assert some.exam is not None
    assert set(whole.search.paths) & set(whole.exam.paths) == set()
    assert {*whole.search.paths, *whole.exam.paths} == set(found.paths) - left_out
    assert some.exam.fingerprint == whole.exam.fingerprint
    assert set(some.search.paths) <= set(whole.search.paths)


@settings(max_examples=100, deadline=None)
@given(LABELS, st.data())
def test_no_group_is_in_both(labels: list[int], data: st.DataObject) -> None:
    """Whole groups are set aside."""
    count = len(labels)
    groups = data.draw(st.lists(st.integers(0, 25), min_size=count, max_size=count))
    try:
        found = divide(labelled(labels, groups), DatasetSource(source="x"))
        require_separate(found)
    except UsageError as refused:
        assert "class" in str(refused)  # noqa: PT017
        assume(False)
    assert found.exam is not None
    assert set(found.search.group_names) & set(found.exam.group_names) == set()


def test_the_default_is_the_official_test_set_or_a_fifth() -> None:
    """``exam = 0`` switches it off; a share beside an official test set is refused by name."""
    fifth = divide(labelled([0, 1, 2] * 20), DatasetSource(source="x"))
    assert fifth.exam is not None
    assert len(fifth.exam.labels) == 12
    assert fifth.exam_from == "0.2 of the images, set aside"
    test = np.arange(60) >= 48
    with_test = replace(labelled([0, 1, 2] * 20), test=test)
    official = divide(with_test, DatasetSource(source="x"))
    assert official.exam is not None
    assert (len(official.exam.labels), official.exam_from) == (12, "the official test set")
    assert divide(with_test, DatasetSource(source="x", exam=0.0)).exam is None
    with pytest.raises(UsageError, match="has an official test set, which is the exam"):
        divide(with_test, DatasetSource(source="x", exam=0.2))


@pytest.mark.parametrize(
    ("labels", "groups", "said"),
    [
        ([0] * 20 + [1] * 20 + [2] * 5, None, "5 images of class 'c', too few to set 0.2 of them aside"),
        (
            [0] * 20 + [1] * 20 + [2] * 20,
            [*range(40), *[99] * 20],
            "all images of class 'c' are in one group",
        ),
    ],
)
def test_an_exam_that_cannot_be_cut_is_refused(
    labels: list[int], groups: list[int] | None, said: str
) -> None:
    """One line, with what to do."""
    with pytest.raises(UsageError, match=said):
        divide(labelled(labels, groups), DatasetSource(source="x"))


def test_an_exam_of_one_s_own(tmp_path: Path) -> None:
    """Another file with the same classes; groups in both, a missing or an unknown class are refused."""
    rng = np.random.default_rng(1)

    def save(name: str, labels: list[str], groups: list[str]) -> None:
        images = rng.integers(0, 255, (len(labels), 8, 8), dtype=np.uint8)
        np.savez(tmp_path / name, images=images, labels=labels, groups=groups)

    save("search.npz", ["a", "b"] * 10, [f"p{number}" for number in range(20)])
    save("exam.npz", ["b", "a"] * 4, [f"q{number}" for number in range(8)])
    save("shared.npz", ["b", "a"] * 4, [f"p{number}" for number in range(8)])
    save("one.npz", ["a", "a", "b"], ["x", "y", "z"])
    save("other.npz", ["a", "c"] * 4, [f"q{number}" for number in range(8)])

    def loaded(exam: str) -> Loaded:
        return load(DatasetSource(source="search.npz", exam=exam), base=tmp_path)

    found = loaded("exam.npz")
    assert found.exam is not None
    assert found.exam.labels.tolist() == [1, 0] * 4
    assert found.exam_from == "the images of exam.npz"
    for exam, said in (
        ("shared.npz", "the group 'p0' has images in the search and in the exam"),
        ("one.npz", "has 1 image of class 'b', and every class needs 2"),
        ("other.npz", "has the class 'c', which is none of the classes"),
        ("none.npz", "exam: dataset"),
    ):
        with pytest.raises(UsageError, match=said):
            loaded(exam)


def test_excluded_images_must_exist(tmp_path: Path) -> None:
    """A name that is no image is a mistake; comments and empty lines are none."""
    images, labels = np.zeros((40, 8, 8), np.uint8), np.arange(40) % 2
    np.savez(tmp_path / "data.npz", images=images, labels=labels)
    (tmp_path / "out.txt").write_text("# bad ones\n3\n\n5\n")
    found = load(DatasetSource(source="data.npz", exam=0.0, exclude="out.txt"), base=tmp_path)
    assert len(found.search.labels) == 38
    (tmp_path / "out.txt").write_text("3\n99\n")
    with pytest.raises(UsageError, match="exclude names '99', which is no image"):
        load(DatasetSource(source="data.npz", exclude="out.txt"), base=tmp_path)


@pytest.mark.parametrize(
    "name", ["#1/0.png", "# a/0 .png", "a/two\nlines.png", "a/x\u2028y.png", "a/\x1bz.png"]
)
def test_every_name_of_an_image_can_be_excluded(tmp_path: Path, name: str) -> None:
    """Also one that begins like a comment, and one that has to be written as 'refold inspect' shows it."""
    names = [name, *(f"{folder}/{number}.png" for folder in ("a", "b") for number in range(9))]
    for number, path in enumerate(names):
        (tmp_path / "photos" / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), number).save(tmp_path / "photos" / path)
    if (other := (tmp_path / "photos" / name).parent).name != "a":
        Image.new("L", (8, 8), 200).save(other / "1.png")
    (tmp_path / "out.txt").write_text(f"# bad ones\n{for_terminal(name)}\n", encoding="utf-8")
    source = DatasetSource(source="photos", exam=0.0, exclude="out.txt")
    paths = load(source, base=tmp_path, check=False).search.paths
    assert name not in paths
    assert set(names) - set(paths) == {name}


def test_arrays_have_groups_names_and_exams() -> None:
    """As files do; wrong ones are refused where they are given."""
    images, labels = np.random.default_rng(1).integers(0, 255, (60, 8, 8), dtype=np.uint8), np.arange(60) % 2
    given_arrays = Arrays(images, labels, groups=np.arange(60) // 3, paths=[f"x{i}" for i in range(60)])
    found = load(given_arrays)
    assert found.exam is not None
    assert set(found.search.group_names) & set(found.exam.group_names) == set()
    assert found.exam.paths[0].startswith("x")
    assert load(Arrays(images, labels, exam=0)).exam is None
    for wrong, said in (
        ({"groups": [1, 2]}, "has 2 entries for 60 images"),
        ({"exam": 0.7}, "exam must be a share"),
        ({"exam": (images[:2], ["x", "y"])}, "none of the classes"),
    ):
        with pytest.raises(UsageError, match=said):
            Arrays(images, labels, **wrong)

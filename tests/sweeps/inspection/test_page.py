"""The page with pictures: no name on it is anything but text, and what is serious comes first."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import refold
from sweeps.inspection.findings import Duplicates, ranked
from sweeps.inspection.suspects import Suspect
from tests.closed_formula import starter
from tests.hostile_names import assert_seen, image_files, tags
from tests.labelled_trainer import LabelledWorkers, record_sweep
from trainer.datasets import DatasetSource


def picture(seed: int) -> Image.Image:
    """A smooth colour picture."""
    noise = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((32, 32), Image.Resampling.BICUBIC)


def test_what_makes_the_answer_wrong_is_shown_first() -> None:
    """An image in search and exam is not hidden behind many sets that cross folds and groups only."""

    def made(first: int, *crosses: Any) -> Duplicates:
        return Duplicates(
            kind="exact", images=(first, 99), paths=("a", "b"), labels=("c", "c"), crosses=crosses
        )

    several = [made(1), made(2, "fold", "group"), made(3, "label", "fold"), made(4, "exam"), made(5, "fold")]
    assert [each.images[0] for each in ranked(several)] == [4, 3, 2, 5, 1]


def hostile_page(folder: Path) -> tuple[Any, str]:
    """Return the report on pictures with hostile names, all of them there twice, and its page."""
    classes = ("<script>alert(1)<&>", "\"><img src=x onerror='alert(1)'>", "x" * 100)
    for number, name in enumerate(classes):
        (folder / name / "sub\nfolder<i>").mkdir(parents=True)
        for place, file in enumerate(image_files(folder / name / "sub\nfolder<i>")):
            picture(place + 100 * (number // 2)).save(file.with_name(f"{file.name}.png"))
    (folder / classes[0] / "<script>.png").write_bytes(b"no picture")
    Image.new("RGB", (32, 32)).save(folder / classes[2] / "'\"<b>&.png")
    report = refold.inspect(DatasetSource(source=str(folder)))
    names = [each for each in report.inspection.members if each.part == "search"]
    labels = report.loaded.search.classes
    suspects = [
        Suspect(
            image=place, path=each.path, label=each.label, suggested=labels[place % 3],
            probability=0.5, flagged=place % 2 == 0,
        )
        for place, each in enumerate(names[:20])
    ]  # fmt: skip
    report = replace(report, suspects=suspects)
    return report, report.page()


def test_a_page_of_hostile_names_has_no_element_of_theirs(tmp_path: Path) -> None:
    """Class and file names with HTML, quotes, line ends, unseen characters: shown, and nothing else."""
    report, page = hostile_page(tmp_path / "<b>photos")
    assert len(report.inspection.duplicates) >= 20
    assert any("\u202e" in each.path for each in report.inspection.members)
    assert_seen(page)
    page.encode("utf-8")
    names = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "ul", "li", "p", "span", "table"}
    names |= {"tr", "th", "td", "div", "figure", "img", "figcaption", "bdi", "code"}
    found_tags = tags(page)
    assert {name for name, _ in found_tags} <= names
    allowed = {"lang", "charset", "name", "content", "class", "src", "alt"}
    assert {attribute for _, attributes in found_tags for attribute in attributes} <= allowed
    assert all(attributes == ("src", "alt") for name, attributes in found_tags if name == "img")
    assert page.count('src="data:image/png;base64,') == page.count("<img ")


def test_the_page_says_which_suspects_are_only_suspicious_and_what_to_set(tmp_path: Path) -> None:
    """As the terminal does."""
    _, page = hostile_page(tmp_path / "photos")
    assert page.count("(0.50) (only suspicious)") == 2 * 10  # below the picture, and instead of it
    assert "[dataset] unreadable = &quot;leave-out&quot;" in page


def test_label_errors_of_a_sweep_that_is_called_like_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``refold new photos`` calls the sweep like the folder: asked for label errors, the sweep is meant."""
    workers = LabelledWorkers({"lenet": 0.8})
    home = record_sweep(tmp_path, workers, "lenet")
    (tmp_path / "made").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sweeps.cluster.coordinator.local_workers", lambda _count, log: starter(workers)(log))
    report = refold.inspect("made", home, labels=True)
    assert report.suspects
    assert all(each.suggested != each.label for each in report.suspects)

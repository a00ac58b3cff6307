"""A model that is trained on the exam too: a name, a key and words of its own, and no score."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweeps.analysis.best_trial import pick
from sweeps.api.evaluation import _training_images
from sweeps.cli.main import main
from sweeps.export.about import ModelAbout
from sweeps.export.evaluation_images import gather
from sweeps.export.model_card import card
from sweeps.export.selection import choose, model_name
from sweeps.export.with_exam import choose_with_exam, joined
from sweeps.home import Home
from tests.varied_sweep import NAME, record
from tracking.ledger.ledger import Ledger
from tracking.records import SweepRecord
from trainer.datasets import Dataset, open_stored, store
from trainer.errors import UsageError


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a sweep whose winners were compared on its exam, with its models."""
    return record(tmp_path_factory.mktemp("recorded"))


@pytest.fixture(scope="module")
def swept(home: Path) -> SweepRecord:
    """What is recorded of it."""
    with Ledger.read(home) as ledger:
        return ledger.sweep(NAME)


@pytest.fixture(scope="module")
def parts(home: Path, swept: SweepRecord) -> tuple[Dataset, Dataset]:
    """The images of the search, and the exam."""
    search, exam = (open_stored(home / "datasets" / each) for each in swept.dataset.fingerprints)
    return search, exam


def described(home: Path) -> ModelAbout:
    """Return what is said of the model that was trained on the exam too."""
    with Ledger.read(home) as ledger:
        (folder,) = [each.folder for each in ledger.exports(NAME) if "-refit-all-" in each.folder]
    return ModelAbout.from_json(json.loads((Path(folder) / "model.json").read_text()))


def test_it_is_the_first_refit_on_more_images(swept: SweepRecord, parts: tuple[Dataset, Dataset]) -> None:
    """The same seeds, epochs and hyperparameters; another dataset, so another key and another name."""
    trial, data = pick(swept), joined(*parts)
    smaller, made = choose(swept, trial, "refit"), choose_with_exam(swept, trial, data)
    assert made.specs == (replace(smaller.specs[0], dataset=data.fingerprint),)
    assert (made.twin, made.smaller) == (None, smaller.twin)
    assert made.key != smaller.key
    assert "-refit-all-" in model_name(swept, made, {})
    assert data.fingerprint not in swept.dataset.fingerprints
    assert np.array_equal(data.images[-12:], parts[1].images)
    assert np.array_equal(data.labels, np.concatenate([parts[0].labels, parts[1].labels]))


def test_images_of_another_kind_are_refused(parts: tuple[Dataset, Dataset]) -> None:
    """As no network takes both."""
    search, exam = parts
    with pytest.raises(UsageError, match="not of the same kind"):
        joined(search, replace(exam, images=exam.images[:, :4]))


def test_it_is_given_with_the_score_of_the_smaller_training(home: Path, swept: SweepRecord) -> None:
    """And never with one of its own."""
    about = described(home)
    smaller = about.scores.smaller_training
    assert about.scores.test is None
    assert smaller is not None
    first = swept.examined[about.architecture, about.trial][0].run.result
    assert smaller.f1 == pytest.approx(first.f1)
    assert smaller.confusion == first.confusion
    text = card(about)
    said = f"the refit on the 60 search images scored macro-F1 {smaller.f1:.4f} (95 % interval"
    assert f"**Score of the smaller training:** {said}" in text
    assert "this model also saw the exam, so no unseen image is left to score it" in text
    assert "the exam, images that no fit of the search saw" not in text
    assert "| not this model: the smaller training, on the exam | 12 |" in text


def test_nothing_unseen_is_claimed_when_it_is_compared(
    home: Path, swept: SweepRecord, parts: tuple[Dataset, Dataset], tmp_path: Path
) -> None:
    """Its files are compared on images that it was trained on; evaluating it on the exam is warned of."""
    data = joined(*parts)
    stored = store(data, tmp_path)
    choice = choose_with_exam(swept, pick(swept), data)
    with Ledger.read(home) as ledger:
        entry = ledger.entry(NAME)
    assert entry is not None
    images = gather(home, entry, choice, stored)
    assert images.test is None
    assert images.name.startswith("images of the training data")
    assert len(_training_images(Home(home), described(home)).labels) == 72


def refusal(capsys: pytest.CaptureFixture[str], home: Path, *asked: str) -> str:
    """Return the one line that refuses an export."""
    out = home / "none"
    with pytest.raises(SystemExit) as ended:
        main(["export", NAME, "--include-exam", *asked, "--home", str(home), "--out", str(out)])
    assert ended.value.code == 2
    assert not out.exists()
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_what_cannot_be_is_refused_by_name(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models of folds; a trial whose smaller training was not scored; a sweep without an exam."""
    assert "ensemble is made of the models of folds" in refusal(capsys, home, "--how", "ensemble")
    assert "best-fold is made of the models of folds" in refusal(capsys, home, "--how", "best-fold")
    with Ledger.read(home) as ledger:
        swept = ledger.sweep(NAME)
    winners = {winner.name for winner in swept.winners}
    other = next(each.name for each in swept.trials if each.state == "complete" and each.name not in winners)
    said = refusal(capsys, home, "--trial", other)
    assert f"no image will be left to score the model of {other} on" in said
    assert f"'refold compare {NAME}' does that" in said
    monkeypatch.setattr("sweeps.export.recorded_sweep.exam_images", lambda *_: None)
    assert f"the sweep {NAME!r} has no exam" in refusal(capsys, home)

"""The model card: what people read beside a model."""

import json
from dataclasses import replace

import pytest

from sweeps.export.about import ExamScore, FoldScore, ModelAbout, Scores
from sweeps.export.model_card import card, snippet, to_json
from tests.exported_model import about, cross_validated, score
from trainer.formats.catalogue import FORMATS


def test_it_says_what_matters() -> None:
    """Scores with their spread, how it was made, what it takes and gives, how it compared."""
    text = card(about())
    assert "| cross-validation, all held-out folds together | 30 | 0.9000 | 0.9000 |" in text
    assert "0.9100 ± 0.0200 (mean ± standard deviation)" in text
    assert "trained once more on all training images" in text
    assert "`[n, 8, 8, 3]` (red, green, blue), `uint8` or float, from 0 to 255" in text
    assert "| ONNX | `model.onnx` | 2.0 MB | 1.50 | 3.0e-07 |" in text
    assert "| **class 1** | 0 | 9 | 1 | 0.900 |" in text
    assert "the exam, images" not in text


def test_the_best_evidence_gives_the_confusion_matrix() -> None:
    """The exam, then the model's own fold, then the cross-validation."""
    cross = about().scores.cross_validation
    test = ExamScore(fingerprint="t" * 64, **score(3, 8))
    fold = FoldScore(fold=1, repeat=0, **score(3, 7))
    for scores, said in (
        (
            Scores(cross_validation=cross, test=test, fold=None),
            "The exam, images that no fit of the search",
        ),
        (Scores(cross_validation=cross, test=None, fold=fold), "This model's held-out fold. Rows"),
        (cross_validated(3), "All held-out folds of the cross-validation together"),
    ):
        assert said in card(about(scores=scores))


def test_many_classes_get_a_list_instead_of_a_table() -> None:
    """The twenty largest confusions, largest first; those that never happened are left out."""
    confusion = [list(row) for row in about(30).scores.cross_validation.confusion]
    confusion[4][9] = 77
    lines = card(about(30, scores=cross_validated(30, confusion=confusion))).splitlines()
    first = lines.index("| true | predicted | images |") + 2
    assert lines[first] == "| class 4 | class 9 | 77 |"
    assert sum(line.endswith("| 1 |") for line in lines) == 19


def test_a_format_that_cannot_hold_the_model_is_named() -> None:
    """With its reason, in the card and in model.json, which is read back."""
    why = "Keras cannot hold the layer 'doubled' (Twice): its code would have to travel along"
    made = about(left_out={"keras": why})
    assert f"Left out: {why}." in card(made)
    assert ModelAbout.from_json(json.loads(to_json(made))) == made
    assert "left_out" not in json.loads(to_json(about()))


def test_one_fold_has_no_spread() -> None:
    """And a class name with a bar does not break the table."""
    text = card(about(2, classes=("a|b", "c"), scores=cross_validated(2, f1_std=None)))
    assert "single folds: 0.9100 (mean" in text
    assert "| **a&#124;b** |" in text


@pytest.mark.parametrize("name", FORMATS)
def test_snippets_compile_and_are_in_the_card(name: str) -> None:
    """That they run is tested with real models; here, that each is a program."""
    program = snippet(name, about())
    compile(program, name, "exec")
    assert program in card(about())


def test_model_json_is_json() -> None:
    """With the class names as they are written."""
    made = about(classes=("über", "ß", "猫"))
    assert ModelAbout.from_json(json.loads(to_json(made))) == made
    assert "猫" in to_json(made)


def test_model_json_is_written_as_earlier_versions_wrote_it() -> None:
    """Other programs read it: formats, scores and fits keep the names and the places that they had."""
    written = json.loads(to_json(about()))
    assert written["formats"]["mlflow"] == {
        "file": None, "uri": "models:/s/1", "champion_uri": "models:/s@champion",
        "tracking_uri": "http://here:5000", "bytes": 2_000_000,
        "images": 40, "largest_difference": 3e-7, "ties": 0, "ms_per_image": 1.5,
    }  # fmt: skip
    assert written["formats"]["keras"].keys() == {
        "file", "bytes", "images", "largest_difference", "ties", "ms_per_image"
    }  # fmt: skip
    assert written["scores"]["cross_validation"].keys() == {
        "images", "f1", "accuracy", "confusion", "f1_mean", "f1_std", "f1_folds", "best_epochs"
    }  # fmt: skip
    assert written["fits"][0]["spec"] == json.loads(json.dumps(about().fits[0].spec.to_json()))


def test_what_only_a_newer_version_says_is_left_out() -> None:
    """Its models can be asked all the same."""
    newer = json.loads(to_json(about())) | {"licence": "none"}
    newer["scores"]["cross_validation"]["kappa"] = 0.8
    assert ModelAbout.from_json(newer) == replace(about())
